"""Which recommendations fit an accelerator and a budget, and what would have to change for the others."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from foretune.finetuning.adapters import LORA_METHODS
from foretune.recommendation.accelerators import Accelerator, shipped_accelerators
from foretune.recommendation.advice import Advice, Recommendation
from foretune.recommendation.hardware import (
    MEMORY_WITHIN,
    SECONDS_WITHIN,
    PlannedRun,
    peak_memory_bytes,
    run_seconds,
)
from foretune.recommendation.shape import ModelShape
from foretune.recommendation.split import at_once, fitted, smallest
from foretune.recommendation.workload import Workload
from foretune.types import Configuration, Value

_COMMON_GIGABYTES = (8, 16, 24, 48, 80)
_SHORTEST = 64
"""Tokens that rows are not cut below."""
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
    """The same recommendations with the memory that whole batches are predicted to need, whatever they run on.

    `Advice.facts` gains `cards`: how the first one would be computed on cards of common sizes, if its memory is known;
    and `four_of_five_within`: recorded over predicted memory.
    """
    rows = tuple(
        replace(one, memory_bytes=peak_memory_bytes(demand.run(one.configuration))) for one in advice.recommendations
    )
    facts = dict(advice.facts)
    if rows and rows[0].memory_bytes is not None:
        first = demand.run(rows[0].configuration)
        facts["cards"] = [_on_card(first, gigabytes) for gigabytes in _COMMON_GIGABYTES]
        facts["four_of_five_within"] = {"memory": MEMORY_WITHIN}
    return replace(advice, recommendations=rows, facts=facts)


def _on_card(run: PlannedRun, gigabytes: int) -> dict[str, Any]:
    """How a run is computed on a card, and the memory that it takes; None for both if it does not fit."""
    way = fitted(run, 1e9 * gigabytes)
    if way is None:
        return {"gigabytes": gigabytes, "at_once": None, "memory_bytes": None}
    return {"gigabytes": gigabytes, "at_once": at_once(way).to_json(), "memory_bytes": peak_memory_bytes(way)}


def affordable(
    advice: Advice, demand: Demand, card: Accelerator, seconds: float = math.inf, price: float | None = None
) -> Advice:
    """The recommendations that fit into an accelerator's memory and a time, with warnings about the others.

    Batches stay as they are, and `Recommendation.at_once` says how they are computed there. `Advice.facts` gains
    `four_of_five_within`: recorded over predicted seconds and memory.

    Args:
        advice: with all recommendations there are.
        demand: what they are for.
        card: to run on.
        seconds: that a run may take.
        price: of the accelerator, dollars an hour; None where not known.
    """
    placed = [(one, fitted(demand.run(one.configuration), card.memory_bytes)) for one in advice.recommendations]
    large = [one.configuration for one, way in placed if way is None]
    fit = [_planned(one, way, card, price) for one, way in placed if way is not None]
    slow = [one for one in fit if (one.seconds or 0.0) > seconds]
    quick = tuple(one for one in fit if (one.seconds or 0.0) <= seconds)
    notes = [
        *_about_splits(quick, card),
        *_about_memory(large, len(placed), demand, card),
        *_about_time(slow, len(placed), demand, card, seconds),
        *_about_unknown(quick, seconds),
    ]
    if card.precision == "float16":
        notes.append(f"{card.name} is fast in float16 only, and the times are for that, not for bfloat16")
    within = {"seconds": SECONDS_WITHIN, "memory": MEMORY_WITHIN}
    facts = {**advice.facts, "four_of_five_within": within} if any(one.seconds for one in quick) else advice.facts
    return replace(advice, recommendations=quick, warnings=(*advice.warnings, *notes), facts=facts)


def _planned(one: Recommendation, way: PlannedRun, card: Accelerator, price: float | None) -> Recommendation:
    memory, seconds = peak_memory_bytes(way), run_seconds(way, card)
    together = None if memory is None else at_once(way)
    dollars = None if seconds is None or price is None else price * seconds / 3600
    return replace(one, memory_bytes=memory, seconds=seconds, dollars=dollars, at_once=together)


def _about_splits(kept: Sequence[Recommendation], card: Accelerator) -> list[str]:
    if all(one.at_once is None or one.at_once.is_plain for one in kept):
        return []
    return [
        f"not every batch fits into the {_gib(card.memory_bytes)} GiB of {card.name} at once; foretune divides it, and "
        "its gradients stay the same; other trainers need the settings that stand beside the reasons"
    ]


def _about_memory(large: Sequence[Configuration], of: int, demand: Demand, card: Accelerator) -> list[str]:
    if not large:
        return []
    least = min((demand.run(one) for one in large), key=lambda run: _bytes(smallest(run)))
    methods = " and ".join(sorted({str(one.values["method"]) for one in large}))
    said = (
        f"left out {len(large)} of {of} ({methods}): even a row at a time with gradient checkpointing takes "
        f"{_gib(_bytes(smallest(least)))} GiB or more, {card.name} has {_gib(card.memory_bytes)}"
    )
    ways = list(_instead(demand, least.configuration, card))
    return [f"{said}; {'it would fit ' + ' or '.join(ways) if ways else 'nothing would make it fit'}"]


def _instead(demand: Demand, configuration: Configuration, card: Accelerator) -> Iterator[str]:
    """What else would fit: in 4 bits, with shorter rows, on a larger card."""
    if configuration.values.get("method") in LORA_METHODS - {"qlora"}:
        quantized = fitted(demand.run(configuration, method="qlora"), card.memory_bytes)
        if quantized is not None:
            yield f"with qlora (--space peft-and-qlora: {_gib(_bytes(quantized))} GiB)"
    longest = int(demand.workload.lengths.max()) // 2
    while longest >= _SHORTEST:
        if fitted(replace(demand, workload=demand.workload.cut(longest)).run(configuration), card.memory_bytes):
            yield f"with rows of {longest} tokens (--max-length of tune and finetune)"
            break
        longest //= 2
    run = demand.run(configuration)
    larger = [one for one in shipped_accelerators().values() if fitted(run, one.memory_bytes)]
    if larger:
        nearest = min(larger, key=lambda one: one.memory_bytes)
        yield f"on {nearest.name} ({_gib(nearest.memory_bytes)} GiB)"


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
    runs = {fewer: demand.run(least.configuration, epochs=fewer) for fewer in _EPOCHS if fewer < epochs}
    planned = {fewer: fitted(run, card.memory_bytes) for fewer, run in runs.items()}
    shorter = {fewer: run_seconds(way, card) for fewer, way in planned.items() if way}
    ways = [f"with epochs {fewer} {_time(taken)}" for fewer, taken in shorter.items() if taken]
    said = f"left out {len(slow)} of {of}: they take {_time(least.seconds or 0.0)} or more on {card.name}"
    return [f"{said}, the budget is {_time(seconds)}; {', '.join([*ways, 'give more time'][:2])}"]


def _about_unknown(kept: Sequence[Recommendation], seconds: float) -> list[str]:
    methods = sorted({str(one.configuration.values["method"]) for one in kept if one.seconds is None})
    if not methods or not math.isfinite(seconds):
        return []
    return [f"the time of {' and '.join(methods)} is not predicted, so --budget has left out none of these"]


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"
