"""Recorded runs as a search can use them, whoever recorded them.

`foretune tune` trains runs of `SLICES` slices with configurations of a search space. Curves of other lengths are read
at so many parts, configurations of other tools are translated (`foretune.surrogate.translation`), and a base model
whose width a table does not know gets the one that its name suggests, for learning rates are compared relative to it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from foretune.errors import ConfigurationError, SurrogateError
from foretune.metadata.ranking import ranks_configurations
from foretune.metadata.slices import costs_at, equal_parts, values_at
from foretune.metadata.source import stated_parameters
from foretune.space import Encoder, SearchSpace, learning_rate_reference
from foretune.space.vocabulary import HYPERPARAMETERS
from foretune.surrogate.examples import Run, by_task
from foretune.surrogate.inputs import SLICES, width_of
from foretune.surrogate.meta_features import NEEDED, has_facts
from foretune.surrogate.translation import known_values, said_method, translated
from foretune.types import LearningCurve, Task

_RISE = (-0.64, -0.51, -0.39, -0.27, -0.18, -0.11, -0.04, 0.0)
"""How far slices lie below the last, on average over `foretune-tiny-v1`, in distances of the median from the best."""
_WIDTH = "model_log_width"
_WIDTH_OF_PARAMETERS = 10.7
"""width^3 over parameters of transformers whose depth is their width over 128, which have 12 width^2 depth of them."""
_LEAST_TASKS = 2
REMEDY = "add further tables, for instance the shipped one: foretune fit META foretune-tiny-v1 --out SURROGATES"


@dataclass(frozen=True)
class Usable:
    """What a search can learn from.

    Attributes:
        runs: of the search space, with `SLICES` slices where they are complete.
        notes: what was changed or left out.
    """

    runs: Sequence[Run]
    notes: tuple[str, ...]


def for_search(runs: Sequence[Run], space: SearchSpace) -> Usable:
    """The runs in the words of the space.

    Raises:
        SurrogateError: if they are too few to learn from, or say nothing that a search chooses.
    """
    spoken, unspoken = _of_methods(runs, space)
    _check_hyperparameters(spoken)
    ranking = _of_rankings(spoken)
    described = _with_widths(ranking)
    scales = {task: _scale(group) for task, group in by_task(described).items()}
    at_slices = [_at_slices(run, scales[run.task.id]) for run in described]
    kept = [run for run in at_slices if run.diverged or len(run.curve)]
    spaces = {width: _scaled(space, width) for width in {width_of(run.task) for run in kept}}
    found = [_translated(run, *spaces[width_of(run.task)]) for run in kept]
    _check_enough(found)
    without = len(spoken) - len(ranking)
    return Usable(found, tuple(_notes(ranking, unspoken, at_slices, found, without)))


def described_features(runs: Sequence[Run]) -> frozenset[str]:
    """Meta-features that foretune describes tasks by, of which it is to be asked about one later."""
    tasks = [group[0].task for group in by_task(runs).values()]
    return frozenset({*NEEDED, *(name for task in tasks if has_facts(task) for name in task.meta_features)})


def _notes(
    spoken: Sequence[Run], unspoken: Sequence[Run], at_slices: Sequence[Run], found: Sequence[Run], without: int
) -> list[str]:
    read = sum(run.task.max_fidelity != SLICES for run in spoken)
    before = {id(run.configuration) for run in at_slices}
    changed = sum(id(run.configuration) not in before for run in found)
    counts = {
        f"runs of methods that the search space lacks are left out ({_methods(unspoken)})": len(unspoken),
        "runs on tasks that rank no configurations are left out (one configuration, or the loss of training)": without,
        f"curves were read at {SLICES} slices": read,
        "configurations were translated, with the search space's default for what they do not say": changed,
        f"runs that stopped before the first of {SLICES} slices are left out": len(at_slices) - len(found),
    }
    return [f"{count} {what}" for what, count in counts.items() if count]


def _of_methods(runs: Sequence[Run], space: SearchSpace) -> tuple[list[Run], list[Run]]:
    """Runs of the space's methods, or of none that they say, and the others."""
    kept, other = list[Run](), list[Run]()
    for run in runs:
        values = run.configuration.values
        method = known_values(values).get("method")
        (kept if said_method(values) is None or method in space.methods else other).append(run)
    if not kept:
        message = (
            f"all runs are of methods that the search space {space.name} lacks ({_methods(other)}); "
            "give a --space that has them, such as peft-and-full"
        )
        raise SurrogateError(message)
    return kept, other


