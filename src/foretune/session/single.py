"""One whole run of one configuration, from its options to the files that a user keeps."""

from __future__ import annotations

import json
import shlex
import shutil
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console

from foretune.errors import ForetuneError, JournalError
from foretune.journal import create_journal, read_journal
from foretune.report.final_scores import ModelScores
from foretune.report.fitting import Fitting
from foretune.report.page import PAGE
from foretune.report.run_report import RunReport, TrialCurve, write_run_report
from foretune.report.tables import describe, describe_guard, scores_table
from foretune.session.advice import again, finetune_command
from foretune.session.checks import check_output
from foretune.session.closing import (
    complete_adapter,
    curve_of,
    describe_adapter,
    measure_finetuned,
    measure_untouched,
    tokens_of,
)
from foretune.session.folder import ADAPTER, REPORT, TRIALS, locked
from foretune.session.ground import SearchSetup, base_model_held, prepare
from foretune.session.guarding import with_untouched
from foretune.session.header import header_of
from foretune.session.options import TuneOptions
from foretune.session.recipe import write_recipe
from foretune.session.reporting import write_final_page
from foretune.session.saying import remark, say
from foretune.session.search import check_settings, on_this_machine
from foretune.session.waiting import waiting
from foretune.tuner import Clock, Incumbent
from foretune.types import Configuration, Report, Status, Trial

BEGUN = "begun.jsonl"
"""What was known when a run was begun, until it has ended."""


@base_model_held()
def finetune_once(options: TuneOptions, runs: Sequence[Configuration], output: Path, console: Console) -> RunReport:
    """Train a configuration to its end, keep the best slice, and score it on all rows of validation and test.

    Args:
        options: of the data, the model, the seed and the device.
        runs: what to train; of several, each begins with the best adapter of the run before it.
        output: folder of the run; one that was begun with the same options is gone on with.
        console: where progress is shown.

    Raises:
        ForetuneError: whatever is wrong with the input, another process runs in the folder, or no slice was trained.
    """
    check_run(options, output)
    with _held(output):
        check_run(options, output)  # another process may have been quicker
        with waiting(console, "loading libraries") as step:
            options = on_this_machine(options)
            setup = _prepared(options, runs[-1], output, step)
        remark(console, *setup.notes)
        if setup.fit:
            say(console, setup.fit.line({"this run": runs[-1]}))
        return _finetuned(options, setup, runs, output, console)


@contextmanager
def _held(output: Path) -> Generator[None]:
    """The locked folder of a run; a new one goes again if nothing was begun in it."""
    is_new = not output.exists()
    try:
        with locked(output, "run"):
            yield
    finally:
        if is_new:
            with suppress(OSError):  # there is something in it
                output.rmdir()


def _finetuned(
    options: TuneOptions, setup: SearchSetup, runs: Sequence[Configuration], output: Path, console: Console
) -> RunReport:
    """Train, score, and write all files."""
    folders = [output] if len(runs) == 1 else [output / TRIALS / one.key for one in runs]
    configuration, folder = runs[-1], folders[-1]
    reports = [_train(options, setup, *one, console) for one in zip(runs, folders, strict=True)]
    curve = reports[-1].curve.scores
    fidelity = int(curve.argmax()) + 1
    write_recipe(output, options, setup, runs, Incumbent(configuration, fidelity, float(curve.max())))
    complete_adapter(folder / "best", setup)
    (folder / "best").rename(output / ADAPTER)
    for one in folders:
        shutil.rmtree(one / "state", ignore_errors=True)
        shutil.rmtree(one / "best", ignore_errors=True)
    (output / BEGUN).unlink()
    with waiting(console, "scoring the adapter"):
        setup = with_untouched(setup, options)
        row = measure_finetuned("finetuned", output / ADAPTER, setup, options, configuration, fidelity)
        scores = [measure_untouched(setup, options), row]
    describe_adapter(output / ADAPTER, setup, options, runs, scores)
    console.print(Fitting(scores_table(scores)))
    if row.guard:
        say(console, describe_guard(row.guard))
    curves = [curve_of(one, tokens_of(at, len(one.curve))) for one, at in zip(reports, folders, strict=True)]
    found = _report(options, setup, output, curves, scores)
    write_run_report(found, output / REPORT)
    write_final_page(output, console)
    say(
        console,
        f"The adapter of slice {fidelity} of {setup.task.max_fidelity} is in {output / ADAPTER}, a page about the run "
        f"in {output / PAGE}.",
    )
    say(console, f'Ask it: foretune predict {shlex.quote(str(output))} --prompt "..."')
    return found


def check_run(options: TuneOptions, output: Path) -> None:
    """All that can be known of a run in a second.

    Raises:
        ForetuneError: a name or a file is wrong, or the folder holds a finished run.
    """
    if (output / ADAPTER).exists():
        raise JournalError(f"{output} already holds a finished run; give another folder to --output")
    check_output(output)
    check_settings(options)


def _report(
    options: TuneOptions, setup: SearchSetup, output: Path, curves: Sequence[TrialCurve], scores: Sequence[ModelScores]
) -> RunReport:
    return RunReport(
        data=str(options.data.source),
        model=options.model,
        optimizer="",
        seed=options.seed,
        budget_seconds=None,
        spent_seconds=sum(sum(one.seconds) for one in curves),
        setup_seconds=0.0,
        reason="one configuration was trained" if len(curves) == 1 else f"{len(curves)} runs were trained",
        max_fidelity=setup.task.max_fidelity,
        best_key=curves[-1].key,
        default_key=setup.default.key,
        scores=tuple(scores),
        trials=tuple(curves),
        notes=setup.notes,
        command=finetune_command(options, output / "best.yaml", again(output)),
        versions=setup.versions,
    )


def _prepared(
    options: TuneOptions, configuration: Configuration, output: Path, step: Callable[[str], None]
) -> SearchSetup:
    """What the run stands on; one that goes on takes over what was known when it was begun."""
    begun = output / BEGUN
    known = read_journal(begun).header if begun.exists() else None
    if known is not None and known["settings"] == options.to_json():
        return prepare(options, known, step=step)
    clock = Clock()
    setup = prepare(options, None, configuration=configuration, step=step)
    create_journal(begun, header_of(options, setup, clock))
    return setup


def _train(
    options: TuneOptions, setup: SearchSetup, configuration: Configuration, folder: Path, console: Console
) -> Report:
    from foretune.finetuning.train import finetune as train

    say(console, f"finetuning with {describe(configuration.values)}")
    trial = Trial(0, configuration, setup.task.max_fidelity)
    with _following(folder / "slices.jsonl", trial.fidelity, console):
        report = train(trial, setup.data, options.model, folder, seed=options.seed, device=options.device, test=False)
    if not len(report.curve):
        raise ForetuneError(f"the run {report.status.replace('_', ' ')} before its first slice: {report.message}")
    if report.status is not Status.OK:
        console.print(f"{report.status.replace('_', ' ')}: {report.message}", style="yellow")
    return report


@contextmanager
def _following(slices: Path, planned: int, console: Console) -> Generator[None]:
    """Print a line for each slice that a run writes down."""
    ended = threading.Event()

    def follow() -> None:
        """Look at the file until the run has ended, and once more after it."""
        shown, last = 0, False
        while not last:
            last = ended.wait(0.2)
            lines = slices.read_text(encoding="utf-8").split("\n")[:-1] if slices.exists() else []
            for line in lines[shown:]:
                values = json.loads(line)
                console.print(
                    f"slice {values['fidelity']} of {planned}: validation loss {values['validation_nll']:.4f}"
                )
            shown = len(lines)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
