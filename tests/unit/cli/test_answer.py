"""With `--json`, standard output is one document, whatever a verb prints; exit codes are those of the documentation."""

import json
import math
import re
import subprocess
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import pytest
import typer

import foretune.cli
from foretune.cli.answer import answering, plain
from foretune.errors import DataError

PAGE = (Path(__file__).parents[3] / "docs" / "command-line.md").read_text(encoding="utf-8")
FAULT = """
import foretune.session.status
def broken(run): raise RuntimeError("a fault of ours")
foretune.session.status.status_of = broken
from foretune.cli import app
app(["status", "run", "--json"])
"""


class Kind(StrEnum):
    LORA = "lora"


@dataclass(frozen=True)
class Outcome:
    folder: Path
    losses: np.ndarray
    kind: Kind = Kind.LORA


@pytest.fixture
def say(monkeypatch, capsys):
    """What the program ends with where the only verb does as told: exit code, standard output, standard error."""

    def run(does, *arguments):
        commands = typer.Typer()

        @commands.callback()
        def begin():
            """A program of several verbs."""

        @commands.command("do")
        @answering
        def do(rows: int = 1):
            typer.echo("a table")
            return does()

        monkeypatch.setattr(foretune.cli, "commands", commands)
        with pytest.raises(SystemExit) as stop:
            foretune.cli.app(["do", *arguments])
        return stop.value.code, *capsys.readouterr()

    return run


def raising(error):
    def does():
        raise error

    return does


def test_what_a_verb_returns_is_all_of_standard_output(say):
    found = Outcome(Path("run"), np.array([1.5, math.nan]))
    assert say(lambda: found) == (0, "a table\n", "")
    code, out, err = say(lambda: found, "--json")
    assert (code, json.loads(out), err) == (
        0,
        {"folder": "run", "losses": [1.5, None], "kind": "lora"},
        "a table\n",
    )


def test_values_are_what_json_has(say):
    assert plain({1: (np.float32(0.5), np.int64(2), True, None, -math.inf)}) == {"1": [0.5, 2, True, None, None]}


@pytest.mark.parametrize(
    ("error", "kind", "message", "code"),
    [
        (DataError("line 3 is broken"), "DataError", "line 3 is broken", 2),
        (OSError(28, "full", "a.txt"), "OutputError", "a.txt cannot be written (No space left on device)", 2),
        (KeyboardInterrupt("go on with --resume"), "KeyboardInterrupt", "go on with --resume", 130),
        (KeyboardInterrupt(), "KeyboardInterrupt", "interrupted", 130),
    ],
)
def test_an_error_is_a_document_with_the_exit_code(say, error, kind, message, code):
    ended, out, err = say(raising(error), "--json")
    found = json.loads(out)["error"]
    assert (ended, found["type"], found["exit_code"]) == (code, kind, code)
    assert found["message"].startswith(message)
    assert message.lower() in err.lower()
    ended, out, err = say(raising(error))
    assert (ended, out) == (code, "a table\n")
    assert message.lower() in err.lower()


def test_a_mistake_in_the_arguments_is_a_document_too(say):
    code, out, err = say(dict, "--rows", "many", "--json")
    error = json.loads(out)["error"]
    assert (code, error["type"], error["exit_code"]) == (2, "UsageError", 2)
    assert error["message"].startswith("Invalid value for '--rows'")
    assert err == f"foretune: {error['message']}\n"
    code, out, err = say(dict, "--rows", "many")
    assert (code, out) == (2, "")
    assert "Invalid value for '--rows'" in err


def test_a_fault_of_ours_is_a_document_and_a_traceback():
    ended = subprocess.run([sys.executable, "-c", FAULT], capture_output=True, text=True, check=False)
    assert json.loads(ended.stdout) == {"error": {"type": "RuntimeError", "message": "a fault of ours", "exit_code": 1}}
    assert ended.stderr.startswith("Traceback")
    assert ended.returncode == 1


def test_the_exit_codes_are_those_of_the_documentation(say):
    section = PAGE.partition("### Exit codes")[2].partition("\n## ")[0]
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", section, re.M)}
    refused, interrupted, declined = DataError("no"), KeyboardInterrupt(), typer.Abort()
    found = {say(does)[0] for does in (dict, raising(refused), raising(interrupted), raising(declined))}
    assert found == documented == {0, 1, 2, 130}
