"""The three tables as CSV, and back."""

import json

import pandas as pd
import pytest

from foretune.errors import MetaDatasetError
from foretune.interop.export_csv import read_exported_csv
from foretune.interop.export_kinds import export


class TestCsv:
    def test_nothing_is_lost(self, meta, tmp_path):
        export("csv", meta, tmp_path / "out")
        found = read_exported_csv(tmp_path / "out")
        for table in ("tasks", "runs", "curves"):
            pd.testing.assert_frame_equal(getattr(found, table), getattr(meta, table))
        assert found.provenance == meta.provenance

    def test_a_person_can_read_it(self, meta, tmp_path):
        export("csv", meta, tmp_path / "out")
        runs = pd.read_csv(tmp_path / "out" / "runs.csv")
        assert list(runs["message"].dropna()) == ['said "no", twice'] * 3
        assert list(runs.columns) == list(meta.runs.columns)

    def test_a_damaged_table_is_named(self, meta, tmp_path):
        export("csv", meta, tmp_path / "out")
        path = tmp_path / "out" / "curves.csv"
        path.write_text(path.read_text().replace("2.5", "two and a half", 1).replace(",3,", ",three,", 1))
        with pytest.raises(MetaDatasetError, match="out is not what `foretune metadata export csv` writes"):
            read_exported_csv(tmp_path / "out")

    @pytest.mark.parametrize("content", ["[]", "{", '{"columns": {"tasks": {}}}'])
    def test_a_damaged_header_is_named(self, meta, tmp_path, content):
        export("csv", meta, tmp_path / "out")
        (tmp_path / "out" / "metadata.json").write_text(content)
        with pytest.raises(MetaDatasetError, match=r"is not what .* writes \(.*\); export it again"):
            read_exported_csv(tmp_path / "out")

    def test_a_header_without_provenance_is_named(self, meta, tmp_path):
        export("csv", meta, tmp_path / "out")
        path = tmp_path / "out" / "metadata.json"
        header = {name: value for name, value in json.loads(path.read_text()).items() if name != "provenance"}
        path.write_text(json.dumps(header))
        with pytest.raises(MetaDatasetError, match=r"writes \('provenance'\)"):
            read_exported_csv(tmp_path / "out")

    def test_an_empty_text_is_not_a_missing_one(self, meta, tmp_path):
        export("csv", meta, tmp_path / "out")
        header, first = (tmp_path / "out" / "runs.csv").read_text().splitlines()[:2]
        cells = dict(zip(header.replace('"', "").split(","), first.split(","), strict=True))
        assert (cells["message"], cells["source"], cells["config.packed"]) == ('""', "", "true")
