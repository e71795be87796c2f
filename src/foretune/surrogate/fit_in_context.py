"""From recorded runs to the in-context surrogate: nothing is trained, the table is brought into shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from foretune.errors import SurrogateError
from foretune.metadata.common import relative_to_width
from foretune.metadata.source import labels_of
from foretune.space import Encoder
from foretune.surrogate.examples import Run, by_task
from foretune.surrogate.gains import GainScale, gain_scale
from foretune.surrogate.in_context import InContextSurrogate
from foretune.surrogate.inputs import encode, known_features, width_of
from foretune.surrogate.scaling import Scaling
from foretune.surrogate.scenarios import LEAST_VALUE, ConfigurationKernel, Scenarios, complete
from foretune.surrogate.similarity import LANDMARKS, Similarity, landmarks_of
from foretune.surrogate.units import fit_units
from foretune.types import Configuration


@dataclass(frozen=True)
class _Task:
    """The complete runs of one task."""

    configurations: tuple[Configuration, ...]
    rows: np.ndarray
    gains: np.ndarray
    features: np.ndarray
    landmarks: np.ndarray
    gain_scale: GainScale

    @property
    def peaks(self) -> Float[np.ndarray, " n"]:
        return self.gains.max(axis=1)

    @property
    def scale(self) -> float:
        return max(float(self.peaks.max() - np.median(self.peaks)), self.gain_scale.least)


def fit_in_context(
    runs: Sequence[Run],
    encoder: Encoder,
    feature_names: Sequence[str],
    *,
    reference: Configuration | None = None,
) -> InContextSurrogate:
    """The surrogate that knows these runs; of repeated runs of a configuration the first counts.

    Args:
        runs: to learn from.
        encoder: of their configurations.
        feature_names: meta-features, of which a task may lack some.
        reference: configuration, relative to the width of the base model, whose curve tells about a task; by default
            the one that most tasks have.

    Raises:
        SurrogateError: if no run is complete.
    """
    reference = reference or reference_of(runs)
    groups = {name: group for name, group in by_task(runs).items() if _slices(group)}
    if not groups:
        raise SurrogateError("no run is complete, so there is no learning curve to learn from; collect some")
    slices = max(_slices(group) for group in groups.values())
    groups = {name: group for name, group in groups.items() if _slices(group) == slices}
    tasks = [_read(group, encoder, feature_names, slices, reference) for group in groups.values()]
    known = tuple(dict.fromkeys(one for task in tasks for one in task.configurations))
    encoded = {one: row for task in tasks for one, row in zip(task.configurations, task.rows, strict=True)}
    rows = np.array([encoded[one] for one in known])
    row_scaling = Scaling.of(rows)
    similarity = _similarity(tasks)
    return InContextSurrogate(
        encoder=encoder,
        feature_names=tuple(feature_names),
        reference=reference,
        slices=slices,
        recorded=known,
        labels=tuple(labels_of(name) for name in groups),
        row_scaling=row_scaling,
        scenarios=_scenarios(tasks, known, row_scaling(rows)),
        similarity=similarity,
        units=fit_units(similarity.features, *_best_and_scales(tasks)),
    )


def _best_and_scales(tasks: Sequence[_Task]) -> tuple[Float[np.ndarray, " M"], Float[np.ndarray, " M"]]:
    """Best gain and scale of each task; NaN for plain scores among losses relative to a known start."""
    best, scales = np.array([task.peaks.max() for task in tasks]), np.array([task.scale for task in tasks])
    relative = np.array([task.gain_scale.zero_shot is not None for task in tasks])
    if not relative.any():
        return best, scales
    return np.where(relative, best, np.nan), np.where(relative, scales, np.nan)


def reference_of(runs: Sequence[Run]) -> Configuration:
    """The configuration, relative to the width of the base model, that was completed on most tasks; of several, the one
    that is recorded first."""
    count = Counter[Configuration]()
    for group in by_task(runs).values():
        count.update({_relative(run): None for run in group if not run.diverged}.keys())
    if not count:
        raise SurrogateError("there are no runs to learn from; collect some")
    return count.most_common(1)[0][0]


def _read(runs: Sequence[Run], encoder: Encoder, names: Sequence[str], slices: int, reference: Configuration) -> _Task:
    """A task's runs whose end is known; one that diverged keeps the worst gain seen on its task."""
    worst = min([0.0, *(float(run.gains.min()) for run in runs if len(run.gains))])
    ended = [run for run in runs if run.diverged or len(run.gains) == slices]
    kept: dict[Configuration, Run] = {}
    for run in ended:
        kept.setdefault(_relative(run), run)
    gains = {one: np.append(run.gains, np.full(slices - len(run.gains), worst)) for one, run in kept.items()}
    told = landmarks_of(gains[reference]) if reference in gains else np.full(len(LANDMARKS), np.nan)
    task = runs[0].task
    rows = encode(encoder, task, [run.configuration for run in kept.values()])
    return _Task(tuple(kept), rows, np.array(list(gains.values())), known_features(task, names), told, gain_scale(task))


def _scenarios(tasks: Sequence[_Task], known: Sequence[Configuration], rows: Float[np.ndarray, "C D"]) -> Scenarios:
    places = {one: place for place, one in enumerate(known)}
    values = np.full((len(tasks), len(known), tasks[0].gains.shape[1]), np.nan)
    for index, task in enumerate(tasks):
        columns = [places[one] for one in task.configurations]
        values[index, columns] = np.maximum((task.gains - task.peaks.max()) / task.scale, LEAST_VALUE)
    kernel = ConfigurationKernel.of(rows)
    return Scenarios(rows, complete(values, rows, kernel).astype(np.float32), kernel)


def _similarity(tasks: Sequence[_Task]) -> Similarity:
    features, told = np.array([task.features for task in tasks]), np.array([task.landmarks for task in tasks])
    has = ~np.isnan(told[:, 0])
    scaling, told_scaling = Scaling.of(features), Scaling.of(told[has] if has.any() else np.zeros_like(told))
    return Similarity(scaling, scaling(features), told_scaling, told_scaling(told))


def _slices(runs: Sequence[Run]) -> int:
    """Of the longest run that did not diverge."""
    return max((len(run.gains) for run in runs if not run.diverged), default=0)


def _relative(run: Run) -> Configuration:
    return relative_to_width(run.configuration, width_of(run.task))
