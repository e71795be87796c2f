"""A search from its options to its report: what `tune`, `demo` and the benchmarks share."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from foretune.errors import ForetuneError
from foretune.execution.pruning import needed_by, prune_checkpoints
from foretune.execution.subprocess import Worker
from foretune.journal import create_journal
from foretune.session import checks
from foretune.session.advice import repeat_command
from foretune.session.answering import answering_seconds
from foretune.session.averaging import averaging_seconds, to_average
from foretune.session.display import SearchDisplay
from foretune.session.durations import format_seconds
from foretune.session.folder import JOURNAL, TRIALS, check_folder, check_not_running, locked, set_aside
from foretune.session.ground import SearchSetup, prepare
from foretune.session.guarding import check_guard, guarding_seconds
from foretune.session.header import header_of
from foretune.session.interruption import Interruption
from foretune.session.options import TuneOptions
from foretune.session.saying import remark, say
from foretune.session.scoring import check_metric
from foretune.session.status import noting
from foretune.session.waiting import waiting
from foretune.session.workers import RayRequest, Team, on_cluster, one_worker, several_workers
from foretune.tuner import AbandonedError, Budget, Clock, Observer, Progress, TuningResult, tune
from foretune.types import Report, Status, Trial

if TYPE_CHECKING:
    from foretune.optimizer import Optimizer, Search

_WRITING_SECONDS = 3.0
"""Of a free core, for the report, the figure and the rest that a search leaves."""
_SLOWEST = 10.0


@dataclass(frozen=True)
class Found:
    """A search that has ended, with what is needed to report on it."""

    options: TuneOptions
    budget: Budget
    output: Path
    setup: SearchSetup
    result: TuningResult
    clock: Clock


@dataclass(frozen=True)
class _Way:
    """How a search goes, which does not decide what it finds.

    Attributes:
        worker: runs the trials; None for this process, or for the workers.
        workers: trials at the same time.
        cluster: that runs them; None for this machine.
        as_predicted: count the seconds of the budget as they are predicted, so that the search is the same on any
            machine; what it takes is another matter.
        make: makes the optimizer; None for the one that the options name.
        ending: asks for an early end that keeps the best.
        observers: further ones, see `foretune.tuner.tune`.
    """

    worker: Worker | None = None
    workers: int = 1
    cluster: RayRequest | None = None
    as_predicted: bool = False
    make: Callable[[Search], Optimizer] | None = None
    ending: Interruption = field(default_factory=Interruption)
    observers: Sequence[Observer] = ()

    def by_the_clock(self, budget: Budget) -> Budget:
        """What of a budget is limited by the clock."""
        return replace(budget, seconds=math.inf) if self.as_predicted else budget

    def team(self, setup: SearchSetup, device: str, directory: Path, console: Console) -> AbstractContextManager[Team]:
        """What runs the trials, begun."""
        if self.cluster is not None:
            return on_cluster(self.cluster, self.workers, device, directory)
        if self.worker is not None:
            return nullcontext(one_worker(self.worker))
        return several_workers(self.workers, setup, device, console)


def search(
    options: TuneOptions,
    budget: Budget,
    output: Path,
    console: Console,
    *,
    resume: bool = False,
    isolate: bool = False,
    workers: int = 1,
    cluster: RayRequest | None = None,
    as_predicted: bool = False,
    clock: Clock | None = None,
    make: Callable[[Search], Optimizer] | None = None,
    observers: Sequence[Observer] = (),
) -> Found:
    """Check everything, load everything, then tune until the budget is spent.

    Loading and the zero-shot evaluation are part of the budget, and time is kept for `close`. A resumed search starts
    with the seconds that its journal says; loading again is not counted, nor is what a kill has cut off. The first
    Ctrl-C ends the search and keeps the best.

    Args:
        options: of the search.
        budget: of the search; a resumed one may be given more.
        output: folder of the search; made when there is something to write.
        console: where progress is shown.
        resume: go on with the search in `output`.
        isolate: run trials in a process of their own.
        workers: trials at the same time, each in a process of its own; fewer where the memory does not suffice.
        cluster: that runs the trials instead of this machine.
        as_predicted: count the seconds of the budget as they are predicted, so that the search is the same on any
            machine; what it takes is another matter.
        clock: of the budget; by default it starts now.
        make: makes the optimizer; by default the one that `options` names.
        observers: further ones, see `foretune.tuner.tune`.

    Raises:
        ForetuneError: whatever is wrong with the input, or if the budget ended before anything was trained.
        KeyboardInterrupt: a second Ctrl-C, or one before anything was trained.
    """
    clock = clock or Clock()
    check_not_running(output)
    check_folder(output, options, resume=resume)
    check_settings(options, optimizer=make is None)
    with ExitStack() as stack:
        alone = isolate and workers == 1 and cluster is None
        worker = stack.enter_context(_begun_worker()) if alone else None
        way = _Way(worker, workers, cluster, as_predicted, make, observers=observers)
        allowed = way.by_the_clock(budget)
        with waiting(console, "loading libraries"):
            options = on_this_machine(options)
        if is_locked := output.is_dir():
            stack.enter_context(locked(output))
        known = check_folder(output, options, resume=resume)
        setup, is_new = _prepare(options, known, output, console, timed=not as_predicted)
        if not is_locked:
            stack.enter_context(locked(output))
            check_folder(output, options, resume=resume)  # another search may have been quicker
        if is_new:
            asked = {
                "budget_seconds": allowed.seconds if math.isfinite(allowed.seconds) else None,
                "command": repeat_command(options, output, budget),
                "default": dict(setup.default.values),
            }
            create_journal(output / JOURNAL, header_of(options, setup, clock) | asked)
        _say_what_is_known(setup, clock, console)
        result = _tune(options, budget, output, setup, clock, console, way)
    if result.incumbent is None and way.ending.asked():
        raise KeyboardInterrupt
    if result.incumbent is None:
        raise ForetuneError(_nothing_trained(result))
    return Found(options, allowed, output, setup, result, clock)


def _begun_worker() -> Worker:
    """Does its imports while this process does its own, reads the data and scores the base model."""
    worker = Worker()
    worker.start()
    return worker


def check_settings(options: TuneOptions, *, data: bool = True, optimizer: bool = True) -> None:
    """All that can be known of a search in a second.

    Args:
        options: of the search.
        data: whether the dataset should be there already.
        optimizer: whether the optimizer's name is to be looked at.

    Raises:
        ForetuneError: a name or a file is wrong.
    """
    if optimizer:
        checks.check_optimizer(options.optimizer)
    checks.check_space(options.space)
    checks.check_device(options.device)
    checks.check_surrogates(options.surrogate)
    checks.check_model(options.model)
    check_metric(options.metric)
    if data:
        asked = options.data
        checks.check_data(str(asked.source), seed=asked.seed, train_rows=asked.train_rows, **asdict(asked.reading))
        check_guard(options)


def on_this_machine(options: TuneOptions) -> TuneOptions:
    """The options with the device that is meant."""
    from foretune.finetuning.model import choose_device

    return replace(options, device=choose_device(options.device))


def _prepare(
    options: TuneOptions, known: Mapping[str, Any] | None, output: Path, console: Console, *, timed: bool
) -> tuple[SearchSetup, bool]:
    """What the search stands on, and whether it begins; data other than the journal's set aside all that is there."""
    with waiting(console, "loading the model and the data") as step:
        setup = prepare(options, known, step=step, timed=timed)
        if known is None or known.get("data", setup.fingerprint) == setup.fingerprint:
            return setup, known is None
        number = set_aside(output)
        say(
            console,
            "The dataset has changed since this search began, and old scores can't be compared with new ones: it "
            f"begins anew. All that was there is kept, with the number {number} in its names (journal.{number}.jsonl).",
            "yellow",
        )
        return prepare(options, None, step=step, timed=timed), True


