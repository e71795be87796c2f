from __future__ import annotations

from dataclasses import replace

import numpy as np
from synthetic_table import RECIPE, synthetic_surrogates, synthetic_table

from foretune.metadata import MetaDataset
from foretune.paper.held_out import hold_out, summary
from foretune.surrogate.examples import read_runs
from foretune.surrogate.fit import fit

QUICK = replace(RECIPE, steps=10, check_every=10)


def few() -> MetaDataset:
    return synthetic_table(tasks=4, configurations=6)


def test_same_data_and_seed_same_surrogates():
    one, two = (fit([few()], seed=1, kind="deep-kernel", recipe=QUICK) for _ in range(2))
    assert one.card == two.card
    for left, right in zip(one.performance.members, two.performance.members, strict=True):
        np.testing.assert_array_equal(left.posterior.mean_weights, right.posterior.mean_weights)


def test_another_seed_another_network():
    one, two = (fit([few()], seed=seed, kind="deep-kernel", recipe=QUICK) for seed in (1, 2))
    assert not np.array_equal(
        one.performance.members[0].network.weights[0], two.performance.members[0].network.weights[0]
    )


def test_an_unseen_family_is_ranked():
    """The synthetic optimum moves with a meta-feature, so ranking needs to have learned what that feature means."""
    held = [run for run in read_runs([synthetic_table()]) if run.family == "delta"]
    scores = summary(hold_out(synthetic_surrogates().performance, held))
    assert scores["tasks"] == 2
    assert scores["rank_correlation_unseen"] > 0.5
    assert scores["regret_1_run"] < 0.5
