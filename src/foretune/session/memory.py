"""What steps take of a device's memory, and what is free there: known before the first; what cannot fit is left out.

Steps are measured once, on the default configuration; what another one takes differs by the tokens of its batches, by
its adapter and by how its method keeps the weights. A run chooses by the memory that is free when it begins; what is
said here is what it will choose if that stays the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from foretune.errors import ModelError
from foretune.types import Configuration

if TYPE_CHECKING:
    from foretune.finetuning.data import TokenizedSplits
    from foretune.finetuning.memory import StepBytes
    from foretune.metadata.shape import ModelShape
    from foretune.recommendation.split import AtOnce
    from foretune.space import SearchSpace

_SHORTEST = 16
"""Tokens below which no shorter rows are proposed."""
_PROCESS_BYTES = 0.6 * 2**30
"""Of a worker before it has a model: its libraries in main memory, or its context on a GPU."""


@dataclass(frozen=True)
class StepMemory:
    """What steps take, and what is free beside the base model.

    Attributes:
        free_bytes: of the device, with the base model in memory.
        plain: what a step of the default configuration takes.
        checkpointed: the same with gradient checkpointing; None where the architecture has none.
    """

    free_bytes: float
    plain: StepBytes
    checkpointed: StepBytes | None

    def to_json(self) -> dict[str, Any]:
        """For a journal, which holds no infinity: null stands for it."""
        return {
            "free_bytes": _or_none(self.free_bytes),
            "plain": _written(self.plain),
            "checkpointed": self.checkpointed and _written(self.checkpointed),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> StepMemory:
        """Undo `to_json`."""
        again = values["checkpointed"]
        return cls(_or_infinite(values["free_bytes"]), _read(values["plain"]), again and _read(again))


def measure_memory(name: str, data: TokenizedSplits, configuration: Configuration, device: str) -> StepMemory | None:
    """Measure what is free, with the base model in memory, and what steps take; None if too little is free for that."""
    from foretune.finetuning.free_memory import free_memory
    from foretune.finetuning.pace import measure_step_bytes

    free = free_memory(device)
    # Their steps keep what those of LoRA keep, and beginning them takes longer.
    like_lora = configuration.values.get("method") in {"pissa", "qlora"}
    measured = Configuration({**configuration.values, "method": "lora"}) if like_lora else configuration
    found = measure_step_bytes(name, data, measured, device)
    return None if found is None else StepMemory(free, *found)


@dataclass(frozen=True)
class Fit:
    """What of a search fits into memory.

    Attributes:
        memory: as measured.
        shape: of the base model.
        longest: tokens of the longest training row.
        rows: of the training split.
        device: `cpu`, `cuda`, ...
    """

    memory: StepMemory
    shape: ModelShape
    longest: int
    rows: int
    device: str

    def fits(self, configuration: Configuration) -> bool:
        """Whether a row at a time fits into all that is free, with checkpointing where there is any."""
        return self.least_bytes(configuration) <= self.memory.free_bytes

    def least_bytes(self, configuration: Configuration) -> float:
        """That a run takes beside the base model, a row at a time."""
        step = self.memory.checkpointed or self.memory.plain
        return sum(self._resting(configuration)) + step.fixed + step.token * self.longest

    def share(self, workers: int) -> float:
        """Bytes that each of several workers on the device has beside its base model, once this process has none."""
        base = self._base_bytes
        return (self.memory.free_bytes + base) / workers - base - _PROCESS_BYTES

    def most_workers(self, wanted: int, configurations: Sequence[Configuration]) -> int:
        """How many of the workers fit on the device, if each may get any of the configurations; one in any case."""
        most = max(self.least_bytes(one) for one in configurations)
        return next((count for count in range(wanted, 1, -1) if self.share(count) >= most), 1)

    @property
    def _base_bytes(self) -> float:
        from foretune.recommendation.hardware import WEIGHT_BYTES

        return (4.0 if self.device.startswith("cpu") else WEIGHT_BYTES["lora"]) * self.shape.parameters

    def at_once(self, configuration: Configuration) -> tuple[AtOnce, float]:
        """What of a batch is computed at once, and what a run takes at its peak beside the base model (bytes)."""
        from foretune.finetuning.memory import FILLING_TOKENS, USABLE, choose_split, device_kind
        from foretune.recommendation.split import AtOnce

        resting, growing = self._resting(configuration)
        kind, batch = device_kind(self.device), min(int(configuration.values["batch_size"]), self.rows)
        split = choose_split(
            self.memory.plain,
            self.memory.checkpointed,
            free=USABLE[kind] * (self.memory.free_bytes - resting) - growing,
            whole=batch * self.longest,
            longest=self.longest,
            filling=FILLING_TOKENS[kind],
        )
        rows = batch if split.tokens is None else min(max(split.tokens // self.longest, 1), batch)
        step = self.memory.checkpointed if split.checkpointing and self.memory.checkpointed else self.memory.plain
        peak = resting + growing + step.fixed + step.token * rows * self.longest
        return AtOnce(rows, batch, split.checkpointing), peak

    def _resting(self, configuration: Configuration) -> tuple[float, float]:
        """What lies in memory beside the base model before the first step, and what gradients and moments add."""
        from foretune.recommendation.hardware import WEIGHT_BYTES, adapter_parameters

        method = str(configuration.values["method"])
        weights = self._weight_bytes(method) * self.shape.parameters
        if method == "full":
            return weights, 12.0 * self.shape.parameters
        trained = adapter_parameters(self.shape, configuration) if method in WEIGHT_BYTES else 0.0
        return weights + 4.0 * trained, 12.0 * trained

    def _weight_bytes(self, method: str) -> float:
        """Of a base weight in memory, beside itself as the process holds it."""
        from foretune.finetuning.base import CHANGE_WEIGHTS, COPIED_BYTES
        from foretune.finetuning.fast_layers import has_bfloat16_instructions
        from foretune.recommendation.hardware import WEIGHT_BYTES

        copied = 4.0 if method in CHANGE_WEIGHTS and 4.0 * self.shape.parameters <= COPIED_BYTES else 0.0
        if self.device.startswith("cpu"):  # where all weights are in float32, and frozen layers have a faster copy
            return copied + (2.0 if method != "full" and has_bfloat16_instructions() else 0.0)
        return copied + WEIGHT_BYTES.get(method, WEIGHT_BYTES["lora"]) - WEIGHT_BYTES["lora"]

    def sizes(self, default: Configuration, candidates: Sequence[Configuration]) -> str:
        """The line of a search: what the default takes, and the same with the largest batches that may come."""
        largest = max(int(one.values["batch_size"]) for one in (default, *candidates))
        known = {"the default": default}
        if largest > int(default.values["batch_size"]):
            known[f"batches of {largest}"] = Configuration({**default.values, "batch_size": largest})
        return self.line(known)

    def line(self, configurations: Mapping[str, Configuration]) -> str:
        """What is free and what some configurations take, for people."""
        parts: list[str] = []
        for name, configuration in configurations.items():
            part, peak = self.at_once(configuration)
            parts.append(f"{name} {_gib(peak)} ({part}{'' if part.is_plain else ' at once'})")
        free = "unknown" if math.isinf(self.memory.free_bytes) else _gib(self.memory.free_bytes)
        return f"memory beside the base model: {', '.join(parts)}; free on {self.device}: {free}"

    def check(self, configuration: Configuration) -> None:
        """Whether it can be trained at all.

        Raises:
            ModelError: not even a row at a time fits.
        """
        if not self.fits(configuration):
            raise ModelError(self._lacking("this configuration does not fit", configuration))

    def fitting(
        self, space: SearchSpace, default: Configuration, candidates: Sequence[Configuration]
    ) -> tuple[tuple[Configuration, ...], Configuration, tuple[str, ...]]:
        """The candidates that fit, the default or what takes its place, and notes on what was left out.

        Raises:
            ModelError: nothing fits.
        """
        kept = tuple(one for one in candidates if self.fits(one))
        in_four_bits = [Configuration({**default.values, "method": "qlora"})] if "qlora" in space.methods else []
        first = next((one for one in (default, *in_four_bits, *kept) if self.fits(one)), None)
        if first is None:
            least = min((default, *candidates), key=self.least_bytes)
            raise ModelError(self._lacking(f"nothing of the search space {space.name} fits", least))
        notes: list[str] = []
        if left := len(candidates) - len(kept):
            notes.append(
                f"left out {left} of {len(candidates)} candidates: not even a row fits into the {self._free()}"
            )
        if first != default:
            method = first.values["method"]
            notes.append(
                f"the default does not fit either; {method} of rank {first.values.get('rank')} is in its place"
            )
        return tuple(one for one in kept if one != first), first, tuple(notes)

    def _lacking(self, what: str, least: Configuration) -> str:
        how = "with gradient checkpointing " if self.memory.checkpointed else ""
        return (
            f"{what} into the {self._free()}: a row of {self.longest} tokens at a time {how}takes "
            f"{_gib(self.least_bytes(least))}; {self._instead(least)}"
        )

    def _free(self) -> str:
        return f"{_gib(self.memory.free_bytes)} that are free on {self.device} beside the base model"

    def _instead(self, least: Configuration) -> str:
        ways: list[str] = []
        in_four_bits = Configuration({**least.values, "method": "qlora"})
        if "rank" in least.values and not self.device.startswith("cpu") and self.fits(in_four_bits):
            ways.append("--space peft-and-qlora")
        shorter = self.longest // 2
        while shorter >= _SHORTEST and not replace(self, longest=shorter).fits(least):
            shorter //= 2
        if shorter >= _SHORTEST:
            ways.append(f"--max-length {shorter}")
        return f"what would fit: {' or '.join([*ways, 'a smaller model'])}"


def fit_of(memory: StepMemory | None, shape: ModelShape, data: TokenizedSplits, device: str) -> Fit | None:
    """What fits, as far as memory was measured.

    Args:
        memory: as measured.
        shape: of the base model.
        data: tokenized splits.
        device: `cpu`, `cuda`, ...
    """
    return memory and Fit(memory, shape, int(data.train.lengths.max()), len(data.train), device)


def _gib(count: float) -> str:
    return f"{count / 2**30:.2f} GiB" if count < 10 * 2**30 else f"{count / 2**30:.1f} GiB"


def _written(step: StepBytes) -> dict[str, float | None]:
    return {name: _or_none(value) for name, value in asdict(step).items()}


def _read(values: Mapping[str, float | None]) -> StepBytes:
    from foretune.finetuning.memory import StepBytes

    return StepBytes(_or_infinite(values["fixed"]), _or_infinite(values["token"]))


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _or_infinite(value: float | None) -> float:
    return math.inf if value is None else float(value)
