"""The three tables as CSV, and back."""

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
