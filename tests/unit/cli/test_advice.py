"""Recommendations in the terminal and in a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from foretune.cli import commands
from foretune.errors import ConfigurationError

ROWS = [{"prompt": f"What is {i} plus {i}?", "completion": str(2 * i)} for i in range(120)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "sums.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def recommend(*arguments: object) -> str:
    return invoke(*arguments).stdout


def invoke(*arguments: object) -> Result:
    result = CliRunner().invoke(commands, ["recommend", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result


def test_a_pick_is_exported_for_finetune_and_nothing_is_overwritten(data, tmp_path):
    from foretune.session.recipe import read_configuration

    asked = (data, "--model", "Qwen/Qwen3-8B", "--json", "--seed", 3)
    second = json.loads(recommend(*asked))["recommendations"][1]
    path = tmp_path / "pick.yaml"
    result = invoke(*asked, "--export", path, "--pick", 2)
    assert json.loads(result.stdout)["recommendations"][1] == second
    written = read_configuration(path)
    assert written["configuration"] == second["configuration"]
    assert (written["model"], written["data"], written["seed"]) == ("Qwen/Qwen3-8B", str(data), 3)
    assert f"Pick 2 is in {path}: foretune finetune {data} --config {path} --output RUN" in result.stderr
    again = CliRunner().invoke(commands, ["recommend", str(data), "--export", str(path)])
    assert isinstance(again.exception, ConfigurationError)
    assert "is there already and will not be overwritten" in str(again.exception)
    assert read_configuration(path) == written


def test_a_pick_without_a_file_is_refused(data):
    result = CliRunner().invoke(commands, ["recommend", str(data), "--pick", "2"])
    assert isinstance(result.exception, ConfigurationError)
    assert str(result.exception) == "--pick 2 is of no use without --export; give the file to write it to"


def test_a_pick_that_is_not_there_cannot_be_exported(data, tmp_path):
    path = tmp_path / "pick.yaml"
    asked = ["recommend", str(data), "--model", "gpt2", "--export", str(path), "--pick", "2"]
    result = CliRunner().invoke(commands, asked)
    assert isinstance(result.exception, ConfigurationError)
    assert "there is no pick 2 to export, 1 were recommended" in str(result.exception)
    assert not path.exists()
