"""Which recommendations fit an accelerator and a budget, and what would have to change for the others."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from foretune.finetuning.adapters import LORA_METHODS
from foretune.recommendation.accelerators import Accelerator
from foretune.recommendation.advice import Advice, Recommendation
from foretune.recommendation.hardware import PlannedRun, peak_memory_bytes, run_seconds
from foretune.recommendation.shape import ModelShape
from foretune.recommendation.workload import Workload
from foretune.types import Configuration, Value

_BATCHES = (16, 8, 4, 2, 1)
_EPOCHS = (10, 5, 3, 2, 1)


@dataclass(frozen=True)
class Demand:
    """A model and a dataset: what a configuration's seconds and memory follow from.

    Attributes:
        shape: of the base model.
        workload: of the dataset.
    """

    shape: ModelShape
    workload: Workload

    def run(self, configuration: Configuration, **changes: Value) -> PlannedRun:
        """The run of a configuration, with changes."""
        return PlannedRun(self.shape, self.workload, Configuration({**configuration.values, **changes}))


def with_memory(advice: Advice, demand: Demand) -> Advice:
    """The same recommendations with the memory that they are predicted to need, whatever they run on."""
    rows = (
        replace(one, memory_bytes=peak_memory_bytes(demand.run(one.configuration))) for one in advice.recommendations
    )
    return replace(advice, recommendations=tuple(rows))


def affordable(advice: Advice, demand: Demand, card: Accelerator, seconds: float = math.inf) -> Advice:
    """The recommendations that fit into an accelerator's memory and a time, with warnings about the others.

    Where a batch is too large for the memory, the largest of 16, 8, 4, 2 and 1 that fits takes its place.

    Args:
        advice: with all recommendations there are.
        demand: what they are for.
        card: to run on.
        seconds: that a run may take.
    """
    rows = [_timed(_shrunk(one, demand, card), demand, card) for one in with_memory(advice, demand).recommendations]
    large = [one for one in rows if (one.memory_bytes or 0.0) > card.memory_bytes]
    fit = [one for one in rows if (one.memory_bytes or 0.0) <= card.memory_bytes]
    slow = [one for one in fit if (one.seconds or 0.0) > seconds]
    quick = tuple(one for one in fit if (one.seconds or 0.0) <= seconds)
    notes = [
        *_about_batches(advice.recommendations, fit, card),
        *_about_memory(large, len(rows), demand, card),
        *_about_time(slow, len(rows), demand, card, seconds),
        *_about_unknown(quick, seconds),
    ]
    if card.precision == "float16":
        notes.append(f"{card.name} is fast in float16 only, and the times are for that, not for bfloat16")
    return replace(advice, recommendations=quick, warnings=(*advice.warnings, *notes))


def _timed(one: Recommendation, demand: Demand, card: Accelerator) -> Recommendation:
    return replace(one, seconds=run_seconds(demand.run(one.configuration), card))


def _shrunk(one: Recommendation, demand: Demand, card: Accelerator) -> Recommendation:
    """The same with the largest batch that fits; with its own, if none does."""
    if (one.memory_bytes or 0.0) <= card.memory_bytes:
        return one
    for size in _BATCHES:
        run = demand.run(one.configuration, batch_size=size)
        if size < int(one.configuration.values["batch_size"]) and _bytes(run) <= card.memory_bytes:
            return replace(one, configuration=run.configuration, memory_bytes=_bytes(run))
    return one


def _about_batches(before: Sequence[Recommendation], fit: Sequence[Recommendation], card: Accelerator) -> list[str]:
    known = {one.configuration.values["batch_size"] for one in before}
    smaller = sorted({int(one.configuration.values["batch_size"]) for one in fit} - known)
    if not smaller:
        return []
    usual = " or ".join(str(size) for size in sorted(known))
    sizes = " and ".join(map(str, smaller))
    return [f"batches of {sizes} instead of {usual}, to fit into the {_gib(card.memory_bytes)} GiB of {card.name}"]


def _about_memory(large: Sequence[Recommendation], of: int, demand: Demand, card: Accelerator) -> list[str]:
    if not large:
        return []
    least = min(large, key=lambda one: _bytes(demand.run(one.configuration, batch_size=1))).configuration
    ways = [f"{_gib(needed)} {how}" for how, needed in _smaller(demand, least) if needed <= card.memory_bytes]
    needed = _gib(_bytes(demand.run(least, batch_size=1)))
    said = f"left out {len(large)} of {of}: even a batch of 1 needs {needed} GiB or more, {card.name} has "
    instead = f"it would need {' or '.join(ways)}" if ways else "nothing else would fit"
    return [f"{said}{_gib(card.memory_bytes)}; {instead}"]


def _smaller(demand: Demand, configuration: Configuration) -> Iterator[tuple[str, float]]:
    """What else would need less memory, and how much (bytes)."""
    kept = replace(demand.run(configuration, batch_size=1), checkpointing=True)
    yield "with gradient checkpointing (which other trainers have)", _bytes(kept)
    if configuration.values.get("method") in LORA_METHODS - {"qlora"}:
        yield "with qlora (--space peft-and-qlora)", _bytes(demand.run(configuration, method="qlora", batch_size=1))


def _bytes(run: PlannedRun) -> float:
    """Of a run whose memory is not known: 0, for nothing speaks against it."""
    return peak_memory_bytes(run) or 0.0


def _gib(count: float) -> str:
    return f"{count / 2**30:.1f}"


def _about_time(
    slow: Sequence[Recommendation], of: int, demand: Demand, card: Accelerator, seconds: float
) -> list[str]:
    if not slow:
        return []
    least = min(slow, key=lambda one: one.seconds or 0.0)
    epochs = int(least.configuration.values["epochs"])
    shorter = ((fewer, run_seconds(demand.run(least.configuration, epochs=fewer), card)) for fewer in _EPOCHS)
    ways = [f"with epochs {fewer} {_time(taken)}" for fewer, taken in shorter if fewer < epochs and taken]
    said = f"left out {len(slow)} of {of}: they take {_time(least.seconds or 0.0)} or more on {card.name}"
    return [f"{said}, the budget is {_time(seconds)}; {', '.join([*ways, 'give more time'][:2])}"]


def _about_unknown(kept: Sequence[Recommendation], seconds: float) -> list[str]:
    methods = sorted({str(one.configuration.values["method"]) for one in kept if one.seconds is None})
    if not methods or not math.isfinite(seconds):
        return []
    return [f"the time of {' and '.join(methods)} is not predicted, so --budget has left out none of these"]


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"
