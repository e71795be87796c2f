"""`foretune metadata merge`."""

from foretune.errors import MetaDatasetError


def test_merge_counts_what_was_found_again(folder, tmp_path, say):
    result = say("metadata", "merge", folder, folder, "--out", tmp_path / "all")
    assert result.exit_code == 0, result.output
    assert "Runs found again, with the same content: 12." in result.output
    assert "all: 2 tasks, 12 runs." in result.output
    assert say("metadata", "verify", tmp_path / "all").exit_code == 0
    again = say("metadata", "merge", folder, "--out", tmp_path / "all")
    assert isinstance(again.exception, MetaDatasetError)
    assert "holds a meta-dataset already; give another --out" in str(again.exception)
