"""The end of a search: whether an average of its best checkpoints is better than the best of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from foretune.session.folder import TRIALS
from foretune.tuner import Incumbent, incumbent_of
from foretune.types import VALIDATION_NLL, Configuration, Report

if TYPE_CHECKING:
    from foretune.session.search import Found

KEPT = 4
"""Adapters that a search keeps for this, of 4 bytes a trained parameter (8 after PiSSA): a third of the state of a run
that may go on."""
FOLDER = ".average"
_SHARE = 0.05
"""Of the budget, at most, for the scoring of averages."""
_WEIGHTS = (0.15, 0.3, 0.5)
"""Of a checkpoint that joins an average. Runs of a search differ in quality, and equal weights are best for near equals
only."""


@dataclass(frozen=True)
class Part:
    """A checkpoint in an average, and its weight."""

    checkpoint: Incumbent
    weight: float


Parts = tuple[Part, ...]


@dataclass(frozen=True)
class Adapter:
    """What a search may return.

    Attributes:
        checkpoint: of a run; beside an average, the best of all by validation loss.
        parts: of an average; nothing for a checkpoint. Where the weights add up to less than 1, the rest is the base
            model.
    """

    checkpoint: Incumbent
    parts: Parts = ()

    def folder(self, found: Found) -> Path:
        """Of its weights."""
        return found.output / FOLDER if self.parts else folder_of(found, self.checkpoint)


def finalists(found: Found, first: Adapter) -> list[Adapter]:
    """An adapter, and after it the best checkpoints by validation loss; of checkpoints, those that are still there."""
    singles = {first.checkpoint, *to_average(found.result.history)}
    there = [Adapter(one) for one in singles if folder_of(found, one).is_dir()]
    there.sort(key=lambda one: (-one.checkpoint.score, one.checkpoint.configuration.key))
    return [first, *(one for one in there if one != first)] if first.parts or first in there else there


def to_average(history: Sequence[Report]) -> tuple[Incumbent, ...]:
    """The best checkpoints of the search, of different configurations whose adapters can be summed, best first.

    They are of the same base model: in 4 bits if the best of them was trained by QLoRA, else as it is.
    """
    reports: dict[Configuration, list[Report]] = {}
    for report in history:
        if can_be_summed(report.trial.configuration):
            reports.setdefault(report.trial.configuration, []).append(report)
    peaks = [peak for one in reports.values() if (peak := incumbent_of(one))]
    peaks.sort(key=lambda one: -one.score)
    alike = [one for one in peaks if _is_quantized(one.configuration) == _is_quantized(peaks[0].configuration)]
    return tuple(alike[:KEPT])


def _is_quantized(configuration: Configuration) -> bool:
    """Whether its base model is in 4 bits."""
    return configuration.values.get("method") == "qlora"


def can_be_summed(configuration: Configuration) -> bool:
    """Whether the adapters of its method can."""
    from foretune.finetuning.average import SUMMED

    return configuration.values.get("method") in SUMMED


def evaluations(budget_seconds: float, validation_seconds: float) -> int:
    """How many averages may be scored: as many as could be wanted, if they fit into their share of the budget.

    Args:
        budget_seconds: of the search.
        validation_seconds: that scoring the validation rows was measured to take; 0 where it is not known.
    """
    wanted = (KEPT - 1) * len(_WEIGHTS)
    if math.isinf(budget_seconds) or validation_seconds <= 0:
        return wanted
    return min(wanted, int(_SHARE * budget_seconds / validation_seconds))


def averaging_seconds(budget_seconds: float, validation_seconds: float) -> float:
    """Seconds to keep for averages, see `evaluations`."""
    return validation_seconds * evaluations(budget_seconds, validation_seconds)


def average_best(found: Found, best: Incumbent) -> Adapter:
    """The best adapter by validation loss; an average is written to its folder `.average`.

    What is tried depends on the journal alone, so that a search that was killed here ends with the same adapter.

    Args:
        found: the search.
        best: its best checkpoint, of whatever kind.
    """
    allowed = evaluations(found.budget.seconds, found.setup.validation_seconds)
    candidates = [one for one in to_average(found.result.history) if folder_of(found, one).is_dir()]
    if not found.options.average or len(candidates) < 2:
        return Adapter(best)

    def loss(parts: Parts) -> float:
        return validation_loss(found, write_average(found, parts))

    parts = choose(candidates, VALIDATION_NLL.score(best.score), loss, allowed)
    if parts:
        write_average(found, parts)
    return Adapter(best, parts)


def choose(candidates: Sequence[Incumbent], least: float, loss: Callable[[Parts], float], allowed: int) -> Parts:
    """Greedily, best first: a checkpoint joins if the average is better with it.

    Its weight grows as long as that is better still. A small weight is tried first, because the loss between two runs
    is nearly convex: where a little of a run does not help, more of it does not either.

    Args:
        candidates: that can be averaged, best first.
        least: validation loss of the best single checkpoint, of whatever kind.
        loss: validation loss of an average.
        allowed: how often `loss` may be asked.

    Returns:
        What the average is made of, two checkpoints at least; nothing if no average is better than the best.
    """
    parts: Parts = (Part(candidates[0], 1.0),)
    for candidate in candidates[1:]:
        before = parts
        for weight in _WEIGHTS:
            joined = _joined(before, candidate, weight)
            allowed -= 1
            if allowed < 0 or (found := loss(joined)) >= least:
                break
            least, parts = found, joined
    return parts if len(parts) > 1 else ()


def _joined(parts: Parts, candidate: Incumbent, weight: float) -> Parts:
    return (*(replace(one, weight=one.weight * (1 - weight)) for one in parts), Part(candidate, weight))


def folder_of(found: Found, checkpoint: Incumbent) -> Path:
    """The adapter of the best checkpoint of a run."""
    return found.output / TRIALS / checkpoint.configuration.key / "best"


def write_average(found: Found, parts: Parts) -> Path:
    """Write an average to its folder."""
    from foretune.finetuning.average import sum_adapters

    folder = found.output / FOLDER
    folder.mkdir(exist_ok=True)
    members, weights = [folder_of(found, one.checkpoint) for one in parts], [one.weight for one in parts]
    sum_adapters(members, weights, folder, max_rank=found.options.max_rank)
    return folder


def validation_loss(found: Found, folder: Path) -> float:
    """On the rows that slices were scored on."""
    from foretune.execution.finetuned import load_finetuned
    from foretune.finetuning.evaluate import evaluate

    options = found.options
    model = load_finetuned(folder, options.model, device=options.device, shared=True)
    return evaluate(model, found.setup.data.validation).nll
