"""`foretune tune`: the search that is asked for, and how it ends."""

from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from foretune.cli import commands
from foretune.errors import ConfigurationError, JournalError
from foretune.session.options import TuneOptions
from foretune.session.scoring import MetricRequest
from foretune.session.workers import RayRequest
from foretune.teacher.price import Price
from foretune.tuner import Budget


@pytest.fixture
def tune(tmp_path, monkeypatch):
    """Runs the command, and returns what a search was asked for."""

    def run(*options, end=lambda: None):
        asked = []

        def search(*arguments, **more):
            asked.append((arguments, more))
            end()
            return "found"

        monkeypatch.setattr("foretune.session.search.search", search)
        monkeypatch.setattr("foretune.session.closing.close", lambda *one, **more: asked.append((one[0], more)))
        monkeypatch.setattr("foretune.api.load_run", lambda folder: SimpleNamespace(to_json=dict))
        arguments = ("tune", "data.jsonl", "--output", tmp_path / "run", *options)
        return asked, CliRunner().invoke(commands, [str(one) for one in arguments])

    return run


def test_all_that_is_asked_reaches_the_search(tune, tmp_path):
    options = ["--budget", "1m30s", "--model", "m", "--seed", 3, "--optimizer", "random", "--max-slices", 9]
    asked, result = tune(
        *options, "--surrogate", "s", "--train-rows", 5, "--isolate", "--workers", 3, "--no-default-comparison"
    )
    assert result.exit_code == 0, result.output
    (arguments, more), closed = asked
    assert arguments[0] == TuneOptions.of(
        "data.jsonl", "m", seed=3, optimizer="random", surrogates="s", train_rows=5, device="auto"
    )
    assert arguments[1:3] == (Budget(90.0, 9), tmp_path / "run")
    assert (more["resume"], more["isolate"], more["workers"]) == (False, True, 3)
    assert closed == ("found", {"compare_default": False})


def test_a_cluster_reaches_the_search(tune):
    asked, result = tune("--budget", "1m", "--cluster", "ray:10.0.0.1:6379", "--checkpoints", "s3://b/runs")
    assert result.exit_code == 0, result.output
    assert asked[0][1]["cluster"] == RayRequest("10.0.0.1:6379", "s3://b/runs")
    _, refused = tune("--budget", "1m", "--cluster", "slurm")
    assert "--cluster got 'slurm'" in str(refused.exception)


def test_a_metric_and_its_judge_reach_the_search(tune, tmp_path):
    options = ["--metric", "judge", "--metric-rows", 50, "--judge", "http://host/v1", "--judge-model", "m"]
    more = ["--rubric", tmp_path / "r", "--key-variable", "KEY", "--prompt-price", 0.1, "--completion-price", 0.2]
    (((options, *_), _), _), result = tune("--budget", "1m", *options, *more)
    assert result.exit_code == 0, result.output
    assert options.metric == MetricRequest("judge", 50, "http://host/v1", "m", tmp_path / "r", "KEY", Price(0.1, 0.2))


def test_a_storage_and_trackers_are_told_of_the_search(tune):
    asked, result = tune("--budget", "1m", "--storage", "sqlite:///trials.db", "--track", "tensorboard:logs")
    assert result.exit_code == 0, result.output
    assert [type(one).__name__ for one in asked[0][1]["observers"]] == ["Following", "Following"]
    _, refused = tune("--budget", "1m", "--track", "logs")
    assert "--track got 'logs', expected a tool and an address" in str(refused.exception)


def interrupt():
    raise KeyboardInterrupt


def test_an_interruption_before_anything_was_written_loses_nothing(tune, tmp_path):
    _, result = tune("--budget", "1m", end=interrupt)
    assert result.exit_code == 130
    assert f"Interrupted; nothing began ({tmp_path / 'run'})." in result.output.replace("\n", "")


def test_a_search_that_was_interrupted_can_be_resumed(tune, tmp_path):
    (tmp_path / "run").mkdir()
    _, result = tune("--budget", "1m", end=interrupt)
    assert "nothing is lost. To go on, give the same command with --resume" in result.output


def test_what_cannot_be_is_said_before_the_search(tune, tmp_path):
    asked, result = tune("--budget", "soon")
    assert isinstance(result.exception, ConfigurationError)
    (tmp_path / "file").write_text("mine")
    asked_too, file = tune("--budget", "1m", "--learn-into", tmp_path / "file")
    assert isinstance(file.exception, JournalError)
    assert "file is a file; give a folder to --learn-into" in str(file.exception)
    assert asked == asked_too == []
