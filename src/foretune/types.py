"""The few types that everything above passes around: frozen and checked at birth.

Dimension letters: N candidates, T fidelities, D features, M tasks. A *fidelity* is the number of equal slices of a
planned run that have been trained, from 1 to `Task.max_fidelity`; 0 means untrained.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from foretune.errors import ConfigurationError

Value = str | int | float | bool
Vector = Float[np.ndarray, " n"]


def _frozen_vector(values: object) -> np.ndarray:
    array = _frozen(values)
    if array.ndim != 1:
        raise ValueError(f"expected a vector of finite numbers, got {values!r}")
    return array


def _frozen(values: object) -> np.ndarray:
    array = np.array(values, dtype=np.float64)
    if not array.ndim or not np.isfinite(array).all():
        raise ValueError(f"expected an array of finite numbers, got {values!r}")
    array.setflags(write=False)
    return array


def _is_value(given: object) -> bool:
    """What data from files may turn out not to be, whatever the annotations say."""
    return isinstance(given, str | int) or (isinstance(given, float) and math.isfinite(given))


@dataclass(frozen=True)
class Metric:
    """What a run is judged by; `score` is the only place where "lower is better" is turned around.

    Attributes:
        name: for instance `validation_nll`.
        maximize: whether larger values are better.
        bounds: least and greatest possible value, in the metric's own unit.
    """

    name: str
    maximize: bool
    bounds: tuple[float, float] = (-math.inf, math.inf)

    def score(self, value: float) -> float:
        """The value as higher-is-better; `score` is its own inverse."""
        return value if self.maximize else -value


VALIDATION_NLL = Metric("validation_nll", maximize=False, bounds=(0.0, math.inf))
"""Mean negative log-likelihood (nats) per completion token on the validation split."""


@dataclass(frozen=True)
class Task:
    """A dataset with a base model and a training-set size.

    Attributes:
        id: unique name.
        metric: to optimize.
        meta_features: name to finite number, see `foretune.metadata.features`.
        max_fidelity: number of slices of a complete run.
        dataset: its name; empty where it is not known.
        rows: training rows; None where that is not known.
        model: name of the base model; empty where it is not known.
    """

    id: str
    metric: Metric
    meta_features: Mapping[str, float]
    max_fidelity: int
    dataset: str = ""
    rows: int | None = None
    model: str = ""

    def __post_init__(self) -> None:
        if self.max_fidelity < 1:
            raise ValueError(f"max_fidelity must be at least 1, got {self.max_fidelity}")
        bad = {name: value for name, value in self.meta_features.items() if not math.isfinite(value)}
        if bad:
            raise ValueError(f"meta-features must be finite, got {bad}")
        object.__setattr__(self, "meta_features", MappingProxyType(dict(self.meta_features)))


@dataclass(frozen=True)
class Configuration:
    """Finetuning hyperparameters by name; equal values make equal configurations, whatever their order."""

    values: Mapping[str, Value]
    key: str = field(init=False, compare=True)

    def __post_init__(self) -> None:
        for name, value in self.values.items():
            if not _is_value(value):
                raise ConfigurationError(f"configuration value {name}={value!r}: use text, a finite number or boolean")
        ordered = dict(sorted(self.values.items()))
        object.__setattr__(self, "values", MappingProxyType(ordered))
        digest = hashlib.sha256(json.dumps(ordered).encode()).hexdigest()[:12]
        object.__setattr__(self, "key", digest)

    def __hash__(self) -> int:
        return hash(self.key)

    def without(self, name: str) -> Configuration:
        """The same without a hyperparameter that it may have."""
        if name not in self.values:
            return self
        return Configuration({key: value for key, value in self.values.items() if key != name})


CONTINUES = "continues"
"""Hyperparameter of a run that begins with the best adapter of another: the `Configuration.key` of that."""


@dataclass(frozen=True)
class LearningCurve:
    """Scores (higher is better) after slices 1..T of one run, and the seconds each slice took.

    Attributes:
        scores: (T,) in the task metric's unit, turned so that higher is better.
        seconds: (T,) training plus evaluation time of each slice, > 0.
    """

    scores: Vector = field(default_factory=lambda: np.empty(0))
    seconds: Vector = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        object.__setattr__(self, "scores", _frozen_vector(self.scores))
        object.__setattr__(self, "seconds", _frozen_vector(self.seconds))
        if self.scores.shape != self.seconds.shape or (self.seconds <= 0).any():
            raise ValueError(f"expected one positive duration per score, got {self.scores} and {self.seconds}")

    def __len__(self) -> int:
        return len(self.scores)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LearningCurve):
            return NotImplemented
        return np.array_equal(self.scores, other.scores) and np.array_equal(self.seconds, other.seconds)

    def __hash__(self) -> int:
        return hash((self.scores.tobytes(), self.seconds.tobytes()))

    def extend(self, score: float, seconds: float) -> LearningCurve:
        """A new curve, one slice longer."""
        return LearningCurve(np.append(self.scores, score), np.append(self.seconds, seconds))


@dataclass(frozen=True)
class Trial:
    """An order to train `configuration` up to `fidelity`, going on from `resumes_from` (0: from the base model)."""

    id: int
    configuration: Configuration
    fidelity: int
    resumes_from: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.resumes_from < self.fidelity:
            raise ValueError(f"a trial must train at least one slice, got {self.resumes_from} -> {self.fidelity}")


class Status(StrEnum):
    """How a trial ended."""

    OK = "ok"
    DIVERGED = "diverged"
    OUT_OF_MEMORY = "out_of_memory"
    TIMED_OUT = "timed_out"
    FAILED = "failed"


@dataclass(frozen=True)
class Report:
    """What came of a trial.

    Attributes:
        trial: what was asked.
        status: `ok` if every slice up to `trial.fidelity` was trained and scored.
        curve: all slices of this configuration so far, from the first one, whatever the status.
        message: why it did not end well; empty if it did.
        seconds: wall-clock cost of this trial alone, failed work included.
    """

    trial: Trial
    status: Status
    curve: LearningCurve
    message: str = ""
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.status is Status.OK and len(self.curve) != self.trial.fidelity:
            raise ValueError(
                f"an ok report at fidelity {self.trial.fidelity} needs as many scores, got {len(self.curve)}"
            )
        if not (math.isfinite(self.seconds) and self.seconds >= 0):
            raise ValueError(f"seconds must be finite and not negative, got {self.seconds}")


History = tuple[Report, ...]


@dataclass(frozen=True)
class Prediction:
    """Normal distributions: `mean` and `std` (N,), or (N, T) where whole learning curves are predicted; std > 0."""

    mean: np.ndarray
    std: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", _frozen(self.mean))
        object.__setattr__(self, "std", _frozen(self.std))
        if self.mean.shape != self.std.shape or (self.std <= 0).any():
            raise ValueError("mean and std must have one entry per candidate, and every std must be positive")
