from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import pytest

from foretune.errors import ConfigurationError
from foretune.optimizer import OPTIMIZERS, Search
from foretune.types import VALIDATION_NLL, Configuration, LearningCurve, Report, Status, Task, Trial

DEFAULT = Configuration({"learning_rate": 1e-3, "epochs": 3, "batch_size": 8, "method": "lora"})
EPOCHS = [Configuration({**DEFAULT.values, "epochs": epochs}) for epochs in (1, 2, 5, 10)]
RATES = (2.0e-3, 1.26e-3, 7.94e-4, 5.01e-4)


def played(
    loss: Callable[[float], float],
    budget: float,
    rows: int | None = 80,
    *,
    slice_seconds: float = 1.0,
    status: Mapping[float, Status] | None = None,
) -> list[Trial]:
    """A search whose slices last as long as epochs take, and whose losses are those of the rate alone."""
    task = Task("d@80:m", VALIDATION_NLL, {}, 8, "d", rows, "m")
    optimizer = OPTIMIZERS["lr-probe"].make(Search(task, EPOCHS, DEFAULT, only_candidates=False))
    trials, left = list[Trial](), budget
    while (trial := optimizer.ask(left)) is not None:
        values = trial.configuration.values
        each, rate = slice_seconds * float(values["epochs"]) / 3, float(values["learning_rate"])
        ended = (status or {}).get(rate, Status.OK)
        count = trial.fidelity if ended is Status.OK else 0
        curve = LearningCurve([-loss(rate)] * count, [each] * count)
        seconds = each * (trial.fidelity - trial.resumes_from)
        optimizer.tell(Report(trial, ended, curve, seconds=seconds))
        trials.append(trial)
        left -= seconds
    return trials


def rates(trials: list[Trial]) -> list[float]:
    return [float(f"{trial.configuration.values['learning_rate']:.3g}") for trial in trials]


def test_rates_are_probed_in_turn_and_the_best_is_trained_as_long_as_fits():
    trials = played(lambda rate: abs(math.log(rate / 7.94e-4)) + 1, budget=100.0)
    # 30 steps in 8 slices: 25 of them are in seven; a fifth of 100 s carries five rounds of four slices of a second.
    assert rates(trials)[:20] == [*RATES] * 5
    assert {(trial.resumes_from, trial.fidelity) for trial in trials[:20]} == {(n, n + 1) for n in range(5)}
    assert rates(trials)[20:] == [7.94e-4]
    # 80 s are left, of which 68 are planned with: ten epochs take 8 * 10 / 3 = 26.7 s.
    assert trials[-1].configuration.values["epochs"] == 10
    assert (trials[-1].resumes_from, trials[-1].fidelity) == (0, 8)


def test_probing_ends_after_enough_steps():
    trials = played(lambda _: 1.0, budget=math.inf, rows=200)  # 75 steps: 25 of them are in three slices
    assert len(trials) == 3 * 4 + 1


def test_without_the_number_of_rows_a_quarter_of_a_run_is_probed():
    assert len(played(lambda _: 1.0, budget=math.inf, rows=None)) == 2 * 4 + 1


def test_of_rates_that_are_level_the_highest_is_taken():
    def loss(rate: float) -> float:
        return {0.002: 1.03, 0.00126: 1.02}.get(rate, 1.0)

    assert rates(played(loss, budget=100.0))[-1] == 1.26e-3


def test_a_rate_that_fails_is_not_chosen():
    trials = played(lambda _: 1.0, budget=100.0, status={0.002: Status.DIVERGED})
    assert rates(trials).count(2.0e-3) == 1
    assert rates(trials)[-1] == 1.26e-3


def test_where_all_rates_fail_the_search_ends():
    failed = dict.fromkeys(RATES, Status.DIVERGED)
    assert rates(played(lambda _: 1.0, budget=100.0, status=failed)) == [*RATES]


def test_in_a_short_time_each_rate_gets_a_slice_and_the_run_is_short():
    trials = played(lambda _: 1.0, budget=8.0)
    assert rates(trials)[:4] == [*RATES]
    # 4 s are left, of which 3.4 are planned with: an epoch takes 8 / 3 s.
    assert {trial.configuration.values["epochs"] for trial in trials[4:]} == {1}
    assert trials[-1].fidelity == 8


def test_a_default_without_a_learning_rate_is_refused():
    search = Search(Task("t", VALIDATION_NLL, {}, 8), [], Configuration({"epochs": 3}))
    with pytest.raises(ConfigurationError, match="learning_rate, batch_size"):
        OPTIMIZERS["lr-probe"].make(search)


def test_of_recorded_runs_those_with_the_nearest_rates_are_probed():
    pool = [
        Configuration({**DEFAULT.values, "learning_rate": rate, "method": method})
        for rate, method in ((1e-3, "lora"), (2.1e-3, "dora"), (1.3e-3, "dora"), (7.5e-4, "dora"), (4.4e-4, "dora"))
    ]
    optimizer = OPTIMIZERS["lr-probe"].make(Search(Task("d", VALIDATION_NLL, {}, 8), pool, DEFAULT))
    asked = list[float]()
    for _ in range(4):
        trial = optimizer.ask()
        asked.append(float(trial.configuration.values["learning_rate"]))
        optimizer.tell(Report(trial, Status.OK, LearningCurve([-1.0], [1.0]), seconds=1.0))
    assert asked == [2.1e-3, 1.3e-3, 7.5e-4, 4.4e-4]
