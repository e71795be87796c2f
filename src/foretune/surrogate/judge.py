"""How good surrogates are on tasks that they have never seen: which tasks are held out together, and scores on them.

Points of one curve, or runs of one task, never sit on both sides: that would measure interpolation.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from jaxtyping import Float

from foretune.metadata.ranks import spearman
from foretune.space import Encoder
from foretune.surrogate.cost import LinearCost, cost_errors, fit_cost
from foretune.surrogate.examples import Run, by_task
from foretune.surrogate.memory import LinearMemory, fit_memory, memory_errors
from foretune.surrogate.protocol import Observed, PerformanceSurrogate
from foretune.types import Configuration, LearningCurve, Prediction

_FAMILIES_ENOUGH = 4
Errors = dict[str, float]
_Fitted = tuple[LinearCost | None, LinearMemory | None]


def folds(runs: Sequence[Run], count: int, rng: np.random.Generator) -> list[tuple[str, ...]]:
    """Ids of tasks to hold out, fold by fold. Families stay together where there are at least four, else tasks do."""
    families = {name: group[0].family for name, group in by_task(runs).items()}
    if len(set(families.values())) < _FAMILIES_ENOUGH:
        families = {name: name for name in families}
    groups = sorted(set(families.values()))
    shuffled = [groups[index] for index in rng.permutation(len(groups))]
    # Large families first, each into the smallest fold so far.
    sizes = {group: sum(family == group for family in families.values()) for group in groups}
    parts: list[list[str]] = [[] for _ in range(min(count, len(groups)))]
    for group in sorted(shuffled, key=lambda name: -sizes[name]):
        smallest = min(parts, key=len)
        smallest += [name for name, family in families.items() if family == group]
    return [tuple(part) for part in parts]


def judge(
    surrogate: PerformanceSurrogate, runs: Sequence[Run], reference: Configuration | None = None
) -> dict[str, float]:
    """Scores on one task that `can_be_judged`; regret is 0 for the pool's best configuration and 1 for its median.

    Args:
        surrogate: fitted on other tasks.
        runs: of the task; repeated runs of a configuration, and those whose end is not known, are left out.
        reference: of the task's configurations, the one that a search begins with.

    Returns:
        `rank_correlation_unseen` of predicted and true peaks when nothing was seen, and `rank_correlation_1_slice` when
        the first slice of every run was; `regret_1_run` and `regret_3_runs` of the best predicted configurations;
        `regret_after_reference` of the better of the reference and the best predicted other, given the curve of the
        reference, where it was run; `errors_in_std`, below which four of five errors of predicted peaks are, in
        predicted standard deviations.
    """
    pool = _pool(runs)
    predictor = surrogate.on(runs[0].task, [run.configuration for run in pool])
    peaks = np.array([float(run.curve.scores.max()) if len(run.curve) else -np.inf for run in pool])
    peaks = np.where(np.isfinite(peaks), peaks, peaks[np.isfinite(peaks)].min())
    regrets = (peaks.max() - peaks) / max(peaks.max() - float(np.median(peaks)), 1e-9)
    unseen = predictor({})
    found = {
        "rank_correlation_unseen": spearman(unseen.mean.max(axis=1), peaks),
        "rank_correlation_1_slice": spearman(predictor(_prefixes(pool, 1)).mean.max(axis=1), peaks),
        "regret_1_run": float(regrets[_best(unseen)[:1]].min()),
        "regret_3_runs": float(regrets[_best(unseen)[:3]].min()),
        "errors_in_std": _errors_in_std(unseen, peaks),
    }
    places = [place for place, run in enumerate(pool) if run.configuration == reference and not run.diverged]
    if places:
        given = predictor({pool[places[0]].configuration.key: pool[places[0]].curve})
        other = next(place for place in _best(given) if place != places[0])
        found["regret_after_reference"] = float(min(regrets[places[0]], regrets[other]))
    return found


def can_be_judged(runs: Sequence[Run]) -> bool:
    """Whether a task has two configurations or more to tell apart."""
    pool = _pool(runs)
    return len(pool) > 1 and any(len(run.curve) for run in pool)


def _pool(runs: Sequence[Run]) -> list[Run]:
    ended = (run for run in runs if run.diverged or len(run.curve) == run.task.max_fidelity)
    return list({run.configuration.key: run for run in reversed(list(ended))}.values())[::-1]


def _prefixes(runs: Sequence[Run], slices: int) -> Observed:
    return {run.configuration.key: LearningCurve(run.curve.scores[:slices], run.curve.seconds[:slices]) for run in runs}


def _best(prediction: Prediction) -> list[int]:
    return np.argsort(-prediction.mean.max(axis=1), kind="stable").tolist()


def _errors_in_std(prediction: Prediction, peaks: Float[np.ndarray, " n"]) -> float:
    which = np.arange(len(peaks)), prediction.mean.argmax(axis=1)
    return float(np.quantile(np.abs(peaks - prediction.mean[which]) / prediction.std[which], 0.8))


def errors_by_task(runs: Sequence[Run], encoder: Encoder, parts: Sequence[Collection[str]]) -> dict[str, Errors]:
    """Task -> median absolute errors of `cost_log_error` and, where peaks were recorded, `memory_log_error`.

    An error of 0.1 in logarithms is about 10 %. Seconds are as they are in the table: what another machine takes is
    told by the first slices on it.

    Args:
        runs: of all tasks.
        encoder: of their configurations.
        parts: ids of tasks, each part predicted from the runs of all others.
    """
    found = dict[str, Errors]()
    for part in parts:
        models = _fitted([run for run in runs if run.task.id not in part], encoder)
        held = by_task([run for run in runs if run.task.id in part])
        found |= {task: _errors(models, own) for task, own in held.items()}
    return found


def errors_by_model(runs: Sequence[Run], encoder: Encoder) -> dict[str, Errors]:
    """Base model -> the same over all of its runs, predicted from those of the other models; empty for one model."""
    models = list(dict.fromkeys(run.model for run in runs))
    split = {
        model: ([run for run in runs if run.model != model], [run for run in runs if run.model == model])
        for model in models
    }
    return {model: _errors(_fitted(rest, encoder), own) for model, (rest, own) in split.items() if rest}


def medians(errors: Mapping[str, Errors]) -> Errors:
    """Median over all that have it."""
    names = dict.fromkeys(name for one in errors.values() for name in one)
    return {name: float(np.median([one[name] for one in errors.values() if name in one])) for name in names}


def _fitted(runs: Sequence[Run], encoder: Encoder) -> _Fitted:
    cost = fit_cost(runs, encoder) if any(len(run.train_seconds) for run in runs) else None
    return cost, fit_memory(runs, encoder)


def _errors(models: _Fitted, held: Sequence[Run]) -> Errors:
    cost, memory = models
    missed = {
        "cost_log_error": cost_errors(cost, held) if cost else np.empty(0),
        "memory_log_error": memory_errors(memory, held) if memory else np.empty(0),
    }
    return {name: float(np.median(np.abs(errors))) for name, errors in missed.items() if len(errors)}
