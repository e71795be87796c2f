from __future__ import annotations

import numpy as np
import pytest
from synthetic_table import synthetic_surrogates, synthetic_table

from foretune.benchmark.replay import RecordedTask, recorded_task
from foretune.errors import SurrogateError
from foretune.optimizer import make_optimizer
from foretune.optimizer.protocol import Optimizer
from foretune.optimizer.state import SearchState
from foretune.paper.quick_tune import QuickTune, incumbents
from foretune.paper.refit import Refit
from foretune.paper.transfer import Transfer
from foretune.types import LearningCurve, Report, Status, Trial

QUICK = Refit(steps=3)


@pytest.fixture(scope="module")
def recorded() -> RecordedTask:
    return recorded_task(synthetic_table(), "task-3")


def trials_of(optimizer: Optimizer, recorded: RecordedTask, count: int) -> list[Trial]:
    trials: list[Trial] = []
    while len(trials) < count and (trial := optimizer.ask()) is not None:
        trials.append(trial)
        optimizer.tell(recorded.evaluate(trial))
    return trials


def quick_tune(recorded: RecordedTask, **arguments) -> QuickTune:
    return QuickTune(recorded.task, recorded.candidates, surrogates=synthetic_surrogates(), **arguments)


def test_only_a_deep_kernel_can_be_refit(recorded):
    pool = recorded.candidates
    for name in ("quick-tune", "quick-tune-repaired"):
        with pytest.raises(SurrogateError, match=r"InContextSurrogate; fit one with `foretune fit --kind deep-kernel`"):
            make_optimizer(name, recorded.task, pool, pool[0], synthetic_surrogates("in-context"))
        with pytest.raises(SurrogateError, match=f"{name!r} needs fitted surrogates"):
            make_optimizer(name, recorded.task, pool, pool[0])


def test_each_slice_is_compared_with_what_others_had_after_as_many():
    curves = {"a": [-3.0, -1.0, -2.0], "b": [-4.0], "c": []}
    state = SearchState({key: LearningCurve(one, [1.0] * len(one)) for key, one in curves.items()}, frozenset())
    np.testing.assert_array_equal(incumbents(state, 5, -9.0), [-3.0, -1.0, -2.0, -1.0, -1.0])
    np.testing.assert_array_equal(incumbents(SearchState({}, frozenset()), 2, -9.0), [-9.0, -9.0])


def test_it_begins_with_a_slice_of_the_first_candidate_and_goes_on_a_slice_at_a_time(recorded):
    first, *later = trials_of(quick_tune(recorded, refit=QUICK), recorded, 12)
    assert (first.configuration, first.fidelity) == (recorded.candidates[0], 1)
    assert all(trial.fidelity == trial.resumes_from + 1 for trial in later)
    assert len({trial.configuration for trial in later}) > 1


def test_costs_that_stay_standardized_make_cheap_slices_free(recorded):
    """Below the mean everything costs 1e-6, so that only such slices are trained while there are any."""
    surrogates, pool = synthetic_surrogates(), recorded.candidates
    seconds = surrogates.cost.predict(recorded.task, pool, np.ones(len(pool)))
    cheap = {one for one, cost in zip(pool, seconds, strict=True) if cost < np.median(seconds)}
    optimizer = quick_tune(recorded, refit=QUICK, cost_scale=(float(np.median(seconds)), 1.0))
    trial = optimizer.ask()
    assert trial is not None
    # Its seconds are as predicted, so that no local offset comes in.
    score = recorded.recordings[trial.configuration.key].curve.scores[:1]
    taken = [float(seconds[pool.index(trial.configuration)])]
    optimizer.tell(Report(trial, Status.OK, LearningCurve(score, taken), seconds=taken[0]))
    following = optimizer.ask()
    assert following is not None
    assert following.configuration in cheap


def test_repaired_it_is_transfer_but_for_the_refit(recorded):
    """The default first, then the portfolio, in the order of predictions before any training; the same class."""
    surrogates, pool = synthetic_surrogates(), recorded.candidates
    transfer = Transfer(recorded.task, pool, surrogates=surrogates)
    repaired = make_optimizer("quick-tune-repaired", recorded.task, pool, pool[0], surrogates)
    assert type(repaired) is Transfer
    settings = [
        {name: vars(one)[name] for name in ("_portfolio", "_horizon", "_cost_power")} for one in (transfer, repaired)
    ]
    assert settings[0] == settings[1]
    assert repaired._pool == transfer._pool
    assert trials_of(repaired, recorded, 8) == trials_of(transfer, recorded, 8)
    assert trials_of(repaired, recorded, 8) != trials_of(transfer, recorded, 8)
