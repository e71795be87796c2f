"""What other tools are given to read: every file, every value, and what cannot be exported."""

import sys

import pytest

from foretune.errors import MetaDatasetError
from foretune.interop.export_kinds import EXPORTS, export


def test_an_unknown_kind_is_named(meta, tmp_path):
    with pytest.raises(MetaDatasetError, match="cannot export to 'excel'; use one of syne-tune, quicktunetool, csv"):
        export("excel", meta, tmp_path / "out")


@pytest.mark.parametrize("kind", EXPORTS)
def test_no_file_is_overwritten(meta, tmp_path, kind):
    (tmp_path / "mine.txt").write_text("")
    with pytest.raises(MetaDatasetError, match="is not an empty folder; give another --out"):
        export(kind, meta, tmp_path)


def test_exporting_needs_no_other_tool(meta, tmp_path):
    for kind in EXPORTS:
        export(kind, meta, tmp_path / kind)
    assert not {"syne_tune", "qtt", "fastparquet"} & set(sys.modules)
