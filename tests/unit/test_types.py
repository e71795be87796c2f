"""The frozen types: what they refuse, and what equality means."""

import dataclasses
import math

import numpy as np
import pytest

from foretune.errors import ConfigurationError, DataError, ForetuneError
from foretune.types import VALIDATION_NLL, Configuration, LearningCurve, Metric, Prediction, Report, Status, Task, Trial

TRIAL = Trial(id=0, configuration=Configuration({"rank": 8}), fidelity=2)


def test_score_turns_a_metric_around_and_back() -> None:
    assert VALIDATION_NLL.score(1.5) == -1.5
    assert VALIDATION_NLL.score(VALIDATION_NLL.score(1.5)) == 1.5
    assert Metric("accuracy", maximize=True).score(0.7) == 0.7


def test_equal_values_make_equal_configurations_whatever_their_order() -> None:
    first, second = Configuration({"rank": 8, "method": "lora"}), Configuration({"method": "lora", "rank": 8})
    assert first == second
    assert first.key == second.key
    assert len({first, second}) == 1
    assert list(first.values) == ["method", "rank"]


def test_the_key_of_a_configuration_is_the_same_in_every_process() -> None:
    assert Configuration({"method": "lora", "rank": 8}).key == "d82f2967b127"


@pytest.mark.parametrize("other", [{"rank": 16}, {"rank": 8.0}, {"rank": "8"}, {"rank": 8, "dropout": 0.0}, {}])
def test_different_values_make_different_keys(other: dict[str, object]) -> None:
    assert Configuration(other).key != Configuration({"rank": 8}).key


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_configuration_holds_finite_numbers_only(value: float) -> None:
    with pytest.raises(ConfigurationError, match=r"configuration value rank=.*: use text, a finite number or boolean"):
        Configuration({"rank": value})


def test_a_configuration_is_not_touched_by_later_changes() -> None:
    values = {"rank": 8}
    configuration = Configuration(values)
    values["rank"] = 16
    assert configuration.values["rank"] == 8
    with pytest.raises(TypeError):
        configuration.values["rank"] = 16
    with pytest.raises(dataclasses.FrozenInstanceError):
        configuration.key = "other"


def test_task_wants_finite_meta_features_and_a_slice() -> None:
    with pytest.raises(ValueError, match=r"meta-features must be finite, got \{'rows': nan\}"):
        Task("t", VALIDATION_NLL, {"rows": math.nan, "width": 192.0}, max_fidelity=8)
    with pytest.raises(ValueError, match="max_fidelity must be at least 1, got 0"):
        Task("t", VALIDATION_NLL, {}, max_fidelity=0)


def test_extending_a_curve_makes_a_new_one() -> None:
    empty = LearningCurve()
    curve = empty.extend(-2.0, 0.5).extend(-1.0, 0.25)
    assert (len(empty), len(curve)) == (0, 2)
    assert curve == LearningCurve([-2.0, -1.0], [0.5, 0.25])
    assert hash(curve) == hash(LearningCurve([-2.0, -1.0], [0.5, 0.25]))
    assert curve != LearningCurve([-2.0, -1.0], [0.5, 0.5])
    assert curve != "a curve"


def test_a_curve_cannot_be_written_to() -> None:
    scores = np.array([-1.0])
    curve = LearningCurve(scores, [1.0])
    scores[0] = 5.0
    assert curve.scores.tolist() == [-1.0]
    with pytest.raises(ValueError, match="read-only"):
        curve.scores[0] = 0.0


@pytest.mark.parametrize(
    ("scores", "seconds"),
    [([math.nan], [1.0]), ([1.0], [math.inf]), ([1.0, 2.0], [1.0]), ([1.0], [0.0]), ([[1.0]], [[1.0]])],
)
def test_a_curve_wants_finite_scores_and_positive_seconds(scores: object, seconds: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        LearningCurve(scores, seconds)


@pytest.mark.parametrize(("resumes_from", "fidelity"), [(0, 0), (3, 3), (4, 3), (-1, 2)])
def test_a_trial_trains_something(resumes_from: int, fidelity: int) -> None:
    with pytest.raises(ValueError, match="must train at least one slice"):
        Trial(id=0, configuration=TRIAL.configuration, fidelity=fidelity, resumes_from=resumes_from)


def test_an_ok_report_has_every_score_and_a_failed_one_need_not() -> None:
    curve = LearningCurve([-2.0], [1.0])
    with pytest.raises(ValueError, match="an ok report at fidelity 2 needs as many scores, got 1"):
        Report(TRIAL, Status.OK, curve, seconds=1.0)
    assert Report(TRIAL, Status.DIVERGED, curve, "loss became NaN", seconds=1.0).curve == curve


@pytest.mark.parametrize("seconds", [-1.0, math.nan, math.inf])
def test_a_report_wants_finite_seconds(seconds: float) -> None:
    with pytest.raises(ValueError, match="seconds must be finite and not negative"):
        Report(TRIAL, Status.FAILED, LearningCurve(), "killed", seconds=seconds)


@pytest.mark.parametrize(("mean", "std"), [([0.0], [0.0]), ([0.0, 1.0], [1.0]), ([0.0], [-1.0])])
def test_a_prediction_has_one_positive_deviation_per_mean(mean: list[float], std: list[float]) -> None:
    with pytest.raises(ValueError, match="one entry per candidate"):
        Prediction(mean, std)


def test_errors_are_the_standard_librarys_kind_too() -> None:
    assert issubclass(DataError, ForetuneError)
    assert issubclass(DataError, ValueError)
