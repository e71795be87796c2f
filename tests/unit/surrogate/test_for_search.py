"""Recorded runs as a search can use them."""

from dataclasses import replace

import numpy as np
import pytest

from foretune.errors import SurrogateError
from foretune.space import load_space
from foretune.surrogate.examples import Run
from foretune.surrogate.for_search import for_search
from foretune.surrogate.inputs import width_of
from foretune.surrogate.meta_features import NEEDED
from foretune.types import Configuration, LearningCurve, Metric, Task

SPACE = load_space("peft")
ACCURACY, TRAINING = Metric("accuracy", maximize=True), Metric("train_loss", maximize=False)
FACTS = dict.fromkeys(NEEDED, 3.0)


def run(
    task="a:base",
    scores=(0.5, 0.75),
    *,
    slices=2,
    features=None,
    diverged=False,
    model="base",
    metric=ACCURACY,
    **values,
):
    seconds = np.full(len(scores), 4.0)
    return Run(
        Task(task, metric, features or {}, slices),
        "family",
        Configuration(values or {"learning_rate": 1e-4, "rank": 8}),
        LearningCurve(np.array(scores), seconds + 1.0),
        diverged,
        seconds,
        np.ones(len(scores)),
        model=model,
    )


def tasks(*more):
    """Two tasks that can be learned from."""
    pairs = [run(task, (0.5, 0.75 + at / 8), learning_rate=1e-4 * (at + 1)) for task in "xy" for at in range(2)]
    return [*more, *pairs]


def test_curves_are_read_at_eight_slices_and_cost_what_they_did():
    first, *_ = for_search(tasks(run(scores=(0.5, 0.75)), run(rank=4)), SPACE).runs
    assert first.task.max_fidelity == 8
    assert first.curve.scores.tolist() == pytest.approx([0.5, 0.5, 0.5, 0.5, 0.5625, 0.625, 0.6875, 0.75])
    assert first.train_seconds.tolist() == pytest.approx([1.0] * 8)
    assert first.curve.seconds.sum() == pytest.approx(10.0)


def test_what_came_before_the_first_value_rises_to_it():
    runs = [run("one", (score,), slices=1, rank=2**at) for at, score in enumerate((0.25, 0.5, 1.0))]
    found = for_search(tasks(*runs), SPACE).runs[0].curve.scores
    assert found[-1] == 0.25
    assert (np.diff(found) > 0).all()
    assert found[0] == pytest.approx(0.25 - 0.64 * 0.5)


def test_a_run_that_stopped_has_the_slices_of_its_share():
    found = for_search(tasks(run(scores=(0.5,)), run(rank=4)), SPACE)
    assert len(found.runs[0].curve) == 4
    none = for_search(tasks(run(scores=(0.5,), slices=20), run(scores=(0.5,), slices=20, rank=4)), SPACE)
    assert len(none.runs) == 4
    assert "2 runs that stopped before the first of 8 slices are left out" in none.notes


@pytest.mark.parametrize(
    ("model", "features", "rates", "width"),
    [
        ("Qwen/Qwen3-8B", {}, (1e-4, 2e-4), 4407),
        ("base", {"model_log_width": np.log10(768)}, (1e-4, 2e-4), 768),
        ("base", {}, (2e-4, 5e-4, 1e-3), 2000),
    ],
)
def test_the_width_is_known_or_follows_from_the_name_or_the_learning_rates(model, features, rates, width):
    runs = [run("m", model=model, features=features, learning_rate=rate) for rate in rates]
    others = [replace(one, model="other-1B") for one in tasks()]
    assert width_of(for_search([*runs, *others], SPACE).runs[0].task) == width


def test_methods_that_the_space_lacks_are_left_out_and_named():
    found = for_search(tasks(run(method="full", learning_rate=1e-5)), SPACE)
    assert len(found.runs) == 4
    assert "1 runs of methods that the search space lacks are left out (full)" in found.notes


@pytest.mark.parametrize(
    ("more", "kept"),
    [
        ([run("one"), run("one", (0.5, 0.625))], 0),  # the same configuration twice
        ([run("own", features=FACTS)], 1),  # tells what a run costs
        ([run("loss", metric=TRAINING), run("loss", metric=TRAINING, rank=4)], 0),
        ([run("two"), run("two", rank=4)], 2),
    ],
)
def test_tasks_that_rank_no_configurations_are_left_out(more, kept):
    found = for_search(tasks(*more), SPACE)
    assert len(found.runs) == kept + 4
    left = f"{len(more) - kept} runs on tasks that rank no configurations are left out"
    assert [note for note in found.notes if note.startswith(left)] == [
        note for note in found.notes if "rank no" in note
    ]
    assert any("rank no" in note for note in found.notes) == (kept < len(more))


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        ([run("x", method="full")], r"all runs are of methods .* peft lacks \(full\); give a --space that has them"),
        ([run("x", beta1=0.5)], r"no hyperparameter of these runs \(beta1\) .*; import them again with --parameter"),
        ([run("x"), run("y")], "at least 2 tasks with complete runs of several configurations are .* got 0; add"),
        (tasks()[:2], "got 1; add further tables, for instance the shipped one: foretune fit META foretune-tiny-v1"),
    ],
)  # fmt: skip
def test_what_is_too_little_is_refused_with_the_remedy(runs, said):
    with pytest.raises(SurrogateError, match=said):
        for_search(runs, SPACE)
