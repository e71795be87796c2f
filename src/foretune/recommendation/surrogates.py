"""Recommendations from fitted surrogates, with the tasks and the meta-features that speak for them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from foretune.metadata import MetaDataset
from foretune.metadata.orders import feature_distances
from foretune.recommendation.advice import Advice, Interval, Recommendation
from foretune.space import Encoder
from foretune.surrogate import Surrogates
from foretune.surrogate.gains import gain_scale
from foretune.surrogate.protocol import Predictor, PredictsOutcomes
from foretune.types import Configuration, Task

_DEVIATIONS = 1.28
_SIZE = "model_log_parameters"
_REACH = 0.5
"""How far in log10 of parameters a base model may lie from those seen."""

_UNLIKE = 3.0
"""Times the typical distance of an earlier task to its nearest, beyond which predictions are guesses."""


def is_of_a_size_seen(features: Mapping[str, float], table: MetaDataset) -> bool:
    """Whether the base model is within a factor of 3 of one in the table."""
    seen = [table.task(task).meta_features.get(_SIZE, math.inf) for task in table.task_ids]
    return min((abs(features[_SIZE] - one) for one in seen), default=math.inf) <= _REACH


def from_surrogates(
    task: Task,
    candidates: Sequence[Configuration],
    surrogates: Surrogates,
    table: MetaDataset,
    encoder: Encoder,
    *,
    top: int,
    seconds: float = math.inf,
) -> Advice:
    """The candidates with the best predicted scores.

    Args:
        task: what is to be finetuned.
        candidates: to choose from, the default first; it is recommended where predictions are guesses.
        surrogates: fitted on `table`.
        table: earlier tasks, for the reasons.
        encoder: of configurations, at the width of the task's base model.
        top: how many.
        seconds: leave out what is predicted to take longer.
    """
    predictor = surrogates.performance.on(task, candidates)
    prediction = predictor({})
    peaks = prediction.mean.max(axis=1)
    which = np.arange(len(candidates)), prediction.mean.argmax(axis=1)
    reach = prediction.std[which] * _errors_in_std(surrogates)
    costs = run_seconds(task, candidates, surrogates)
    memory = surrogates.memory.predict(task, candidates) if surrogates.memory else None
    order = [place for place in np.argsort(-peaks, kind="stable").tolist() if costs[place] <= seconds]
    distances = feature_distances(task.meta_features, [table.task(other).meta_features for other in table.task_ids])
    is_unlike = bool(distances.min() > _UNLIKE * _typical(table))
    is_guess = is_unlike and task.model not in {table.task(other).model for other in table.task_ids}
    if is_guess and 0 in order:
        order = [0, *(place for place in order if place != 0)]
    weights, cases = _cases(task, predictor, len(candidates))
    rows = tuple(
        Recommendation(
            candidates[place],
            _interval(task, float(peaks[place]), float(reach[place])),
            float(costs[place]),
            float(memory[place]) if memory is not None else None,
            _reason(task, candidates[place], candidates[0], surrogates, table, encoder, distances),
            tuple(cases[:, place].tolist()),
        )
        for place in order[:top]
    )
    nearest = table.task_ids[int(np.argmin(distances))]
    distance = (
        f"nearest of {len(table.task_ids)} earlier tasks: {nearest}, {distances.min() / _typical(table):.1f} times as "
        "far as earlier tasks are from their nearest"
    )
    warnings = ["no configuration is predicted to fit into the budget; give more time"] if not rows else []
    if is_unlike:
        first = "; the default comes first" if is_guess else ""
        unlike = "this dataset and model are unlike all that they were learned from"
        warnings.append(f"predictions are guesses: {unlike}{first}")
    return Advice(
        rows, "surrogates", task.metric.name, distance, tuple(warnings), tuple(weights.tolist()), is_guess=is_guess
    )


def _cases(task: Task, predictor: Predictor, count: int) -> tuple[Float[np.ndarray, " K"], Float[np.ndarray, "K N"]]:
    """Weights of the earlier tasks that this one may turn out like, and the best score of each candidate if it does;
    empty for surrogates that know of no cases."""
    if not isinstance(predictor, PredictsOutcomes):
        return np.empty(0), np.empty((0, count))
    found = predictor.outcomes({})
    return found.weights, gain_scale(task).scores(found.gains.max(axis=2))


def run_seconds(task: Task, candidates: Sequence[Configuration], surrogates: Surrogates) -> Float[np.ndarray, " n"]:
    """Of complete runs."""
    fidelities = np.tile(np.arange(1, task.max_fidelity + 1), len(candidates))
    repeated = [one for one in candidates for _ in range(task.max_fidelity)]
    return surrogates.cost.predict(task, repeated, fidelities).reshape(len(candidates), -1).sum(axis=1)


def _interval(task: Task, score: float, reach: float) -> Interval:
    """In the metric's own unit; scores are turned so that higher is better, and losses end at their bound."""
    ends = [task.metric.score(score + sign * reach) for sign in (-1.0, 1.0)]
    least, greatest = task.metric.bounds
    low, high = min(ends), max(ends)
    return Interval(task.metric.score(score), max(low, least), min(high, greatest))


