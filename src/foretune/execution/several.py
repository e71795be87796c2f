"""Trials among several evaluators, each of which runs one at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from queue import SimpleQueue

from foretune.types import Report, Trial

Evaluate = Callable[[Trial, float | None], Report]


class Several:
    """The `evaluate` of a `tune` with as many workers as there are evaluators: a trial goes to one that is free."""

    def __init__(self, evaluators: Sequence[Evaluate]) -> None:
        """All are free.

        Args:
            evaluators: of a trial and its timeout in seconds; no two threads call the same at the same time.
        """
        self._free: SimpleQueue[Evaluate] = SimpleQueue()
        for one in evaluators:
            self._free.put(one)

    def __call__(self, trial: Trial, timeout_seconds: float | None = None) -> Report:
        """The report of one trial; waits where none is free."""
        evaluate = self._free.get()
        try:
            return evaluate(trial, timeout_seconds)
        finally:
            self._free.put(evaluate)
