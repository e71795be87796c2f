"""The kinds of performance surrogate: each fitted on all tasks, and judged on those held out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from foretune.space import Encoder
from foretune.surrogate.calibration import calibrated, errors_on, join
from foretune.surrogate.deep_kernel import Recipe
from foretune.surrogate.examples import Run, by_task
from foretune.surrogate.fit_in_context import InContextRecipe, fit_in_context
from foretune.surrogate.fit_performance import fit_members, runs_of_tasks, snapshots
from foretune.surrogate.fit_rank_trees import RankTreesRecipe, fit_rank_trees
from foretune.surrogate.in_context import InContextSurrogate
from foretune.surrogate.judge import can_be_judged, judge
from foretune.surrogate.protocol import PerformanceSurrogate
from foretune.surrogate.rank_trees import RankTreesSurrogate
from foretune.surrogate.store import DEEP_KERNEL, IN_CONTEXT, RANK_TREES
from foretune.surrogate.validation import HeldOut, hold_out, inflation, summary
from foretune.types import Configuration

MEMBERS = 3

Scores = Mapping[str, float]


@dataclass(frozen=True)
class Data:
    """What a performance surrogate is fitted on.

    Attributes:
        runs: of at least two tasks.
        encoder: of their configurations.
        names: of the meta-features that every task has.
        parts: ids of tasks that are held out together.
        reference: the configuration, relative to the width of the base model, with which searches begin; None if
            nobody knows.
        seed: of everything random.
        tell: is told what comes next.
    """

    runs: Sequence[Run]
    encoder: Encoder
    names: Sequence[str]
    parts: Sequence[Collection[str]]
    reference: Configuration | None
    seed: int
    tell: Callable[[str], None]

    def held_out(self) -> Iterator[Collection[str]]:
        """The parts, one after the other, and what is told of each."""
        for number, part in enumerate(self.parts, start=1):
            self.tell(f"without part {number} of {len(self.parts)} of the tasks, on which it is judged")
            yield part
        self.tell("all tasks")

    def of(self, part: Collection[str]) -> list[Run]:
        """The runs of these tasks."""
        return runs_of_tasks(self.runs, list(part))

    def without(self, part: Collection[str]) -> list[Run]:
        """The runs of the other tasks."""
        return runs_of_tasks(self.runs, [name for name in by_task(self.runs) if name not in part])


@dataclass(frozen=True)
class Fitted:
    """A performance surrogate, and how it did on tasks that were held out.

    Attributes:
        performance: fitted on all tasks.
        mean: scores over held-out tasks.
        by_task: scores of each.
        facts: what else the card says of it.
    """

    performance: PerformanceSurrogate
    mean: Scores
    by_task: Mapping[str, Scores]
    facts: Mapping[str, Any]


def deep_kernel(data: Data, recipe: Recipe) -> Fitted:
    """Trained for as many steps as are best on held-out tasks."""
    steps, held_out = _validate(data, recipe)
    performance = fit_members(data.runs, data.encoder, data.names, recipe, steps=steps, seed=data.seed, members=MEMBERS)
    performance = replace(performance, targets=replace(performance.targets, inflation=inflation(held_out)))
    by_task = {
        result.task: {
            "rank_correlation_unseen": result.rank_correlation(0),
            "rank_correlation_1_slice": result.rank_correlation(1),
            "regret_1_run": result.regret(1),
        }
        for result in held_out
    }
    return Fitted(performance, summary(held_out), by_task, {"kind": DEEP_KERNEL, "steps": steps})


def in_context_surrogate(data: Data, recipe: InContextRecipe) -> Fitted:
    """Nothing is trained."""
    judged = dict[str, Scores]()
    for part in data.held_out():
        rest = data.without(part)
        surrogate = fit_in_context(rest, data.encoder, data.names, recipe, reference=data.reference)
        judged |= _judge(surrogate, data, part)
    performance = fit_in_context(data.runs, data.encoder, data.names, recipe, reference=data.reference)
    return Fitted(performance, _means(judged), judged, {"kind": IN_CONTEXT})


def rank_trees_surrogate(data: Data, recipe: RankTreesRecipe) -> Fitted:
    """Calibrated on held-out tasks: what is judged on one part, on the others."""

    def fitted(runs: Sequence[Run]) -> RankTreesSurrogate:
        return fit_rank_trees(runs, data.encoder, data.names, recipe, reference=data.reference, seed=data.seed)

    surrogates = [fitted(data.without(part)) for part in data.held_out()]
    errors = [errors_on(surrogate, data.of(part)) for surrogate, part in zip(surrogates, data.parts, strict=True)]
    judged = dict[str, Scores]()
    for index, (surrogate, part) in enumerate(zip(surrogates, data.parts, strict=True)):
        others = join([*errors[:index], *errors[index + 1 :]])
        judged |= _judge(calibrated(surrogate, others), data, part)
    performance = calibrated(fitted(data.runs), join(errors))
    return Fitted(performance, _means(judged), judged, {"kind": RANK_TREES})


def _judge(surrogate: InContextSurrogate | RankTreesSurrogate, data: Data, part: Collection[str]) -> dict[str, Scores]:
    groups = {name: runs for name, runs in by_task(data.of(part)).items() if can_be_judged(runs)}
    return {name: judge(surrogate, runs, _reference(surrogate, runs)) for name, runs in groups.items()}


def _reference(surrogate: InContextSurrogate | RankTreesSurrogate, runs: Sequence[Run]) -> Configuration | None:
    """The reference configuration as it was run on this task."""
    found = (run.configuration for run in runs if surrogate.is_reference(run.task, run.configuration))
    return next(found, None)


def _means(judged: Mapping[str, Scores]) -> Scores:
    names = dict.fromkeys(name for one in judged.values() for name in one)
    return {name: fmean(one[name] for one in judged.values() if name in one) for name in names}


def _validate(data: Data, recipe: Recipe) -> tuple[int, list[HeldOut]]:
    """The best number of steps, and the held-out predictions at it."""
    by_step: dict[int, list[HeldOut]] = {}
    for part in data.held_out():
        left_out = data.of(part)
        for step, surrogate in snapshots(data.without(part), data.encoder, data.names, recipe, data.seed):
            by_step.setdefault(step, []).extend(hold_out(surrogate, left_out))
    steps = min(by_step, key=lambda step: fmean(result.log_loss for result in by_step[step]))
    return steps, by_step[steps]
