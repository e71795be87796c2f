"""The parts of `foretune collect` that need no model."""

import io
from contextlib import contextmanager
from types import SimpleNamespace

from rich.console import Console
from typer.testing import CliRunner

from foretune.cli import commands
from foretune.cli.collect import _described, _runners, _show, _start_worker
from foretune.collect import CollectionProgress
from foretune.errors import JournalError
from foretune.metadata.source import TaskSource
from foretune.session.folder import locked


def say(*arguments):
    return CliRunner().invoke(commands, [str(one) for one in arguments])


def test_finish_without_a_collection_is_a_plain_error(tmp_path):
    result = say("collect", "--out", tmp_path, "--finish")
    assert "holds no collection" in str(result.exception)


def test_two_collections_in_one_folder_are_refused(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    monkeypatch.setattr("foretune.cli.collect._prepare", lambda *_: (None, None))
    with locked(tmp_path / "meta", "collection", "--out"):
        result = say("collect", "--out", tmp_path / "meta", tmp_path / "data")
    assert isinstance(result.exception, JournalError)
    assert "another collection is running in" in str(result.exception)
    assert "give another folder to --out" in str(result.exception)


def test_tasks_may_follow_one_option_or_stand_alone(tmp_path):
    (tmp_path / "data").mkdir()
    for arguments in (["--tasks", "nowhere"], ["--tasks", tmp_path / "data", "nowhere"], ["nowhere"]):
        result = say("collect", "--out", tmp_path / "meta", *arguments)
        assert "no dataset at 'nowhere'" in str(result.exception)


def test_progress_says_how_fast_it_is_and_how_long_it_takes():
    console = Console(file=io.StringIO(), width=120)
    _show(console, CollectionProgress(finished=3, planned=10, fresh=0, seconds=0.0, last=""))
    _show(console, CollectionProgress(finished=5, planned=10, fresh=2, seconds=60.0, last="a run"))
    assert console.file.getvalue().splitlines() == [
        "3 of 10 runs are done already.",
        "     5/10  2.0 a minute, 2 min 30 s left     a run",
    ]


def test_the_user_is_told_of_each_task(tmp_path):
    said = []
    row = _described(lambda source: {"task": source.id}, said.append, TaskSource(tmp_path / "data", 50))
    assert (row, said) == ({"task": "data@50"}, ["scoring the base model on data@50", "training"])


def test_runs_go_to_a_cluster_where_one_is_named(monkeypatch):
    asked = []

    @contextmanager
    def on_ray(*arguments):
        asked.append(arguments)
        yield SimpleNamespace(run="run")

    monkeypatch.setattr("foretune.session.workers.on_ray", on_ray)
    with _runners("ray:10.0.0.1:6379", "s3://bucket/runs", "cuda") as start, start() as first, start() as second:
        assert (first, second) == ("run", "run")
    assert asked == [("10.0.0.1:6379", "s3://bucket/runs", "cuda")]
    with _runners(None, "folder", "cpu") as start:
        assert start is _start_worker
