"""Optimizers of this process, timed like another library."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from foretune.benchmark.methods import Method
from foretune.benchmark.peers.peer import Effort
from foretune.optimizer.protocol import Optimizer
from foretune.types import Report, Trial


class Timed:
    """An optimizer of this process, timed like a peer."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.effort = Effort()
        self._optimizer = optimizer

    def ask(self, seconds_left: float = math.inf, pending: Sequence[Trial] = ()) -> Trial | None:
        """See `Optimizer.ask`."""
        self.effort.asks += 1
        with self._watched():
            return self._optimizer.ask(seconds_left, pending)

    def tell(self, report: Report) -> None:
        """See `Optimizer.tell`."""
        with self._watched():
            self._optimizer.tell(report)

    @contextmanager
    def _watched(self) -> Generator[None]:
        begun, used = time.perf_counter(), time.process_time()
        yield
        self.effort.seconds += time.perf_counter() - begun
        self.effort.cpu_seconds += time.process_time() - used


class Latest:
    """Methods whose optimizers are timed; the latest one's effort can be read."""

    def __init__(self) -> None:
        self.effort = Effort()

    def timed(self, method: Method) -> Method:
        """The method with optimizers that are timed."""

        def make(*arguments: Any, **options: Any) -> Optimizer:
            optimizer = Timed(method.make(*arguments, **options))
            self.effort = optimizer.effort
            return optimizer

        return replace(method, make=make)
