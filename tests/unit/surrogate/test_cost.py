from __future__ import annotations

import numpy as np
from synthetic_table import synthetic_table

from foretune.space import Encoder, load_space
from foretune.surrogate.cost import cost_errors, fit_cost
from foretune.surrogate.examples import read_runs
from foretune.types import Configuration


def test_seconds_of_new_tasks_are_right_within_a_fifth():
    runs = read_runs([synthetic_table()])
    held = [run for run in runs if run.family == "delta"]
    cost = fit_cost([run for run in runs if run.family != "delta"], Encoder.of(load_space("peft")))
    assert np.median(np.abs(cost_errors(cost, held))) < 0.2


def test_twice_the_epochs_cost_more_training_but_not_more_evaluation():
    table = synthetic_table()
    cost = fit_cost(read_runs([table]), Encoder.of(load_space("peft")))
    short = Configuration({**load_space("peft").default().values, "epochs": 5})
    long = Configuration({**short.values, "epochs": 10})
    one, two = cost.predict(table.task("task-0"), [short, long], np.array([1, 1]))
    assert one < two < 2 * one
