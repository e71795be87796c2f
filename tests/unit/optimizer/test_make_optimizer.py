from __future__ import annotations

import pytest
from synthetic_table import synthetic_surrogates, synthetic_table

from foretune.errors import ConfigurationError, SurrogateError
from foretune.optimizer import make_optimizer

TASK = synthetic_table().task("task-3")
CANDIDATES = [synthetic_table().configurations[f"task-3-{number}"] for number in range(4)]


def test_an_unknown_name_lists_the_known():
    with pytest.raises(ConfigurationError, match="'bayes'; choose one of transfer, random, default"):
        make_optimizer("bayes", TASK, CANDIDATES, CANDIDATES[0])


def test_transfer_needs_surrogates():
    with pytest.raises(SurrogateError, match=r"needs fitted surrogates.*'random'"):
        make_optimizer("transfer", TASK, CANDIDATES, CANDIDATES[0])


def test_an_empty_pool_is_refused():
    with pytest.raises(ConfigurationError, match="at least one candidate"):
        make_optimizer("random", TASK, [], CANDIDATES[0])


def test_the_default_is_among_the_candidates_of_transfer():
    optimizer = make_optimizer("transfer", TASK, CANDIDATES[1:2], CANDIDATES[0], synthetic_surrogates())
    asked = set()
    from foretune.benchmark.replay import recorded_task

    recorded = recorded_task(synthetic_table(), "task-3")
    while (trial := optimizer.ask()) is not None:
        asked.add(trial.configuration.key)
        optimizer.tell(recorded.evaluate(trial))
    assert asked == {CANDIDATES[0].key, CANDIDATES[1].key}


def test_random_search_depends_on_its_seed_alone():
    orders = [make_optimizer("random", TASK, CANDIDATES, CANDIDATES[0], seed=seed).ask() for seed in (0, 0, 1, 2, 3, 4)]
    assert orders[0] == orders[1]
    assert len({order.configuration.key for order in orders if order}) > 1
