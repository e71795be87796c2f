"""`foretune metadata verify`."""

import pytest

from foretune.cli import app


def test_verify_lists_the_checks(folder, say):
    result = say("metadata", "verify", folder)
    assert result.exit_code == 0, result.output
    line = next(line for line in result.output.splitlines() if "no run is a copy of another" in line)
    assert line.split()[-1] == "12"
    assert result.output.rstrip().endswith("All 16 checks passed.")


def test_a_fault_is_one_line_and_the_exit_status_2(folder, capsys):
    content = bytearray((folder / "runs.parquet").read_bytes())
    content[100] ^= 1
    (folder / "runs.parquet").write_bytes(content)
    with pytest.raises(SystemExit) as stopped:
        app(["metadata", "verify", str(folder)])
    assert stopped.value.code == 2
    assert "runs.parquet is not the file that metadata.json was written for" in capsys.readouterr().err
