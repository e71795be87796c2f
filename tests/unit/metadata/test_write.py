"""Files of a meta-dataset."""

import json

import pandas as pd

from foretune.metadata import read_meta_dataset, write_meta_dataset


def test_what_is_written_is_read_back(rows, build, tmp_path):
    rows["runs"][0].update({"config.rank": None, "config.packed": True})
    meta = build(rows, command="foretune collect")
    write_meta_dataset(meta, tmp_path / "meta")
    found = read_meta_dataset(tmp_path / "meta")
    for table in ("tasks", "runs", "curves"):
        pd.testing.assert_frame_equal(getattr(found, table), getattr(meta, table))
    assert found.provenance == {"command": "foretune collect"}
    assert sorted(path.name for path in (tmp_path / "meta").iterdir()) == [
        "curves.parquet",
        "metadata.json",
        "runs.parquet",
        "tasks.parquet",
    ]


def test_writing_twice_gives_the_same_bytes(rows, build, tmp_path):
    for name in ("one", "two"):
        write_meta_dataset(build(rows), tmp_path / name)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_metadata_json_says_units_and_version(rows, build, tmp_path):
    write_meta_dataset(build(rows), tmp_path)
    header = json.loads((tmp_path / "metadata.json").read_text())
    assert header["schema_version"] == 2
    assert header["units"]["curves"]["train_seconds"] == "seconds"
    assert header["rows"] == {"tasks": 3, "runs": 10, "curves": 28}
