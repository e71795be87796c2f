"""Where the seconds of a run have gone, and how much memory it took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from foretune.report.page.record import RunFiles, RunRecord, State


@dataclass(frozen=True)
class Cost:
    """Seconds of one part of a run.

    Attributes:
        part: what was done.
        seconds: that it took.
        within: whether they count for the budget.
    """

    part: str
    seconds: float
    within: bool = True


def costs_of(record: RunRecord) -> tuple[Cost, ...]:
    """Seconds by part, in the order of the run; of a search they add up to the spent seconds, but for rounding.

    The seconds of a part that was measured by two clocks, or by two processes of a resumed search, may be a little
    less than nothing; those are left out.
    """
    inside = [files for _, files in record.files if not files.compared]
    training, scoring = (_sum(inside, name) for name in ("train_seconds", "evaluation_seconds"))
    parts = [Cost("training", training), Cost("scoring slices on the validation split", scoring)]
    if record.journal is not None:
        parts = _of_search(record, parts, training + scoring)
    return tuple(one for one in parts if one.seconds >= 0.05)


def _of_search(record: RunRecord, slices: list[Cost], of_slices: float) -> list[Cost]:
    report, entries = record.report, record.journal.entries if record.journal else ()
    trials = sum(entry.report.seconds for entry in entries)
    last = entries[-1].spent_seconds if entries else report.setup_seconds
    parts = [
        Cost("loading libraries, model and data; scoring the base model", report.setup_seconds),
        *slices,
        Cost("beginning trials, and writing checkpoints", trials - of_slices),
        Cost("choosing what to train", last - report.setup_seconds - trials),
    ]
    if record.ended and record.state is State.FINISHED:
        parts.append(Cost("closing: averages, answers, scores of the returned adapter", report.spent_seconds - last))
    return [*parts, Cost("the default configuration, for comparison", _of_comparison(record), within=False)]


def _of_comparison(record: RunRecord) -> float:
    """Seconds of the slices that were trained outside of the budget."""
    before = {key: len(files.slices) for key, files in record.files if not files.compared}
    known = {trial.key: trial.seconds for trial in record.report.trials}
    return sum(sum(known[key][before.get(key, 0) :]) for key, files in record.files if files.compared)


def _sum(files: Sequence[RunFiles], name: str) -> float:
    return sum(one.seconds(name) for one in files)


def memory_of(record: RunRecord) -> list[tuple[str, str]]:
    """What is known of memory: a name and a value each."""
    peaks = [int(files.run["peak_memory_bytes"]) for _, files in record.files if files.run.get("peak_memory_bytes")]
    said = [("largest peak of memory in a run", gibibytes(max(peaks)))] if peaks else []
    memory: dict[str, Any] = record.header.get("memory") or {}
    if memory.get("free_bytes"):
        said.append(("memory that was free beside the base model", gibibytes(memory["free_bytes"])))
    return said


def gibibytes(count: float) -> str:
    """`0.63 GiB`."""
    return f"{count / 2**30:.2f} GiB"
