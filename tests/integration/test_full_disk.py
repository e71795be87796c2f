"""A search on a disk that fills up ends with an error in a line, and goes on when there is room again."""

import json
import subprocess
import sys

import pytest

from foretune.journal import read_journal

# Files may have so many bytes: the journal has fewer, the state of a run more.
LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
from foretune.cli import app
app(sys.argv[1:])
"""


@pytest.mark.parametrize("isolate", [[], pytest.param(["--isolate"], marks=pytest.mark.slow)])
def test_a_full_disk_is_no_fault_of_a_trial(tmp_path, isolate):
    rows = [{"prompt": f"What comes after {n}?", "completion": str(n + 1)} for n in range(40)]
    (tmp_path / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    tune = ["tune", "questions.jsonl", "--output", "run", "--budget", "10m", "--max-slices", "1", *isolate, "--json"]

    def said(program, *more):
        command = [sys.executable, "-c", program, *tune, "--no-default-comparison", *more]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.returncode, json.loads(done.stdout)

    code, found = said(LIMITED)
    assert (code, found["error"]["type"], found["error"]["exit_code"]) == (2, "OutputError", 2)
    assert "cannot be written (File too large). All that was finished before is kept" in found["error"]["message"]
    assert read_journal(tmp_path / "run" / "journal.jsonl").entries == ()
    code, found = said("import sys\nfrom foretune.cli import app\napp(sys.argv[1:])", "--resume")
    assert (code, found["run"], found["reason"]) == (0, "run", "all slices of the budget are trained")
