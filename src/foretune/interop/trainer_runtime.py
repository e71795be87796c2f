"""The steps of a Trainer's run that its `train_runtime` covers.

A run that was killed and resumed logs the seconds of its last part alone. The log gives the steps of that part: since
transformers 5, `train_steps_per_second` counts them; before, `train_loss` is the sum of the part's losses over all
steps, so the logged losses after its start add up to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_ROUNDED = 5e-4
"""By how much a rate of three decimals may be off."""
_TOLERANCE = 0.03

Entry = Mapping[str, Any]


def first_step(entry: Entry, log: Sequence[Entry], *, earlier: int, save_steps: float | None) -> int:
    """The step of the run after which the part of an entry with `train_runtime` began.

    Args:
        entry: of the log.
        log: all entries up to this one.
        earlier: last step of an earlier part; the answer if the log does not tell.
        save_steps: steps between checkpoints, from which runs are resumed; None if unknown.
    """
    last, runtime = int(entry["step"]), float(entry["train_runtime"])
    rate = entry.get("train_steps_per_second")
    if rate is not None and (float(rate) + _ROUNDED) * runtime < last - earlier - 0.5:
        return _nearest(last - float(rate) * runtime, _ROUNDED * runtime, save_steps)
    told = _start_by_losses(entry, log, save_steps)
    return max(earlier, told or 0)


def _nearest(start: float, error: float, save_steps: float | None) -> int:
    """The step after which a part began: that of a checkpoint, if a checkpoint lies within the error."""
    if save_steps and save_steps >= 1:
        saved = round(start / save_steps) * save_steps
        if abs(saved - start) <= max(error, 0.5):
            return int(saved)
    return max(round(start), 0)


def _start_by_losses(entry: Entry, log: Sequence[Entry], save_steps: float | None) -> int | None:
    """The step after which the logged losses come to `train_loss` times all steps; None for the whole run."""
    losses = [(int(one["step"]), float(one["loss"])) for one in log if "loss" in one and int(one["step"]) > 0]
    mean = entry.get("train_loss")
    if mean is None or not losses:
        return None
    last = int(entry["step"])
    total = float(mean) * last
    if not total < (1 - _TOLERANCE) * _summed(losses, 0):
        return None
    spacing = int(save_steps) if save_steps and save_steps >= 1 else 1
    return min(range(0, last, spacing), key=lambda step: abs(_summed(losses, step) - total))


def _summed(losses: Sequence[tuple[int, float]], after: int) -> float:
    """Sum over the steps after one, each entry being the mean since the entry before."""
    found, before = 0.0, 0
    for step, loss in losses:
        found += loss * max(step - max(before, after), 0)
        before = step
    return found
