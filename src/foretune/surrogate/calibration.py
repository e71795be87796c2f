"""What the rank-trees surrogate misses on tasks that it was not fitted on, as standard deviations of y.

That is more than its trees disagree about: the center and the scale of a new task are not known, and a forest that
never saw a kind of task is of one mind about it. What is added makes four of five errors of held-out tasks as large as
predicted, apart for each (slices seen, slices asked) before and after the reference run; single large errors, which a
scale that was taken to be too small makes, count no more than others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from foretune.surrogate.examples import Run, by_task
from foretune.surrogate.fit_rank_trees import EndedRuns
from foretune.surrogate.inputs import SLICES
from foretune.surrogate.rank_trees import RankTreesSurrogate
from foretune.surrogate.scenarios import LEAST_VALUE
from foretune.surrogate.stages import Stage

_SHARE, _DEVIATIONS = 0.8, 1.2816
"""Share of a normal distribution that lies within so many standard deviations."""
_MOST = 64.0
_STEPS = 30


@dataclass(frozen=True)
class Errors:
    """Of E predictions for held-out tasks.

    Attributes:
        stage: (E,) 0 before, 1 after the reference run.
        seen: (E,) slices seen.
        fidelity: (E,) slices asked.
        error: (E,) of y.
        variance: (E,) of y over trees.
    """

    stage: np.ndarray
    seen: np.ndarray
    fidelity: np.ndarray
    error: np.ndarray
    variance: np.ndarray


def errors_on(surrogate: RankTreesSurrogate, runs: Sequence[Run]) -> Errors:
    """Of every question about these runs, by a surrogate that is not calibrated; of the reference run only before."""
    parts: list[tuple[np.ndarray, ...]] = []
    for group in by_task(runs).values():
        ended = EndedRuns.of(group, surrogate.reference)
        if not ended.runs:
            continue
        task = group[0].task
        parts.append(_errors(surrogate, surrogate.stage(task), ended, 0))
        if ended.reference is not None:
            stage = surrogate.stage(task, ended.runs[ended.reference].configuration, ended.told)
            parts.append(_errors(surrogate, stage, ended, 1))
    return join([Errors(*part) for part in parts])


def join(errors: Sequence[Errors]) -> Errors:
    """All of them as one."""
    names = ("stage", "seen", "fidelity", "error", "variance")
    found = {name: [getattr(one, name) for one in errors] for name in names}
    return Errors(**{name: np.concatenate(columns) if columns else np.empty(0) for name, columns in found.items()})


def calibrated(surrogate: RankTreesSurrogate, errors: Errors) -> RankTreesSurrogate:
    """The surrogate with what was missed on held-out tasks added to its standard deviations."""
    missed = np.zeros((2, SLICES, SLICES + 1))
    for stage in (0, 1):
        # Where no held-out task has a reference run, later errors are taken to be like those before it.
        own = errors.stage == (stage if (errors.stage == stage).any() else 0)
        for seen in range(SLICES):
            for fidelity in range(seen + 1, SLICES + 1):
                chosen = own & (errors.seen == seen) & (errors.fidelity == fidelity)
                if chosen.any():
                    missed[stage, seen, fidelity] = deviation(errors.error[chosen], errors.variance[chosen])
    return replace(surrogate, missed=missed)


def deviation(errors: Float[np.ndarray, " n"], variances: Float[np.ndarray, " n"]) -> float:
    """By bisection, the d with which four of five errors lie within 1.28 sqrt(variance + d^2); 0 if they do anyway."""
    low, high = 0.0, _MOST
    for _ in range(_STEPS):
        middle = (low + high) / 2
        within = np.mean(np.abs(errors) <= _DEVIATIONS * np.sqrt(variances + middle**2))
        low, high = (low, middle) if within >= _SHARE else (middle, high)
    return high


def _errors(surrogate: RankTreesSurrogate, stage: Stage, ended: EndedRuns, number: int) -> tuple[np.ndarray, ...]:
    asked = [(place, seen) for place, run in enumerate(ended.runs) if number == 0 or place != ended.reference
             for seen in range(min(len(run.gains), SLICES - 1) + 1)]  # fmt: skip
    configurations = [ended.runs[place].configuration for place, _ in asked]
    curves = [ended.gains[place, :count] for place, count in asked]
    mean, std = surrogate.predict_gains(stage, ended.runs[0].task, configurations, curves)
    places, seen = np.array(asked, dtype=np.intp).reshape(-1, 2).T
    which, slices = np.nonzero(np.arange(SLICES) >= seen[:, None])
    # What is so bad that the quantile function does not tell it from less bad, is no error.
    least = ended.best + ended.scale * LEAST_VALUE
    missed = np.maximum(ended.gains[places[which], slices], least) - np.maximum(mean[which, slices], least)
    variance = (std[which, slices] / stage.scale) ** 2
    return np.full(len(which), number), seen[which], slices + 1, missed / stage.scale, variance
