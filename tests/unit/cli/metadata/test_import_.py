"""`foretune metadata import`."""

import numpy as np
import pytest

import foretune.cli
from foretune.cli.metadata.import_ import _renamed
from foretune.metadata import read_meta_dataset


@pytest.fixture
def task(tmp_path):
    file = tmp_path / "task.npz"
    curve = np.linspace(0.7, 0.4, 4)[None]
    np.savez(file, hp_names=np.array(["lr"]), X=np.array([[1e-3]]), valid=curve, test=curve)
    return file


def run(*arguments):
    with pytest.raises(SystemExit) as stop:
        foretune.cli.app(["metadata", "import", *map(str, arguments)])
    return stop.value.code


def test_what_is_imported_can_be_read_and_is_counted(task, tmp_path, capsys):
    assert run("taskset", task, "--out", tmp_path / "meta", "--rows", 10, "--model", "rnn") == 0
    assert read_meta_dataset(tmp_path / "meta").task_ids == ("task@10:rnn",)
    shown = capsys.readouterr().out
    assert "1 tasks, 1 runs (1 ok), 3 slices written to" in shown
    assert "Note: a slice is 200 steps" in shown


def test_hyperparameters_can_be_chosen_renamed_and_mapped(tmp_path):
    (tmp_path / "config.csv").write_text(",lr,verbose,base\n1,0.1,3,m\n2,0.2,3,m\n")
    (tmp_path / "curve.csv").write_text(",1,2\n1,0.1,0.2\n2,0.2,0.3\n")
    (tmp_path / "cost.csv").write_text(",cost\n1,1.5\n2,2.5\n")
    options = ("--model", "param:base", "--dataset", "d", "--rows", 10, "--parameter", "lr=learning_rate")
    assert run("quicktunetool", tmp_path, "--out", tmp_path / "meta", *options) == 0
    meta = read_meta_dataset(tmp_path / "meta")
    assert meta.task_ids == ("d@10:m",)
    assert [dict(one.values) for one in meta.configurations.values()] == [
        {"learning_rate": 0.1},
        {"learning_rate": 0.2},
    ]


def test_a_folder_with_something_in_it_is_left_alone(task, tmp_path, capsys):
    assert run("taskset", task, "--out", tmp_path) == 2
    assert "is not an empty folder" in capsys.readouterr().err


def test_an_unknown_kind_is_one_line(task, tmp_path, capsys):
    assert run("wandb", task, "--out", tmp_path / "meta") == 2
    assert "no kind of source is called 'wandb'" in capsys.readouterr().err
    assert not (tmp_path / "meta").exists()


def test_parameters_keep_their_names_or_get_ours():
    assert _renamed(["lr=learning_rate", "rank", "note=a=b"]) == {"lr": "learning_rate", "rank": "rank", "note": "a=b"}
    assert _renamed([]) == {}
