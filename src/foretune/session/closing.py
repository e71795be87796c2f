"""The end of a search: the default for comparison, scores on the test split, and all files that a user keeps."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from foretune.errors import JournalError
from foretune.execution.jobs import read_records
from foretune.journal import read_journal
from foretune.report.curves import save_curves
from foretune.report.final_scores import GuardChoice, Measurement, Member, ModelScores
from foretune.report.run_report import RunReport, TrialCurve, trial_curves, write_run_report
from foretune.session.adapter_folder import complete_adapter_folder, write_card
from foretune.session.advice import repeat_command
from foretune.session.answering import Exam, exam_of, judge_may_be_left_out
from foretune.session.averaging import FOLDER, Adapter, average_best, folder_of
from foretune.session.choosing import answers_in_report, choose_returned
from foretune.session.folder import ADAPTER, COMPARISON, JOURNAL, REPORT, TRIALS, locked
from foretune.session.ground import base_model_held
from foretune.session.guarding import guard_score, keep_within, untouched_score, with_untouched
from foretune.session.interruption import Interruption
from foretune.session.lineage import lineage
from foretune.session.measuring import base_to_score
from foretune.session.options import TuneOptions
from foretune.session.outcome import print_outcome
from foretune.session.recipe import write_recipe
from foretune.session.reporting import write_final_page
from foretune.session.saying import say
from foretune.session.search import Found
from foretune.session.waiting import waiting
from foretune.session.workers import Team
from foretune.tuner import INTERRUPTED, Incumbent
from foretune.types import VALIDATION_NLL, Configuration, Report, Status, Trial

if TYPE_CHECKING:
    from foretune.finetuning.data import Tokens
    from foretune.finetuning.evaluate import Scores
    from foretune.session.ground import SearchSetup


@base_model_held()
@judge_may_be_left_out()
def close(found: Found, console: Console, *, compare_default: bool = True) -> RunReport:
    """Choose what is returned, score it, zero-shot and default on the test split, write all files, say what is next.

    The adapter that is returned, an average or a checkpoint, comes first and within the budget. What it is
    compared with comes after it and outside of the budget: the best checkpoint beside another one or an average, and
    the default, which is not trained after an interruption; one more Ctrl-C ends it, too.

    Args:
        found: the search.
        console: where the table goes.
        compare_default: train the default configuration to its end where the search did not.
    """
    incumbent = found.result.incumbent
    if incumbent is None:
        raise JournalError("a search without a scored trial cannot be closed; resume it with a larger budget")
    with locked(found.output):
        with waiting(console, "averaging the best adapters") as step:
            found = replace(found, setup=with_untouched(found.setup, found.options))
            best, exam = average_best(found, incumbent), exam_of(found)
            if exam:
                step(f"comparing the answers of the best adapters by {exam.scorer.name}")
            chosen, compared = choose_returned(found, best, exam)
            kept, limited = keep_within(found, chosen)
            step(f"scoring the {'average' if kept.parts else 'best adapter'} on {_held_out_rows(found.setup):,} rows")
            _keep_adapter(found, kept.folder(found))
            found = replace(found, result=replace(found.result, incumbent=kept.checkpoint))
            write_recipe(found.output, found.options, found.setup, _runs(found, kept.checkpoint), kept.checkpoint)
            returned = _score_returned(found, incumbent, kept, exam, limited)
        spent = found.clock.spent()
        default = _last_report(found, found.setup.default)
        if compare_default and found.result.reason != INTERRUPTED:
            default = _default_report(found, default, console)
        with waiting(console, "scoring the default configuration, and writing the report"):
            untouched = measure_untouched(found.setup, found.options, exam)
            row = returned if returned.name == "best" else _score_best(found, incumbent, exam)
            others = () if row is returned else (returned,)
            scores = (untouched, *_score_default(found, default, row, exam), row, *others)
            describe_adapter(found.output / ADAPTER, found.setup, found.options, _runs(found, kept.checkpoint), scores)
            answers = answers_in_report(found, compared, exam, scores)
            report = replace(_run_report(found, scores, default, spent), guard=limited, **answers)
            write_run_report(report, found.output / REPORT)
            save_curves(report, found.output / "curves.png")
            write_final_page(found.output, console)
        print_outcome(found, report, default, console)
    return report


def _runs(found: Found, checkpoint: Incumbent) -> tuple[Configuration, ...]:
    return lineage(checkpoint.configuration, [one.trial.configuration for one in found.result.history])


def _held_out_rows(setup: SearchSetup) -> int:
    return len(setup.whole.validation) + len(setup.whole.test)


def _score_returned(
    found: Found, best: Incumbent, adapter: Adapter, exam: Exam | None, limited: GuardChoice | None
) -> ModelScores:
    first = adapter.parts[0].checkpoint if adapter.parts else adapter.checkpoint
    row = _score_best(found, first, exam, found.output / ADAPTER)
    if members := tuple(_member(one.checkpoint, one.weight) for one in adapter.parts):
        row = replace(row, name="average", configuration={}, slices=0, members=members)
    elif adapter.checkpoint != best:
        row = replace(row, name="chosen")
    by_limit = limited is not None and limited.kept != limited.finalists[0].name
    return replace(row, name="guarded") if by_limit else row


def _score_best(found: Found, best: Incumbent, exam: Exam | None, folder: Path | None = None) -> ModelScores:
    folder = folder or folder_of(found, best)
    return measure_finetuned("best", folder, found.setup, found.options, best.configuration, best.fidelity, exam)


def _member(checkpoint: Incumbent, weight: float) -> Member:
    configuration = checkpoint.configuration
    return Member(configuration.key, dict(configuration.values), checkpoint.fidelity, weight)


def _score_default(
    found: Found, default: Report | None, best: ModelScores, exam: Exam | None = None
) -> tuple[ModelScores, ...]:
    """Its row, if it was trained at all; where it is the best, it was scored already."""
    if default is None or not len(default.curve):
        return ()
    setup, fidelity = found.setup, int(default.curve.scores.argmax()) + 1
    if best.configuration == dict(setup.default.values) and best.slices == fidelity:
        return (replace(best, name="default"),)
    folder = _folder_of_default(found, default) / "best"
    return (measure_finetuned("default", folder, setup, found.options, setup.default, fidelity, exam),)


def _folder_of_default(found: Found, default: Report) -> Path:
    """Where the run of a report is: of the search, or of what came after it."""
    of_search = any(one is default for one in found.result.history)
    return found.output / (TRIALS if of_search else COMPARISON) / found.setup.default.key


def _default_report(found: Found, known: Report | None, console: Console) -> Report | None:
    """The default configuration trained to its end, by the search or else now."""
    slices, done = found.setup.task.max_fidelity, len(known.curve) if known else 0
    if known is not None and (done == slices or known.status is not Status.OK):
        return known
    what = "training the default configuration to its end, for comparison (outside of the budget; Ctrl-C ends it)"
    with waiting(console, what), Interruption() as ending:
        begun, folder = (found.output / one / found.setup.default.key for one in (TRIALS, COMPARISON))
        if len(read_records(folder, done)[0]) < done:
            _copy(begun, folder)
        evaluate = found.setup.executor(found.options, folder.parent, Team(), stop=ending.asked)
        report = evaluate(Trial(len(found.result.history), found.setup.default, slices, resumes_from=done), None)
    say(
        console,
        f"the default configuration was trained for comparison, {report.seconds:.0f} s outside of the budget",
        "dim",
    )
    return report if len(report.curve) else known


def _last_report(found: Found, configuration: Configuration) -> Report | None:
    reports = [report for report in found.result.history if report.trial.configuration == configuration]
    return reports[-1] if reports else None


def _keep_adapter(found: Found, source: Path) -> None:
    """Copy an adapter to where users look for it."""
    target = found.output / ADAPTER
    if not source.is_dir():
        message = f"{source} is gone; the search cannot be closed without it, so begin it again in another folder"
        raise JournalError(message)
    _copy(source, target, lambda fresh: complete_adapter(fresh, found.setup))
    shutil.rmtree(found.output / FOLDER, ignore_errors=True)


def _copy(source: Path, target: Path, complete: Callable[[Path], None] = lambda _: None) -> None:
    """Put a completed copy of a folder in the place of an earlier one; after a kill it is whole, or there is none."""
    fresh = target.with_name(f".{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(source, fresh)
    complete(fresh)
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)


def complete_adapter(folder: Path, setup: SearchSetup) -> None:
    """Add what a user needs beside the weights in a folder."""
    longest = int(setup.data.train.completion_lengths.max())
    complete_adapter_folder(folder, setup.tokenizer, setup.ending.stops, longest)


def describe_adapter(
    folder: Path,
    setup: SearchSetup,
    options: TuneOptions,
    runs: Sequence[Configuration],
    scores: Sequence[ModelScores],
) -> None:
    """Write the card of an adapter, with its scores.

    Args:
        folder: of the adapter.
        setup: of the search or the run.
        options: of the same.
        runs: that led to it, first to last.
        scores: rows of the final table.
    """
    stops = setup.tokenizer.convert_ids_to_tokens(list(setup.ending.stops))
    write_card(
        folder,
        model=options.model,
        dataset=setup.data.name,
        runs=[one.values for one in runs],
        stops=stops,
        scores=scores,
        members=scores[-1].members,
    )


def measure_finetuned(
    name: str,
    folder: Path,
    setup: SearchSetup,
    options: TuneOptions,
    configuration: Configuration,
    slices: int,
    exam: Exam | None = None,
) -> ModelScores:
    """Read an adapter back, as a user would, and evaluate it on the validation and the test split."""
    from foretune.execution.finetuned import load_finetuned
    from foretune.finetuning.evaluate import evaluate

    model = load_finetuned(folder, options.model, device=options.device, shared=True)

    def measure(tokens: Tokens) -> Measurement:
        return _measurement(evaluate(model, tokens), len(tokens))

    validation, test = measure(setup.whole.validation), measure(setup.whole.test)
    answered, answers = exam.on_test(model) if exam else (None, ())
    test, guard = replace(test, answered=answered), guard_score(setup, model)
    return ModelScores(name, validation, test, dict(configuration.values), slices, guard=guard, answers=answers)


def measure_untouched(setup: SearchSetup, options: TuneOptions, exam: Exam | None = None) -> ModelScores:
    """The row of the base model, on all rows."""
    scores = dict(setup.zero_shot) if setup.data is setup.whole else {}
    if left := [split for split in ("validation", "test") if split not in scores]:
        from foretune.finetuning.evaluate import evaluate

        untouched = base_to_score(options.model, options.device, dear=True)
        scores |= {split: evaluate(untouched, getattr(setup.whole, split)) for split in left}
    validation = _measurement(scores["validation"], len(setup.whole.validation))
    test = _measurement(scores["test"], len(setup.whole.test))
    answered, answers = exam.on_test(base_to_score(options.model, options.device, dear=False)) if exam else (None, ())
    test = replace(test, answered=answered)
    return ModelScores("zero-shot", validation, test, guard=untouched_score(setup), answers=answers)


def _measurement(scores: Scores, rows: int) -> Measurement:
    values: dict[str, Any] = {"rows": rows, **asdict(scores)}
    return Measurement(**values)


def _run_report(found: Found, scores: tuple[ModelScores, ...], default: Report | None, spent: float) -> RunReport:
    journal = read_journal(found.output / JOURNAL)
    incumbent, options = found.result.incumbent, found.options
    tokens = _tokens(found, default)
    return RunReport(
        data=str(options.data.source),
        model=options.model,
        optimizer=options.optimizer,
        seed=options.seed,
        budget_seconds=found.budget.seconds if found.budget.seconds < float("inf") else None,
        spent_seconds=spent,
        setup_seconds=float(journal.header["setup_seconds"]),
        reason=found.result.reason,
        max_fidelity=found.setup.task.max_fidelity,
        best_key=incumbent.configuration.key if incumbent else "",
        default_key=found.setup.default.key,
        scores=scores,
        trials=_with_default(trial_curves(journal.entries, tokens), default, tokens),
        notes=found.setup.notes,
        command=repeat_command(options, found.output, found.budget),
        versions=found.setup.versions,
    )


def _tokens(found: Found, default: Report | None) -> dict[str, list[int]]:
    """Tokens trained on after each slice, by configuration."""
    tried = {report.trial.configuration.key for report in found.result.history}
    folders = {key: found.output / TRIALS / key for key in tried}
    if default is not None:
        folders[found.setup.default.key] = _folder_of_default(found, default)
    return {key: tokens_of(folder, found.setup.task.max_fidelity) for key, folder in folders.items()}


def tokens_of(folder: Path, slices: int) -> list[int]:
    """Tokens that a run was trained on after each of its first slices."""
    return [int(line["tokens"]) for line in read_records(folder, slices)[0]]


def _with_default(
    trials: tuple[TrialCurve, ...], default: Report | None, tokens: Mapping[str, list[int]]
) -> tuple[TrialCurve, ...]:
    """The curves of the search with the whole one of the default, whichever part of it was trained afterwards."""
    if default is None:
        return trials
    key = default.trial.configuration.key
    spent = next((trial.spent_seconds for trial in trials if trial.key == key), ())
    others = tuple(trial for trial in trials if trial.key != key)
    return (*others, curve_of(default, tokens.get(key, ()), spent))


def curve_of(report: Report, tokens: Sequence[int], spent_seconds: tuple[float, ...] = ()) -> TrialCurve:
    """The curve of a run in one report, with the tokens that it was trained on after each slice."""
    return TrialCurve(
        key=report.trial.configuration.key,
        configuration=dict(report.trial.configuration.values),
        status=str(report.status),
        message=report.message,
        validation_nll=tuple(VALIDATION_NLL.score(score) for score in report.curve.scores.tolist()),
        seconds=tuple(report.curve.seconds.tolist()),
        spent_seconds=spent_seconds,
        tokens=tuple(tokens)[: len(report.curve)],
    )
