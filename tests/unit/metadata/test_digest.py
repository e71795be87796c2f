"""A digest of a meta-dataset follows from its values alone."""

from foretune.metadata import read_meta_dataset, write_meta_dataset
from foretune.metadata.digest import data_sha256


def test_files_and_provenance_do_not_matter(rows, build, tmp_path):
    write_meta_dataset(build(rows, command="one"), tmp_path)
    assert data_sha256(read_meta_dataset(tmp_path)) == data_sha256(build(rows, command="another"))


def test_every_value_matters(rows, build):
    before = data_sha256(build(rows))
    seen = {before}
    for table, column, value in (
        ("tasks", "family", "math"),
        ("runs", "config.rank", 9),
        ("curves", "validation_value", 3.0000000000000004),
        ("curves", "test_value", None),
    ):
        kept = rows[table][0][column]
        rows[table][0][column] = value
        seen.add(data_sha256(build(rows)))
        rows[table][0][column] = kept
    assert len(seen) == 5
    assert data_sha256(build(rows)) == before
