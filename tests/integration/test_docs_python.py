"""The Python blocks of the documentation run, one after the other, as a reader would type them."""

import functools
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from made_passages import prose
from pages import ROOT, blocks
from scripted_teacher import serving

import foretune


@pytest.fixture
def short(tmp_path, monkeypatch):
    """A folder with a small dataset, documents and a space, searches that end after a few slices, and a teacher."""
    monkeypatch.chdir(tmp_path)
    rows = [{"prompt": f"What comes after {n}?", "completion": str(n + 1)} for n in range(40)]
    Path("questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    space = Path(foretune.__file__).parent / "data" / "spaces" / "peft.yaml"
    Path("mine.yaml").write_text(space.read_text(encoding="utf-8"), encoding="utf-8")
    Path("docs").mkdir()
    Path("docs/a.md").write_text("\n\n".join(f"# Part {at}\n\n{prose(at)}" for at in range(16)), encoding="utf-8")
    monkeypatch.setattr(foretune, "tune", functools.partial(foretune.tune, max_slices=2), raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving() as server:
        made = functools.partial(foretune.synthesize, Path("docs"), teacher=server.url)
        monkeypatch.setattr(foretune, "synthesize", lambda _, out, *, teacher, **more: made(out, **more), raising=False)
        yield


def run(page: str, names: dict[str, object]) -> None:
    for block in blocks(page, "python"):
        exec(compile(block, page, "exec"), names)  # noqa: S102 - what a reader would run


# TRL lags behind transformers.
@pytest.mark.filterwarnings("ignore:.gradient_checkpointing. is deprecated:FutureWarning")
@pytest.mark.parametrize(("page", "count"), [("python.md", 8), ("extending.md", 3), ("integrations.md", 4)])
def test_the_blocks_of_a_page_run(page, count, short, capsys):
    names: dict[str, object] = {}
    assert len(blocks(page, "python")) == count
    run(page, names)
    if page == "python.md":
        run("getting-started.md", names)  # it begins with a folder `run`, which is there now
        assert isinstance(names["written"], torch.Tensor)
    said = capsys.readouterr().out
    expected = {
        "python.md": "run already exists",
        "extending.md": "{'learning_rate': 0.01}",
        "integrations.md": "('questions@32:foretune-tiny',) 2 slices\nlora\n2 slices of the best trial",
    }
    assert expected[page] in said


def test_the_judge_of_the_page_grades_answers(short, tiny_model, monkeypatch, capsys):
    request = foretune.MetricRequest
    with serving() as server:
        here = {"judge": server.url, "judge_model": "scripted"}
        monkeypatch.setattr(foretune, "MetricRequest", lambda name, **_: request(name, **here), raising=False)
        monkeypatch.setattr(foretune, "tune", functools.partial(foretune.tune, model=tiny_model), raising=False)
        run("judging.md", {})
    assert "metric='judge'" in capsys.readouterr().out


def test_the_peer_of_the_page_trains_in_order(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks" / "peers")
    names: dict[str, object] = {}
    run("peers.md", names)
    search = names["InOrder"](SimpleNamespace(slices=8, pool=[{"rank": 4}, {"rank": 8}]))
    assert [search.ask() for _ in range(3)] == [
        {"run": "0", "configuration": {"rank": 4}, "fidelity": 8},
        {"run": "1", "configuration": {"rank": 8}, "fidelity": 8},
        None,
    ]


@pytest.mark.slow
def test_the_block_of_ray_tune_runs(short):
    tune = pytest.importorskip("ray.tune", reason="needs the extra 'ray-tune'")
    ray = pytest.importorskip("ray")

    def train(config):
        for number in range(8):
            tune.report({"validation_nll": 2 - number * config["learning_rate"]})

    (block,) = (one for one in blocks("integrations.md", "py") if one.startswith("from ray"))
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        exec(compile(block, "integrations.md", "exec"), {"train": train})  # noqa: S102 - what a reader would run
    finally:
        ray.shutdown()


TRAINS = """
import argparse, syne_tune
parser = argparse.ArgumentParser()
parser.add_argument("--learning_rate", type=float)
config, _ = parser.parse_known_args()
report = syne_tune.Reporter()
for number in range(1, 9):
    report(validation_nll=2 - number * config.learning_rate, slice=number)
"""


@pytest.mark.slow
def test_the_block_of_syne_tune_runs(short, monkeypatch):
    syne_tune = pytest.importorskip("syne_tune", reason="needs the extra 'syne-tune'")
    few = syne_tune.StoppingCriterion(max_num_trials_completed=1)
    monkeypatch.setattr(syne_tune, "StoppingCriterion", lambda **_: few)
    monkeypatch.setenv("SYNETUNE_FOLDER", "logs")
    Path("train.py").write_text(TRAINS, encoding="utf-8")
    (block,) = (one for one in blocks("integrations.md", "py") if one.startswith("from syne_tune"))
    exec(compile(block, "integrations.md", "exec"), names := {})  # noqa: S102 - what a reader would run
    assert names["scheduler"].metric_names() == ["validation_nll"]
