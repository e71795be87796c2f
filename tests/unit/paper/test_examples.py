from __future__ import annotations

import numpy as np
import pytest
from synthetic_table import synthetic_table

from foretune.metadata import MetaDataset
from foretune.paper.examples import make_examples
from foretune.space import Encoder, load_space
from foretune.surrogate.examples import Run, by_task, read_runs


@pytest.fixture(scope="module")
def runs() -> list[Run]:
    return read_runs([synthetic_table()])


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder.of(load_space("peft"))


def test_a_complete_run_gives_36_examples(runs, encoder):
    complete = next(run for run in runs if len(run.curve) == 8)
    examples = make_examples([complete], encoder, ["zero_shot_nll"])
    assert len(examples.rows) == 36
    first = (examples.seen == 3) & (examples.fidelity == 5)
    assert examples.before[first] == complete.gains[2]
    assert examples.after[first] == complete.gains[4]


def test_a_run_that_diverged_keeps_the_worst_gain_of_its_task(runs, encoder):
    group = next(group for group in by_task(runs).values() if any(len(run.curve) == 0 for run in group))
    diverged = next(run for run in group if len(run.curve) == 0)
    worst = min(0.0, *(run.gains.min() for run in group if len(run.gains)))
    examples = make_examples([diverged, *group], encoder, ["zero_shot_nll"])
    assert examples.seen[:8].tolist() == [0] * 8
    np.testing.assert_array_equal(examples.after[:8], worst)


def test_of_a_stopped_run_only_what_it_reached_is_learned_from(encoder):
    table = synthetic_table()
    run = next(run for run in table.runs["run"] if len(table.curve(run)) == 8)
    runs, curves = table.runs.copy(), table.curves
    runs.loc[runs["run"] == run, "status"] = "stopped"
    curves = curves[(curves["run"] != run) | (curves["fidelity"] <= 3)]
    read = read_runs([MetaDataset(table.tasks, runs, curves)])
    stopped = next(one for one in read if len(one.curve) == 3)
    examples = make_examples([stopped], encoder, ["zero_shot_nll"])
    assert len(examples.rows) == 6
    assert examples.fidelity.max() == 3
