import subprocess
import sys
from importlib.metadata import version

import pytest

import foretune.cli
from foretune.cli import start

CODE = """
import time
time.sleep(1.5)
from foretune.cli.start import seconds_since_start
print(seconds_since_start())
"""


def test_the_clock_of_a_budget_begins_with_the_process():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert float(done.stdout) > 1.5


def test_where_the_system_does_not_say_it_begins_with_the_import(monkeypatch, tmp_path):
    monkeypatch.setattr(start, "_STAT", tmp_path / "nothing")
    monkeypatch.setattr(start, "_IMPORTED", start.time.monotonic() - 7.0)
    assert 7.0 <= start.seconds_since_start() < 30.0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--version"], f"foretune {version('foretune')}"),
        (["-h"], "Finetune language models"),
        (["tune", "-h"], "Find the best finetuning"),
        (["metadata", "merge", "-h"], "Join meta-datasets"),
    ],
)
def test_short_questions_are_answered(arguments, said, capsys):
    with pytest.raises(SystemExit) as stop:
        foretune.cli.app(arguments)
    assert stop.value.code == 0
    assert said in capsys.readouterr().out
