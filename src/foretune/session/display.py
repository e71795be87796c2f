"""What a running search shows: a live panel on a terminal, one line per report where there is none."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from foretune.report.tables import describe
from foretune.session.durations import format_seconds
from foretune.session.waiting import Heartbeat
from foretune.tuner import Budget, Progress, slices_trained
from foretune.types import VALIDATION_NLL, Report, Status, Trial

ENDING = "after the step under way; the best is kept (once more: at once)"
_NAMED = 8
"""Of the trials under way."""
_QUIET = 30.0
"""Seconds between two lines about one trial where there is no terminal."""


class CountsDown(Protocol):
    """Knows how many predicted seconds are left."""

    @property
    def left(self) -> float:
        """Of the budget."""
        ...


class SearchDisplay:
    """An observer of `tune` that tells a person how far it is; a context manager."""

    def __init__(
        self,
        console: Console,
        budget: Budget,
        max_fidelity: int,
        zero_shot_nll: float,
        *,
        ending: Callable[[], bool] = lambda: False,
        counted: CountsDown | None = None,
    ) -> None:
        """Show nothing yet.

        Args:
            console: where to.
            budget: of the search.
            max_fidelity: slices of a complete run.
            zero_shot_nll: validation loss of the base model, to compare with.
            ending: whether somebody has asked for the end.
            counted: knows the predicted seconds that are left, where these are the budget.
        """
        self._console = console
        self._budget = budget
        self._max_fidelity = max_fidelity
        self._zero_shot_nll = zero_shot_nll
        self._progress: Progress | None = None
        self._shown = 0
        self._since = time.monotonic()
        self._ending = ending
        self._counted = counted
        self._beat = Heartbeat(console, self._plainly, first=_QUIET, then=_QUIET / 2)
        self._live = Live(get_renderable=self._render, console=console, refresh_per_second=4, transient=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        else:
            self._beat.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()
        self._beat.stop()

    def __call__(self, progress: Progress) -> None:
        """Take in where the search stands; a report that is new is printed."""
        first = self._progress is None
        self._progress, self._since = progress, time.monotonic()
        if first and progress.history:
            self._console.print(f"Resuming after {len(progress.history)} trials.", style="cyan")
        elif not first:
            for report in progress.history[self._shown :]:
                # A log keeps its lines whole; a terminal would break them within words.
                whole = not self._console.is_terminal
                self._console.print(self._line(report, progress), highlight=False, soft_wrap=whole)
        self._shown = len(progress.history)

    def _line(self, report: Report, progress: Progress) -> Text:
        clock = f"{format_seconds(progress.spent_seconds):>12}  "
        name = (
            f"{describe(report.trial.configuration.values, short=True)}  [{report.trial.fidelity}/{self._max_fidelity}]"
        )
        if report.status is not Status.OK:
            return Text(f"{clock}{report.status.replace('_', ' ')}  {name}: {report.message}", style="yellow")
        loss = VALIDATION_NLL.score(float(report.curve.scores[-1]))
        best = self._best_slice(report, progress)
        return Text(f"{clock}{loss:8.4f}  {name}{best}", style="bold green" if best else "")

    def _best_slice(self, report: Report, progress: Progress) -> str:
        """What to add to the line of a trial that improved on everything before it."""
        best, trial = progress.incumbent, report.trial
        if best is None or best.configuration != trial.configuration or best.fidelity <= trial.resumes_from:
            return ""
        if best.fidelity == trial.fidelity:
            return "  best so far"
        return f"  best so far: {VALIDATION_NLL.score(best.score):.4f} after slice {best.fidelity}"

    def _render(self) -> Group:
        progress = self._progress
        if progress is None:
            return Group()
        spent = progress.spent_seconds + time.monotonic() - self._since
        table = Table.grid(padding=(0, 2))
        table.add_row(Text("best so far", style="dim"), self._best(progress))
        training = self._training(progress.pending, "\n") or "choosing what to train next"
        table.add_row(Text("now", style="dim"), training)
        table.add_row(Text("budget", style="dim"), self._left(progress, spent))
        if self._ending():
            table.add_row(Text("ending", style="dim"), Text(ENDING, style="yellow"))
        return Group(Text(), table, ProgressBar(total=1.0, completed=min(1.0, self._share(progress, spent)), width=60))

    def _best(self, progress: Progress) -> Text:
        if progress.incumbent is None:
            return Text(f"{self._zero_shot_nll:.4f}  zero-shot")
        loss = VALIDATION_NLL.score(progress.incumbent.score)
        values = progress.incumbent.configuration.values
        return Text(f"{loss:.4f}  {describe(values, short=True)}  (zero-shot {self._zero_shot_nll:.4f})", style="green")

    def _training(self, pending: Sequence[Trial], between: str) -> str:
        """The trials under way, of which the first few are named."""
        more = len(pending) - _NAMED
        named = [self._in_words(trial) for trial in pending[:_NAMED]]
        return between.join([*named, *([f"and {more} more"] if more > 0 else [])])

    def _in_words(self, trial: Trial) -> str:
        slices = f"slice {trial.resumes_from + 1}"
        if trial.fidelity > trial.resumes_from + 1:
            slices = f"slices {trial.resumes_from + 1} to {trial.fidelity}"
        return f"{describe(trial.configuration.values, short=True)}, {slices} of {self._max_fidelity}"

    def _left(self, progress: Progress, spent: float) -> str:
        parts: list[str] = []
        if self._counted is not None:
            parts.append(f"{format_seconds(self._counted.left)} of predicted training left")
        if self._budget.seconds < float("inf"):
            parts.append(f"{format_seconds(self._budget.seconds - spent)} left")
        if self._budget.slices is not None:
            parts.append(f"{self._budget.slices - slices_trained(progress.history)} slices left")
        return ", ".join(parts) or "no limit"

    def _plainly(self) -> str:
        """How far it is in one line, where there is no panel."""
        progress = self._progress
        if progress is None or not progress.pending or time.monotonic() - self._since < _QUIET:
            return ""
        spent = progress.spent_seconds + time.monotonic() - self._since
        training, left = self._training(progress.pending, " and "), self._left(progress, spent)
        return f"{format_seconds(spent):>12}  training {training}; {left}"

    def _share(self, progress: Progress, spent: float) -> float:
        share = 0.0 if self._budget.slices is None else slices_trained(progress.history) / self._budget.slices
        return max(share, spent / self._budget.seconds)