def _errors_in_std(surrogates: Surrogates) -> float:
    """Below how many predicted standard deviations four of five errors on held-out tasks were, as far as the card
    knows."""
    return float(surrogates.card.get("held_out", {}).get("mean", {}).get("errors_in_std", _DEVIATIONS))


def _reason(
    task: Task,
    chosen: Configuration,
    default: Configuration,
    surrogates: Surrogates,
    table: MetaDataset,
    encoder: Encoder,
    distances: Float[np.ndarray, " M"],
) -> str:
    nearest = table.task_ids[int(np.argmin(distances))]
    place, count = _place_on(table, nearest, chosen, encoder)
    features = _speaking_features(task, chosen, default, surrogates)
    said = f"; {' and '.join(features)} speak for it" if features else ""
    return f"the run most like it was number {place} of {count} on {nearest}{said}"


def _place_on(table: MetaDataset, task: str, chosen: Configuration, encoder: Encoder) -> tuple[int, int]:
    """Rank of the recorded configuration that is most like `chosen`, and how many were recorded."""
    runs = [run for run in table.runs_of(task) if len(table.curve(run))]
    width = table.widths[task]
    there = encoder.at(width) if width else encoder
    apart = ((there.encode([table.configurations[run] for run in runs]) - encoder.encode([chosen])) ** 2).sum(axis=1)
    peaks = np.array([table.curve(run).scores.max() for run in runs])
    return int((peaks > peaks[int(np.argmin(apart))]).sum()) + 1, len(runs)


def _speaking_features(
    task: Task, chosen: Configuration, default: Configuration, surrogates: Surrogates, count: int = 2
) -> list[str]:
    """Meta-features without whose value here the advantage over the default would be smaller, most telling first."""
    if chosen == default:
        return []
    typical = surrogates.performance.typical_features

    def advantage(features: Mapping[str, float]) -> float:
        one = replace(task, meta_features=features)
        peaks = surrogates.performance.on(one, [chosen, default])({}).mean.max(axis=1)
        return float(peaks[0] - peaks[1])

    whole = advantage(task.meta_features)
    lost = {
        name: whole - advantage({**task.meta_features, name: value})
        for name, value in typical.items()
        if name != "zero_shot_nll"
    }
    telling = sorted((name for name in lost if lost[name] > 0.01 * abs(whole)), key=lambda name: -lost[name])
    return [name.replace("_", " ") for name in telling[:count]]


def _typical(table: MetaDataset) -> float:
    """Median distance of a task of the table to its nearest."""
    features = [table.task(task).meta_features for task in table.task_ids]
    nearest = [np.sort(feature_distances(one, features))[1] for one in features]
    return max(float(np.median(nearest)), 1e-9)