def _say_what_is_known(setup: SearchSetup, clock: Clock, console: Console) -> None:
    remark(console, *setup.notes)
    if setup.fit:
        say(console, setup.fit.sizes(setup.default, setup.candidates))
    say(
        console,
        f"zero-shot: validation loss {setup.zero_shot['validation'].nll:.4f}; "
        f"{len(setup.candidates)} candidate configurations, ready after {format_seconds(clock.spent())}",
    )


def _tune(
    options: TuneOptions, budget: Budget, output: Path, setup: SearchSetup, clock: Clock, console: Console, way: _Way
) -> TuningResult:
    from foretune.session.predicted_time import PredictedTime

    optimizer, counted = setup.optimizer(options, way.make), None
    slowness = clock.spent() / time.process_time()
    averaging = averaging_seconds(budget.seconds, setup.validation_seconds) if options.average else 0.0
    scoring = setup.closing_seconds + guarding_seconds(setup, options)
    answering = answering_seconds(options, budget.seconds, setup)
    kept = reserve(scoring + averaging + answering, budget.seconds, slowness=slowness)
    limits = replace(budget, seconds=budget.seconds - kept)
    if way.as_predicted and setup.surrogates:
        optimizer = counted = PredictedTime(optimizer, setup.task, setup.surrogates.cost, budget.seconds)
        limits = replace(budget, seconds=math.inf)
    with ExitStack() as stack:
        # Ray has a handler of signals of its own, which the one of a search takes the place of.
        team = stack.enter_context(way.team(setup, options.device, output / TRIALS, console))
        stack.enter_context(way.ending)
        display = SearchDisplay(
            console, limits, setup.task.max_fidelity, setup.zero_shot_nll, ending=way.ending.asked, counted=counted
        )
        stack.enter_context(display)
        run_trial = setup.executor(options, output / TRIALS, team, stop=way.ending.asked)

        def evaluate(trial: Trial) -> Report:
            # One slice may overrun; a run of several is stopped by the budget, for there is nothing else to stop it.
            many = trial.fidelity - trial.resumes_from > 1 and math.isfinite(limits.seconds)
            report = whole_slices(run_trial(trial, max(1.0, limits.seconds - clock.spent()) if many else None))
            if report.status is Status.TIMED_OUT and way.ending.asked():
                raise AbandonedError
            return report

        return tune(
            optimizer,
            evaluate,
            budget=limits,
            journal=output / JOURNAL,
            observers=[
                display,
                noting(output, way.by_the_clock(budget)),
                _pruning(output, setup, options),
                *way.observers,
            ],
            clock=clock,
            stop=way.ending.asked,
            workers=max(1, len(team.workers)),
        )


