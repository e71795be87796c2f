"""Which checkpoints a search averages at its end, and when it returns the average."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from finished_search import IA3, LORA

from foretune.session import averaging
from foretune.session.averaging import (
    KEPT,
    Adapter,
    Part,
    average_best,
    averaging_seconds,
    choose,
    evaluations,
    to_average,
)
from foretune.session.options import TuneOptions
from foretune.tuner import Budget, Incumbent
from foretune.types import Configuration, LearningCurve, Report, Status, Trial


def a_configuration(name, method="lora"):
    return Configuration({"method": method, "name": name})


def a_report(configuration, losses, status=Status.OK):
    curve = LearningCurve(-np.array(losses, dtype=float), np.ones(len(losses)))
    return Report(Trial(0, configuration, max(len(losses), 1)), status, curve, "", 1.0)


def test_the_best_checkpoints_of_different_runs_are_averaged_but_not_of_every_method():
    first, second = a_configuration("a"), a_configuration("b", "pissa")
    history = (
        a_report(first, [3.0]),
        a_report(a_configuration("c", "dora"), [0.5]),
        a_report(second, [2.0, 1.0, 1.5]),
        a_report(first, [3.0, 1.25]),
        a_report(IA3, [0.5]),
        a_report(second, [], Status.FAILED),
        a_report(a_configuration("d"), [], Status.DIVERGED),
    )
    assert to_average(history) == (Incumbent(second, 2, -1.0), Incumbent(first, 2, -1.25))
    many = [a_report(a_configuration(str(number)), [float(number)]) for number in range(1, 9)]
    assert [one.score for one in to_average(many)] == [-1.0, -2.0, -3.0, -4.0]
    assert KEPT == 4


@pytest.mark.parametrize(("best", "other"), [("qlora", "lora"), ("rslora", "qlora")])
def test_adapters_of_a_base_model_in_four_bits_are_averaged_among_themselves(best, other):
    kinds = (best, other, "pissa" if other == "qlora" else "qlora")
    configurations = [a_configuration(str(number), kind) for number, kind in enumerate(kinds)]
    history = [a_report(one, [float(number)]) for number, one in enumerate(configurations)]
    assert [one.configuration for one in to_average(history)] == [configurations[0], configurations[2]]


@pytest.mark.parametrize(
    ("budget", "seconds", "count"),
    [(180.0, 1.0, 9), (100.0, 0.5, 9), (100.0, 2.0, 2), (100.0, 6.0, 0), (math.inf, 99.0, 9), (100.0, 0.0, 9)],
)
def test_as_much_is_tried_as_fits_into_a_twentieth_of_the_budget(budget, seconds, count):
    assert evaluations(budget, seconds) == count
    assert averaging_seconds(budget, seconds) == count * seconds
    assert math.isinf(budget) or averaging_seconds(budget, seconds) <= 0.05 * budget


A, B, C = (Incumbent(a_configuration(name), 1, -loss) for name, loss in (("a", 1.0), ("b", 1.1), ("c", 1.2)))


def parts_of(*weights):
    return tuple(Part(one, pytest.approx(weight)) for one, weight in weights)


def losses(known):
    """Losses of averages by their weights of A, B and C in percent, and a list of those that were asked for."""
    asked = []

    def loss(parts):
        weights = {one.checkpoint: round(100 * one.weight) for one in parts}
        asked.append(tuple(weights.get(one, 0) for one in (A, B, C)))
        return known[asked[-1]]

    return loss, asked


def test_a_checkpoint_joins_with_the_weight_that_is_best():
    loss, asked = losses({(85, 15, 0): 0.9, (70, 30, 0): 0.8, (50, 50, 0): 0.85, (60, 26, 15): 0.7, (49, 21, 30): 0.75})
    assert choose([A, B, C], 1.0, loss, 9) == parts_of((A, 0.85 * 0.7), (B, 0.85 * 0.3), (C, 0.15))
    assert asked == [(85, 15, 0), (70, 30, 0), (50, 50, 0), (60, 26, 15), (49, 21, 30)]


def test_a_checkpoint_that_does_not_help_is_left_out():
    loss, asked = losses({(85, 15, 0): 1.0, (85, 0, 15): 0.9, (70, 0, 30): 0.8, (50, 0, 50): 0.7})
    assert choose([A, B, C], 1.0, loss, 9) == parts_of((A, 0.5), (C, 0.5))
    assert len(asked) == 4


def test_nothing_is_averaged_where_that_is_not_better_than_the_best():
    loss, asked = losses({(85, 15, 0): 1.0, (85, 0, 15): 1.1})
    assert choose([A, B, C], 1.0, loss, 9) == ()
    assert len(asked) == 2
    loss, _ = losses({(85, 15, 0): 0.95, (85, 0, 15): 0.95})
    assert choose([A, B, C], 0.9, loss, 9) == ()  # the best is of a kind that can't be averaged


@pytest.mark.parametrize(("allowed", "weights"), [(0, ()), (1, ((A, 0.85), (B, 0.15))), (2, ((A, 0.7), (B, 0.3)))])
def test_no_more_is_scored_than_time_allows(allowed, weights):
    loss, asked = losses({(85, 15, 0): 0.9, (70, 30, 0): 0.8})
    assert choose([A, B, C], 1.0, loss, allowed) == parts_of(*weights)
    assert len(asked) == allowed


def test_without_averages_or_time_or_candidates_nothing_is_tried(tmp_path, monkeypatch):
    monkeypatch.setattr(averaging, "validation_loss", lambda *_, **__: pytest.fail("was scored"))
    history = (a_report(LORA, [1.0]), a_report(a_configuration("b"), [2.0]))

    def found(*, average=True, seconds=0.01, history=history):
        options, setup = (
            TuneOptions.of("data.jsonl", "mine", average=average),
            SimpleNamespace(validation_seconds=seconds),
        )
        result = SimpleNamespace(history=history)
        return SimpleNamespace(options=options, budget=Budget(60.0), output=tmp_path, setup=setup, result=result)

    best = Incumbent(LORA, 1, -1.0)
    assert average_best(found(), best) == Adapter(best)  # the adapters are gone
    for report in history:
        (tmp_path / "trials" / report.trial.configuration.key / "best").mkdir(parents=True)
    assert average_best(found(average=False), best) == Adapter(best)
    assert average_best(found(seconds=4.0), best) == Adapter(best)
    assert average_best(found(history=history[:1]), best) == Adapter(best)
    assert not (tmp_path / ".average").exists()
