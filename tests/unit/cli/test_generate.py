from __future__ import annotations

import pytest
from typer.testing import CliRunner

import foretune.cli
from foretune.cli import commands
from foretune.finetuning.data import load_splits
from foretune.synthesis.exercises import EXERCISES


def test_generate_writes_what_is_asked_for_and_shows_it(tmp_path):
    out = tmp_path / "my data"
    arguments = ["generate", str(out), "--only", "units", "--only", "caesar", "--rows", "30"]
    result = CliRunner().invoke(commands, arguments)
    assert result.exit_code == 0, result.output
    assert sorted(folder.name for folder in out.iterdir()) == ["caesar", "units"]
    assert len(load_splits(out / "units").train) == 30
    assert f"Next: foretune collect '{out}'/* --out META" in result.output
    rows = [line.split() for line in result.output.splitlines()]
    assert ["units", "numbers", "30", "200", "200"] in rows
    assert ["caesar", "strings", "30", "200", "200"] in rows


def test_generate_writes_every_dataset_again_in_place(tmp_path):
    for _ in range(2):
        result = CliRunner().invoke(commands, ["generate", str(tmp_path), "--rows", "20", "--seed", "3"])
        assert result.exit_code == 0, result.output
    assert {folder.name for folder in tmp_path.iterdir()} == set(EXERCISES)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--only", "units", "--only", "sums"],
            "foretune: no generated dataset is called 'sums'; choose one of",
        ),
        (["--rows", "0"], "foretune: 0 training rows were asked for; ask for at least 1"),
        (["--rows", "-5"], "foretune: -5 training rows were asked for; ask for at least 1"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(tmp_path, capsys, arguments, message):
    with pytest.raises(SystemExit) as stop:
        foretune.cli.app(["generate", str(tmp_path / "out"), *arguments])
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith(message)
    assert not (tmp_path / "out").exists()