def reserve(closing_seconds: float, budget_seconds: float, *, slowness: float = 1.0) -> float:
    """Seconds of a budget to keep for the end: averages, answers, scoring the best adapter, and writing.

    Args:
        closing_seconds: that scoring is expected to take.
        budget_seconds: of which no more than a quarter is kept.
        slowness: seconds that have passed for each second of computing, for other programs want the machine, too.
    """
    if math.isinf(budget_seconds):
        return 0.0
    return min(closing_seconds + _WRITING_SECONDS * min(max(1.0, slowness), _SLOWEST), budget_seconds / 4)


def _pruning(output: Path, setup: SearchSetup, options: TuneOptions) -> Observer:
    finalists = options.average or options.metric.writes or options.guard_limit is not None

    def prune(progress: Progress) -> None:
        """After every report, delete checkpoints that nothing will ask for again."""
        if progress.trial is None and progress.incumbent is not None:
            best = (progress.incumbent, *(to_average(progress.history) if finalists else ()))
            prune_checkpoints(
                output / TRIALS,
                progress.history,
                max_fidelity=setup.task.max_fidelity,
                best={one.configuration.key for one in best},
                keep={setup.default.key, *needed_by(progress.pending)},  # the final table needs the default
            )

    return prune


def whole_slices(report: Report) -> Report:
    """A run that the budget has cut off is ok up to its last whole slice, and a resumed search goes on from there."""
    reached = len(report.curve)
    if report.status is not Status.TIMED_OUT or reached <= report.trial.resumes_from:
        return report
    return replace(report, trial=replace(report.trial, fidelity=reached), status=Status.OK, message="")


def _nothing_trained(result: TuningResult) -> str:
    failures = [f"{report.status}: {report.message}" for report in result.history]
    if failures:
        return f"none of the {len(failures)} trials was scored; the last one said: {failures[-1]}"
    return (
        f"nothing was trained: loading took {format_seconds(result.spent_seconds)} of the budget, and then "
        f"{result.reason}; give a larger --budget"
    )
