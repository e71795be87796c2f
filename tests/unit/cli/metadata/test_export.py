"""`foretune metadata export`."""


def test_export_writes_files_of_some_tasks(folder, tmp_path, say):
    result = say("metadata", "export", "syne-tune", folder, "--out", tmp_path / "out", "--task", "a:m")
    assert result.exit_code == 0, result.output
    assert "1 tasks, 6 configurations, 1 seed" in result.output
    assert "hyperparameters.parquet" in result.output
    assert len(list((tmp_path / "out").iterdir())) == 6
