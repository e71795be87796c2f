from __future__ import annotations

import inspect
from importlib import import_module

import pytest
from synthetic_table import synthetic_surrogates, synthetic_table

from foretune.benchmark.methods import METHODS
from foretune.benchmark.replay import recorded_task
from foretune.optimizer import OPTIMIZERS, make_optimizer
from foretune.optimizer.registry import at_least, one_of, switch
from foretune.surrogate.kinds import KINDS


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_entry_is_a_function_of_a_search_and_its_options(name):
    entry = OPTIMIZERS[name]
    module, _, function = entry.where.partition(":")
    make = getattr(import_module(module), function)
    assert next(iter(inspect.signature(make).parameters)) == "search"
    assert entry.kind in {"", *KINDS}
    recorded = recorded_task(synthetic_table(), "task-3")
    pool, surrogates = recorded.candidates, synthetic_surrogates(entry.kind) if entry.kind else None
    written = {"portfolio": "3", "horizon": "best", "steps": "0"}
    options = {key: read(written.get(key, "0.5")) for key, read in entry.options.items()}
    trial = make_optimizer(name, recorded.task, pool, pool[0], surrogates, **options).ask()
    assert trial is not None
    assert trial.configuration in pool


def test_replay_offers_every_optimizer_with_its_options():
    assert set(OPTIMIZERS) <= set(METHODS)
    for name, entry in OPTIMIZERS.items():
        assert entry.options.keys() <= METHODS[name].options.keys()
    assert METHODS["quick-tune"].options.keys() - OPTIMIZERS["quick-tune"].options.keys() == {"standardized_cost"}


def test_options_are_read_as_what_they_are():
    assert (at_least(2)("2"), one_of("a", "b")("b"), switch("1"), switch("0")) == (2, "b", True, False)
    for read, wrong in ((at_least(2), "1"), (at_least(2), "2.5"), (one_of("a"), "c"), (switch, "yes")):
        with pytest.raises(ValueError, match=wrong):
            read(wrong)
