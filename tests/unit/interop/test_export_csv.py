"""The three tables as CSV, and back."""

import json

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv

from foretune.interop.export_kinds import export
from foretune.metadata.frames import arrow_to_frame


def read(path, columns):
    """A table, by what `metadata.json` says of its columns."""
    convert = pa_csv.ConvertOptions(
        column_types={name: pa.type_for_alias(kind) for name, kind in columns.items()},
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    options = pa_csv.ParseOptions(newlines_in_values=True)
    return pa_csv.read_csv(path, convert_options=convert, parse_options=options)


class TestCsv:
    def test_nothing_is_lost(self, meta, tmp_path):
        export("csv", meta, tmp_path / "out")
        header = json.loads((tmp_path / "out" / "metadata.json").read_text())
        for table in ("tasks", "runs", "curves"):
            found = read(tmp_path / "out" / f"{table}.csv", header["columns"][table])
            pd.testing.assert_frame_equal(arrow_to_frame(table, found), getattr(meta, table))
        assert header["provenance"] == meta.provenance

    def test_a_person_can_read_it(self, meta, tmp_path):
        export("csv", meta, tmp_path / "out")
        runs = pd.read_csv(tmp_path / "out" / "runs.csv")
        assert list(runs["message"].dropna()) == ['said "no", twice'] * 3
        assert list(runs.columns) == list(meta.runs.columns)

    def test_an_empty_text_is_not_a_missing_one(self, meta, tmp_path):
        export("csv", meta, tmp_path / "out")
        header, first = (tmp_path / "out" / "runs.csv").read_text().splitlines()[:2]
        cells = dict(zip(header.replace('"', "").split(","), first.split(","), strict=True))
        assert (cells["message"], cells["source"], cells["config.packed"]) == ('""', "", "true")
