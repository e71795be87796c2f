"""A dataset of sums, and `foretune recommend` on it, only for tests."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import Result
from typer.testing import CliRunner

from foretune.cli import commands

ROWS = [{"prompt": f"What is {i} plus {i}?", "completion": str(2 * i)} for i in range(120)]


def write_sums(folder: Path) -> Path:
    """The dataset in a file."""
    path = folder / "sums.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def recommend(*arguments: object) -> str:
    """The standard output of the verb."""
    return invoke(*arguments).stdout


def invoke(*arguments: object) -> Result:
    """What the verb ends with."""
    result = CliRunner().invoke(commands, ["recommend", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result
