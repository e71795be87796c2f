from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from synthetic_table import RECIPE

from foretune.paper.deep_kernel import TrainingSet, train
from foretune.paper.posterior import condition


def training_set() -> TrainingSet:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(240, 4))
    targets = np.sin(2 * rows[:, 0]) + 0.1 * rng.standard_normal(240)
    return TrainingSet(rows, targets, np.repeat(np.arange(6), 40), np.ones(240), np.array([False, False, False, True]))


def test_same_seed_same_kernel_and_no_global_generator_is_touched():
    before = torch.get_rng_state()
    one, two = (list(train(training_set(), RECIPE, np.random.default_rng(3)))[-1][1] for _ in range(2))
    assert torch.equal(before, torch.get_rng_state())
    for left, right in zip(one.network.weights, two.network.weights, strict=True):
        np.testing.assert_array_equal(left, right)
    assert (one.constant, one.outputscale, one.noise) == (two.constant, two.outputscale, two.noise)


def test_snapshots_come_at_the_steps_that_were_asked_for():
    recipe = replace(RECIPE, steps=25, check_every=10)
    assert [step for step, _ in train(training_set(), recipe, np.random.default_rng(0))] == [10, 20, 25]


def test_training_finds_the_column_that_matters():
    data = training_set()
    *_, (_, kernel) = train(data, replace(RECIPE, steps=150), np.random.default_rng(0))
    features = kernel.network(data.rows)
    posterior = condition(
        features[:200],
        data.targets[:200],
        features[:100],
        constant=kernel.constant,
        outputscale=kernel.outputscale,
        noise=kernel.noise,
    )
    errors = posterior.predict(features[200:])[0] - data.targets[200:]
    assert errors.std() < 0.4 * data.targets.std()
