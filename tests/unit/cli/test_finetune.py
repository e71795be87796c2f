"""`foretune finetune`: what was asked goes before what the file says."""

import pytest
import yaml
from typer.testing import CliRunner

from foretune.cli import commands
from foretune.session.options import TuneOptions
from foretune.space import load_space
from foretune.types import Configuration

DEFAULT = dict(load_space("peft").default().values)
WRITTEN = {
    "model": "theirs", "seed": 7, "train_rows": 50, "max_length": 64, "columns": "prompt=Q", "last_turn_only": True,
    "today": "2026-02-27",
}  # fmt: skip


@pytest.fixture
def finetune(tmp_path, monkeypatch):
    """Runs the command on a file, and returns what a run was asked for."""

    def run(written, *options, end=lambda: None):
        asked = []

        def finetune_once(options, runs, output, console):
            asked.append((options, runs, output))
            end()

        monkeypatch.setattr("foretune.session.single.finetune_once", finetune_once)
        (tmp_path / "best.yaml").write_text(yaml.safe_dump(written))
        arguments = ["finetune", "data.jsonl", "--config", tmp_path / "best.yaml", "--output", tmp_path / "run"]
        result = CliRunner().invoke(commands, [str(one) for one in (*arguments, *options)])
        return asked, result

    return run


def test_the_file_says_what_was_not_asked(finetune, tmp_path):
    ((asked, runs, output),), result = finetune({"configuration": DEFAULT, **WRITTEN})
    assert result.exit_code == 0, result.output
    assert asked == TuneOptions.of(
        "data.jsonl", "theirs", seed=7, train_rows=50, max_length=64, columns="prompt=Q", last_turn_only=True,
        today="2026-02-27", device="auto",
    )  # fmt: skip
    assert (runs, output) == ((Configuration(DEFAULT),), tmp_path / "run")


def test_runs_that_go_on_are_trained_one_after_the_other(finetune):
    more = {**DEFAULT, "epochs": 1}
    ((_, (first, second), _),), _ = finetune({"configuration": more, "after": [DEFAULT]})
    assert first == Configuration(DEFAULT)
    assert second == Configuration({**more, "continues": first.key})


def test_options_go_before_the_file(finetune):
    options = ["--model", "mine", "--seed", 0, "--train-rows", 9, "--max-length", 32, "--columns", "text=T"]
    ((asked, *_),), _ = finetune({"configuration": DEFAULT, **WRITTEN}, *options, "--skip-bad-rows")
    assert asked == TuneOptions.of(
        "data.jsonl", "mine", train_rows=9, max_length=32, columns="text=T", last_turn_only=True, skip_bad_rows=True,
        today="2026-02-27", device="auto",
    )  # fmt: skip


def test_a_configuration_alone_is_of_the_shipped_model(finetune):
    ((asked, *_),), _ = finetune(DEFAULT)
    assert asked == TuneOptions.of("data.jsonl", "foretune-tiny", device="auto")


def test_an_interruption_says_how_to_go_on(finetune):
    def end():
        raise KeyboardInterrupt

    _, result = finetune(DEFAULT, end=end)
    assert result.exit_code == 130
    assert "Interrupted; nothing is lost. The same command goes on where it was." in result.output
