from __future__ import annotations

import pytest
from synthetic_table import synthetic_surrogates, synthetic_table

from foretune.benchmark.replay import recorded_task
from foretune.errors import ConfigurationError, SurrogateError
from foretune.optimizer import make_optimizer

TASK = synthetic_table().task("task-3")
CANDIDATES = [synthetic_table().configurations[f"task-3-{number}"] for number in range(4)]


def test_an_unknown_name_lists_the_known():
    known = "transfer, transfer-in-context, quick-tune, quick-tune-repaired, random, default"
    with pytest.raises(ConfigurationError, match=f"'bayes'; choose one of {known}"):
        make_optimizer("bayes", TASK, CANDIDATES, CANDIDATES[0])


def test_transfer_needs_surrogates():
    with pytest.raises(SurrogateError, match=r"needs fitted surrogates.*'random'"):
        make_optimizer("transfer", TASK, CANDIDATES, CANDIDATES[0])


def test_an_empty_pool_is_refused():
    with pytest.raises(ConfigurationError, match="at least one candidate"):
        make_optimizer("random", TASK, [], CANDIDATES[0])


def test_the_default_is_among_the_candidates_of_transfer():
    optimizer = make_optimizer("transfer", TASK, CANDIDATES[1:2], CANDIDATES[0], synthetic_surrogates())
    assert {one.key for one in order_of(optimizer)} == {CANDIDATES[0].key, CANDIDATES[1].key}


def order_of(optimizer):
    """Configurations in the order in which they are asked for, when every run is trained to its end."""
    recorded, asked = recorded_task(synthetic_table(), "task-3"), []
    while (trial := optimizer.ask()) is not None:
        asked.append(trial.configuration)
        optimizer.tell(recorded.evaluate(trial))
    return asked


def test_random_search_starts_with_the_default_and_then_depends_on_its_seed_alone():
    orders = [
        order_of(make_optimizer("random", TASK, CANDIDATES, CANDIDATES[2], seed=seed)) for seed in (0, 0, 1, 2, 3)
    ]
    assert orders[0] == orders[1]
    assert len({tuple(one.key for one in order) for order in orders}) > 1
    for order in orders:
        assert order[0] == CANDIDATES[2]
        assert sorted(one.key for one in order) == sorted(one.key for one in CANDIDATES)
