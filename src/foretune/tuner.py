"""The loop of a search: ask, evaluate, journal, tell, until the budget is spent.

It knows neither what a finetuning is nor where it runs: `evaluate` may train for real, answer from a table of recorded
runs, or hand the trial to a cluster. The seconds of a budget are the ones a user waits: whatever passes on the clock
counts (loading, choosing, training), plus the recorded seconds of trials that were not trained while we waited.

Several trials may be under way at the same time (`workers`). They are journaled in the order in which they end; what is
under way when the process is killed is asked for again, and goes on from the slices that it has left on disk.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Protocol

from foretune.journal import JournalEntry, append_entry, create_journal, read_journal
from foretune.types import Configuration, History, Report, Trial

INTERRUPTED = "it was interrupted"
"""The reason of a search that somebody has ended."""


class AsksAndTells(Protocol):
    """The two verbs of an optimizer, see `foretune.optimizer.protocol`."""

    def ask(self, seconds_left: float = math.inf, pending: Sequence[Trial] = ()) -> Trial | None:
        """What to train next, while these trials are under way; None if nothing more fits."""
        ...

    def tell(self, report: Report) -> None:
        """What came of it."""
        ...


@dataclass(frozen=True)
class Budget:
    """What a search may use.

    Attributes:
        seconds: wall-clock time; nothing is started after it, and what runs then is finished.
        slices: slices that may be trained in all; None for no limit.
    """

    seconds: float = math.inf
    slices: int | None = None

    def __post_init__(self) -> None:
        if self.seconds <= 0 or math.isnan(self.seconds) or (self.slices is not None and self.slices < 1):
            message = f"a budget must be positive, got {self.seconds} seconds and {self.slices} slices"
            raise ValueError(message)


@dataclass(frozen=True)
class Incumbent:
    """The best that has been seen: a configuration, and after how many slices it scored what."""

    configuration: Configuration
    fidelity: int
    score: float


@dataclass(frozen=True)
class Progress:
    """What observers are shown, before each trial and after its report.

    Attributes:
        history: all reports so far.
        incumbent: the best of them; None before the first score.
        spent_seconds: of the budget.
        trial: what is about to be trained; None right after a report.
        pending: all trials that are under way, that one included.
    """

    history: History
    incumbent: Incumbent | None
    spent_seconds: float
    trial: Trial | None
    pending: tuple[Trial, ...] = ()


@dataclass(frozen=True)
class TuningResult:
    """How a search ended.

    Attributes:
        history: all reports.
        incumbent: the best of them; None if nothing was scored.
        spent_seconds: of the budget.
        reason: why it ended, in words.
    """

    history: History
    incumbent: Incumbent | None
    spent_seconds: float
    reason: str


class Clock:
    """Seconds of a budget that are spent: real time passes by itself, other seconds are added."""

    def __init__(self, spent_seconds: float = 0.0) -> None:
        """Start to count at `spent_seconds`."""
        self._origin = time.monotonic() - spent_seconds

    def spent(self) -> float:
        """Seconds so far."""
        return time.monotonic() - self._origin

    def add(self, seconds: float) -> None:
        """Count seconds that did not pass here."""
        self._origin -= seconds

    def set(self, spent_seconds: float) -> None:
        """Go on from what an earlier process had spent."""
        self._origin = time.monotonic() - spent_seconds


Observer = Callable[[Progress], None]


Submit = Callable[[Trial], Future[Report]]
"""Has a trial evaluated, and promises its report."""


class AbandonedError(Exception):
    """Raised by `evaluate`: the trial was given up for the end of the search, and there is nothing to write down."""


def incumbent_of(history: Sequence[Report]) -> Incumbent | None:
    """The best score of any slice in any report; the earliest one where several are equal."""
    best: Incumbent | None = None
    for report in history:
        if len(report.curve):
            fidelity = int(report.curve.scores.argmax()) + 1
            score = float(report.curve.scores[fidelity - 1])
            if best is None or score > best.score:
                best = Incumbent(report.trial.configuration, fidelity, score)
    return best


def slices_trained(history: Sequence[Report]) -> int:
    """Slices that the reports cost; a trial that failed in its first slice counts as one."""
    return sum(max(1, len(report.curve) - report.trial.resumes_from) for report in history)


def tune(
    optimizer: AsksAndTells,
    evaluate: Callable[[Trial], Report],
    *,
    budget: Budget,
    journal: Path | None = None,
    observers: Sequence[Observer] = (),
    clock: Clock | None = None,
    stop: Callable[[], bool] = lambda: False,
    workers: int = 1,
) -> TuningResult:
    """Search until the budget is spent, the optimizer has nothing more to ask for, or someone says stop.

    Args:
        optimizer: fresh; it is told first what the journal holds.
        evaluate: trains and scores one trial; a failure is a report, not an exception. With several workers it is
            called from as many threads at the same time.
        budget: seconds and slices.
        journal: continued if it is there, begun if not; None keeps no record.
        observers: called before each trial and after each report (and once before all, with what the journal held).
        clock: of the budget; by default it starts now.
        stop: is asked before each trial whether to end there.
        workers: trials that may be under way at the same time; one is trained in the thread of the caller.

    Returns:
        All reports and the best of them.
    """
    clock = clock or Clock()
    history = _take_up(journal, optimizer, clock)
    ended = False
    with _running(evaluate, clock, workers) as running:

        def show(trial: Trial | None) -> None:
            pending = running.pending if trial is None else (*running.pending, trial)
            for observe in observers:
                observe(Progress(history, incumbent_of(history), clock.spent(), trial, pending))

        show(None)
        while True:
            reason = INTERRUPTED
            while len(running.pending) < workers and not ended and not stop():
                trial, reason = _next_trial(optimizer, history, budget, clock, running.pending)
                if trial is None:
                    break
                show(trial)
                running.begin(trial)
            if not running.pending:
                return TuningResult(history, incumbent_of(history), clock.spent(), reason)
            report = running.next_report()
            if report is None:
                ended = True
                continue
            if journal is not None:
                append_entry(journal, JournalEntry(report, clock.spent()))
            optimizer.tell(report)
            history = (*history, report)
            show(None)


def _take_up(journal: Path | None, optimizer: AsksAndTells, clock: Clock) -> History:
    """Tell the optimizer what the journal holds, and set the clock to where it stood then."""
    if journal is None:
        return ()
    if not journal.exists():
        create_journal(journal, {"setup_seconds": clock.spent()})
        return ()
    record = read_journal(journal)
    for report in record.history:
        optimizer.tell(report)
    clock.set(record.spent_seconds)
    return record.history


def _next_trial(
    optimizer: AsksAndTells, history: History, budget: Budget, clock: Clock, pending: Sequence[Trial]
) -> tuple[Trial | None, str]:
    """The next trial, as far as the slices of the budget allow, or None and why."""
    coming = sum(trial.fidelity - trial.resumes_from for trial in pending)
    slices_left = math.inf if budget.slices is None else budget.slices - slices_trained(history) - coming
    if slices_left <= 0:
        return None, "all slices of the budget are trained"
    if clock.spent() >= budget.seconds:
        return None, "the seconds of the budget are spent"
    trial = optimizer.ask(budget.seconds - clock.spent(), pending)
    if trial is None:
        return None, "nothing more is left to train that would end in time"
    # A kill may have taken trials with it that came before others in the journal.
    number = 1 + max((one.id for one in (*(report.trial for report in history), *pending)), default=-1)
    return replace(trial, id=number, fidelity=int(min(trial.fidelity, trial.resumes_from + slices_left))), ""


class _Running:
    """The trials that are under way, whose reports are taken in the order in which they come."""

    def __init__(self, clock: Clock, submit: Submit) -> None:
        self._clock, self._submit = clock, submit
        self._begun: dict[Trial, float] = {}
        self._ended: SimpleQueue[tuple[Trial, Future[Report]]] = SimpleQueue()

    @property
    def pending(self) -> tuple[Trial, ...]:
        """The trials, in the order in which they were begun."""
        return tuple(self._begun)

    def begin(self, trial: Trial) -> None:
        """Have a trial evaluated."""
        self._begun[trial] = self._clock.spent()
        self._submit(trial).add_done_callback(lambda future: self._ended.put((trial, future)))

    def next_report(self) -> Report | None:
        """Wait for the next report; None of a trial that was given up.

        Where a replayed or recovered trial took more seconds than have passed since it was begun, the rest of them is
        counted now.
        """
        trial, future = self._ended.get()
        begun = self._begun.pop(trial)
        try:
            report = future.result()
        except AbandonedError:
            return None
        self._clock.add(max(0.0, report.seconds - (self._clock.spent() - begun)))
        return report


@contextmanager
def _running(evaluate: Callable[[Trial], Report], clock: Clock, workers: int) -> Generator[_Running]:
    """One trial at a time right here, or several in threads.

    Whatever is raised in here does not wait for the trials under way; who has made their processes ends these.
    """
    if workers == 1:
        yield _Running(clock, partial(_evaluated_here, evaluate))
        return
    threads = ThreadPoolExecutor(workers)
    try:
        yield _Running(clock, partial(threads.submit, evaluate))
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


def _evaluated_here(evaluate: Callable[[Trial], Report], trial: Trial) -> Future[Report]:
    future: Future[Report] = Future()
    try:
        future.set_result(evaluate(trial))
    except AbandonedError as error:
        future.set_exception(error)
    return future