def _of_rankings(runs: Sequence[Run]) -> list[Run]:
    """Runs on tasks that tell which configuration is better, or how much work a configuration is."""
    ranking = {
        name
        for name, group in by_task(runs).items()
        if ranks_configurations(group[0].task.metric, [run.configuration for run in group])
    }
    return [run for run in runs if has_facts(run.task) or run.task.id in ranking]


def _methods(runs: Sequence[Run]) -> str:
    return ", ".join(sorted({said_method(run.configuration.values) or "" for run in runs}))


def _check_hyperparameters(runs: Sequence[Run]) -> None:
    if any(known_values(run.configuration.values) for run in runs):
        return
    names = ", ".join(sorted({name for run in runs for name in run.configuration.values}))
    message = (
        f"no hyperparameter of these runs ({names}) is one that a search chooses ({', '.join(HYPERPARAMETERS)}); "
        "import them again with --parameter NAME=OURS"
    )
    raise SurrogateError(message)


def _check_enough(runs: Sequence[Run]) -> None:
    telling = [name for name, group in by_task(runs).items() if len(_complete(group)) > 1]
    if len(telling) < _LEAST_TASKS:
        message = (
            f"at least {_LEAST_TASKS} tasks with complete runs of several configurations are needed to learn what "
            f"carries over, got {len(telling)}; {REMEDY}"
        )
        raise SurrogateError(message)


def _complete(runs: Sequence[Run]) -> Collection[str]:
    return {run.configuration.key for run in runs if len(run.curve) == SLICES}


def _scale(runs: Sequence[Run]) -> float:
    """Distance of the median run of a task from its best."""
    peaks = np.array([run.curve.scores.max() for run in runs if len(run.curve)])
    return float(peaks.max() - np.median(peaks)) if len(peaks) else 0.0


def _at_slices(run: Run, scale: float) -> Run:
    """The run at `SLICES` slices."""
    slices = run.task.max_fidelity
    task = replace(run.task, max_fidelity=SLICES)
    if slices == SLICES or not len(run.curve):
        return replace(run, task=task)
    places = [(place + 1) / slices for place in range(len(run.curve))]
    ends = equal_parts(places[-1], SLICES)
    scores = values_at(ends, places, run.curve.scores.tolist())
    # What came before the first value is not known, but it is hardly ever that value.
    rise = np.interp([*ends, places[0]], np.arange(1, SLICES + 1) / SLICES, _RISE)
    scores += scale * np.where(ends < places[0], rise[:-1] - rise[-1], 0.0)
    train, evaluation = (costs_at(ends, places, one.tolist()) for one in (run.train_seconds, run.evaluation_seconds))
    curve = LearningCurve(scores, train + evaluation)
    return replace(run, task=task, curve=curve, train_seconds=train, evaluation_seconds=evaluation)


def _scaled(space: SearchSpace, width: int | None) -> tuple[SearchSpace, Encoder]:
    """The space at the width of a base model, and its encoder."""
    scaled = space if width is None else space.at(width)
    return scaled, Encoder.of(scaled)


def _translated(run: Run, space: SearchSpace, encoder: Encoder) -> Run:
    """The run with a configuration of the space."""
    try:
        encoder.encode([run.configuration])
    except ConfigurationError:
        return replace(run, configuration=translated(run.configuration.values, space))
    return run


def _with_widths(runs: Sequence[Run]) -> list[Run]:
    """The runs with the width of every base model, as it is known of the model, or as its name suggests, or else as the
    learning rates do that were tried on it."""
    known = {run.model: run.task.meta_features[_WIDTH] for run in runs if _WIDTH in run.task.meta_features}
    lacking: dict[str, list[Run]] = {}
    for run in runs:
        if run.model not in known:
            lacking.setdefault(run.model, []).append(run)
    known |= {model: math.log10(_suggested_width(model, group)) for model, group in lacking.items()}

    tasks = {run.task.id: (run.task, run.model) for run in runs}
    made = {name: _described(task, known[model]) for name, (task, model) in tasks.items()}
    return [replace(run, task=made[run.task.id]) for run in runs]


def _described(task: Task, log_width: float) -> Task:
    if _WIDTH in task.meta_features:
        return task
    return replace(task, meta_features={**task.meta_features, _WIDTH: log_width})


def _suggested_width(model: str, runs: Sequence[Run]) -> int:
    if parameters := stated_parameters(model):
        return max(round((_WIDTH_OF_PARAMETERS * parameters) ** (1 / 3)), 1)
    rates = [known_values(run.configuration.values).get("learning_rate") for run in runs]
    numbers = [float(rate) for rate in rates if isinstance(rate, int | float)]
    # The reference is inverse to the width, so that what it is for a width of 1 tells at which width it is the median.
    return max(round(learning_rate_reference(1) / median(numbers)), 1) if numbers else 4096
