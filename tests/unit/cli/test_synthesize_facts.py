"""Datasets of facts from the command line."""

import json

import pytest
from typer.testing import CliRunner

from foretune.cli import app, commands
from foretune.finetuning.data import load_splits
from foretune.metadata.source import TaskSource
from foretune.synthesis.facts import NAMES


def test_one_dataset_is_written_and_shown(tmp_path):
    out = tmp_path / "utc offsets"
    result = CliRunner().invoke(
        commands, ["synthesize", "--from", "facts:utc_offsets", "--out", str(out), "--seed", "7"]
    )
    assert result.exit_code == 0, result.output
    sizes = json.loads((out / "card.json").read_text())["rows"]
    assert len(load_splits(out).train) == sizes["train"] > 200
    assert "utc_offsets" in result.output
    assert f"Next: foretune tune '{out}' --budget" in result.output
    assert json.loads((out / "card.json").read_text())["seed"] == 7


def test_all_datasets_are_folders_that_collect_takes(tmp_path):
    result = CliRunner().invoke(commands, ["synthesize", "--from", "facts:all", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert {folder.name for folder in tmp_path.iterdir()} == set(NAMES)
    assert f"Next: foretune collect {tmp_path}/*" in result.output
    source = TaskSource.parse(str(tmp_path / "local_dates"))
    assert source.card() == {
        "family": "calendar",
        "source": "Unicode CLDR, through Babel",
        "license": "Unicode-3.0",
    }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--from", "facts:utc_ofsets"), "no dataset of facts is called 'utc_ofsets' (did you mean utc_offsets?)"),
        (("--from", "facts:"), "choose one of all, currency_codes, file_endings"),
        (("--from", "birds"), "--from birds: expected facts:NAME or facts:all; NAME is one of currency_codes"),
        (("--from", "facts:all", "docs", "--rows", "20"), "takes --out and --seed alone; leave out DOCS, --rows"),
        ((), "needs documents and a --teacher, or --from facts:NAME"),
        (("docs",), "needs a --teacher to ask about the documents"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(tmp_path, capsys, options, said):
    with pytest.raises(SystemExit) as ended:
        app(["synthesize", *options, "--out", str(tmp_path / "out")])
    error = capsys.readouterr().err
    assert ended.value.code == 2
    assert said in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_folder_in_use_is_left_alone(tmp_path, capsys):
    (tmp_path / "local_dates").mkdir()
    (tmp_path / "local_dates" / "mine.txt").write_text("mine")
    with pytest.raises(SystemExit):
        app(["synthesize", "--from", "facts:all", "--out", str(tmp_path)])
    assert "local_dates is not empty; give another folder to --out" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["local_dates"]
