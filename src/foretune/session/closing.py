"""The end of a search: the default for comparison, scores on the test split, and all files that a user keeps."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any

import yaml
from rich.console import Console

from foretune.errors import JournalError
from foretune.execution.jobs import read_records
from foretune.journal import read_journal
from foretune.report.curves import save_curves
from foretune.report.run_report import Measurement, ModelScores, RunReport, TrialCurve, trial_curves, write_run_report
from foretune.report.tables import describe, scores_table
from foretune.session.adapter_folder import complete_adapter_folder, snippet, write_card
from foretune.session.search import JOURNAL, TRIALS, Found, Settings
from foretune.types import VALIDATION_NLL, Configuration, Report, Status, Trial

if TYPE_CHECKING:
    from foretune.finetune.data import Tokens
    from foretune.session.ground import Ground

ADAPTER = "adapter"
_READING = ("columns", "last_turn_only", "skip_bad_rows")
"""Settings that say how the data is read, which `foretune finetune` needs, too."""


def close(found: Found, console: Console, *, compare_default: bool = True) -> RunReport:
    """Score zero-shot, default and best on the test split, write all files, and say what to do next.

    Args:
        found: the search.
        console: where the table goes.
        compare_default: train the default configuration to its end where the search did not, outside of the budget.
    """
    incumbent = found.result.incumbent
    if incumbent is None:
        raise JournalError("a search without a scored trial cannot be closed; resume it with a larger budget")
    default = _default_report(found, console) if compare_default else _last_report(found, found.ground.default)
    _keep_adapter(found, incumbent.configuration)
    scores = _scores(found, default)
    describe_adapter(found.output / ADAPTER, found.ground, found.settings, incumbent.configuration, scores)
    report = _run_report(found, scores, default)
    write_run_report(report, found.output / "report.json")
    save_curves(report, found.output / "curves.png")
    _write_best(found)
    _print(found, report, default, console)
    return report


def _default_report(found: Found, console: Console) -> Report | None:
    """The default configuration trained to its end, by the search or else now."""
    known = _last_report(found, found.ground.default)
    slices, done = found.ground.task.max_fidelity, len(known.curve) if known else 0
    if known is not None and (done == slices or known.status is not Status.OK):
        return known
    with console.status("training the default configuration to its end, for comparison (outside of the budget) ..."):
        from foretune.execution.in_process import InProcess

        evaluate = InProcess(
            found.ground.data,
            found.settings.model,
            found.output / TRIALS,
            found.settings.seed,
            found.settings.device,
        )
        report = evaluate(Trial(len(found.result.history), found.ground.default, slices, resumes_from=done))
    console.print(
        f"the default configuration was trained for comparison, {report.seconds:.0f} s outside of the budget",
        style="dim",
        highlight=False,
        soft_wrap=True,
    )
    return report


def _last_report(found: Found, configuration: Configuration) -> Report | None:
    reports = [report for report in found.result.history if report.trial.configuration == configuration]
    return reports[-1] if reports else None


def _keep_adapter(found: Found, best: Configuration) -> None:
    """Copy the best adapter to where users look for it; it is whole or, after a kill, the earlier one."""
    source, target = found.output / TRIALS / best.key / "best", found.output / ADAPTER
    if not source.is_dir():
        message = f"{source} is gone; the search cannot be closed without it, so begin it again in another folder"
        raise JournalError(message)
    fresh = target.with_name(f".{ADAPTER}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(source, fresh)
    complete_adapter(fresh, found.ground)
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)


def complete_adapter(folder: Path, ground: Ground) -> None:
    """Add what a user needs beside the weights in a folder."""
    longest = int(ground.data.train.completion_lengths.max())
    complete_adapter_folder(folder, ground.tokenizer, ground.ending.stops, longest)


def describe_adapter(
    folder: Path, ground: Ground, settings: Settings, configuration: Configuration, scores: Sequence[ModelScores]
) -> None:
    """Write the card of an adapter, with its scores."""
    stops = ground.tokenizer.convert_ids_to_tokens(list(ground.ending.stops))
    write_card(
        folder,
        model=settings.model,
        dataset=ground.data.name,
        configuration=configuration.values,
        stops=stops,
        scores=scores,
    )


def _scores(found: Found, default: Report | None) -> tuple[ModelScores, ...]:
    ground, incumbent = found.ground, found.result.incumbent
    rows = [measure_untouched(ground)]
    if default is not None and len(default.curve):
        fidelity = int(default.curve.scores.argmax()) + 1
        folder = found.output / TRIALS / ground.default.key / "best"
        rows.append(measure_finetuned("default", folder, ground, found.settings, ground.default, fidelity))
    if incumbent is not None:
        best, folder = incumbent.configuration, found.output / ADAPTER
        rows.append(measure_finetuned("best", folder, ground, found.settings, best, incumbent.fidelity))
    return tuple(rows)


def measure_finetuned(
    name: str, folder: Path, ground: Ground, settings: Settings, configuration: Configuration, slices: int
) -> ModelScores:
    """Read an adapter back, as a user would, and evaluate it on the validation and the test split."""
    from foretune.execution.finetuned import load_finetuned
    from foretune.finetune.evaluate import evaluate

    model = load_finetuned(folder, settings.model, device=settings.device)

    def measure(tokens: Tokens) -> Measurement:
        return Measurement(**asdict(evaluate(model, tokens)))

    validation, test = measure(ground.data.validation), measure(ground.data.test)
    return ModelScores(name, validation, test, dict(configuration.values), slices)


def measure_untouched(ground: Ground) -> ModelScores:
    """The row of the base model."""
    validation, test = (Measurement(**asdict(ground.zero_shot[split])) for split in ("validation", "test"))
    return ModelScores("zero-shot", validation, test)


def _run_report(found: Found, scores: tuple[ModelScores, ...], default: Report | None) -> RunReport:
    journal = read_journal(found.output / JOURNAL)
    incumbent, settings = found.result.incumbent, found.settings
    tokens = _tokens(found)
    return RunReport(
        data=settings.data,
        model=settings.model,
        optimizer=settings.optimizer,
        seed=settings.seed,
        budget_seconds=found.budget.seconds if found.budget.seconds < float("inf") else None,
        spent_seconds=found.result.spent_seconds,
        setup_seconds=float(journal.header["setup_seconds"]),
        reason=found.result.reason,
        max_fidelity=found.ground.task.max_fidelity,
        best_key=incumbent.configuration.key if incumbent else "",
        default_key=found.ground.default.key,
        scores=scores,
        trials=_with_default(trial_curves(journal.entries, tokens), default, tokens),
        notes=found.ground.data.notes,
        versions=found.ground.versions,
    )


def _tokens(found: Found) -> dict[str, list[int]]:
    """Tokens trained on after each slice, by configuration."""
    tried = {report.trial.configuration.key for report in found.result.history} | {found.ground.default.key}
    records = {key: read_records(found.output / TRIALS / key, found.ground.task.max_fidelity)[0] for key in tried}
    return {key: [int(line["tokens"]) for line in lines] for key, lines in records.items()}


def _with_default(
    trials: tuple[TrialCurve, ...], default: Report | None, tokens: Mapping[str, list[int]]
) -> tuple[TrialCurve, ...]:
    """The curves of the search with the whole one of the default, whichever part of it was trained afterwards."""
    if default is None:
        return trials
    key = default.trial.configuration.key
    spent = next((trial.spent_seconds for trial in trials if trial.key == key), ())
    curve = TrialCurve(
        key=key,
        configuration=dict(default.trial.configuration.values),
        status=str(default.status),
        message=default.message,
        validation_nll=tuple(VALIDATION_NLL.score(score) for score in default.curve.scores.tolist()),
        seconds=tuple(default.curve.seconds.tolist()),
        spent_seconds=spent,
        tokens=tuple(tokens.get(key, ()))[: len(default.curve)],
    )
    others = tuple(trial for trial in trials if trial.key != key)
    return (*others, curve)


def _write_best(found: Found) -> None:
    """Write `best.yaml`, which `foretune finetune --config` takes."""
    incumbent = found.result.incumbent
    if incumbent is None:
        return
    content: dict[str, Any] = {
        "configuration": dict(incumbent.configuration.values),
        "model": found.settings.model,
        "data": found.settings.data,
        "seed": found.settings.seed,
        "slices": incumbent.fidelity,
        "slices_planned": found.ground.task.max_fidelity,
        "validation_nll": VALIDATION_NLL.score(incumbent.score),
        "today": found.ground.today.isoformat(),
        **{name: value for name in _READING if (value := getattr(found.settings, name))},
    }
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    (found.output / "best.yaml").write_text(text, encoding="utf-8")


def _print(found: Found, report: RunReport, default: Report | None, console: Console) -> None:
    incumbent, output = found.result.incumbent, found.output
    if incumbent is None:
        return
    console.print(
        f"\n{len(report.trials)} configurations, {len(found.result.history)} trials, "
        f"{report.spent_seconds:.0f} s; it ended because {found.result.reason}.",
        highlight=False,
        soft_wrap=True,
    )
    best = f"best: {describe(incumbent.configuration.values)}"
    console.print(
        f"{best}; after {incumbent.fidelity} of {report.max_fidelity} slices\n", highlight=False, soft_wrap=True
    )
    console.print(scores_table(report.scores))
    if default is not None and len(default.curve) and default.curve.scores.max() > incumbent.score:
        console.print(
            f"The default configuration has the better validation loss; its adapter is in "
            f"{output / TRIALS / found.ground.default.key / 'best'}.",
            style="yellow",
        )
    console.print(
        f"""
Everything is in {output}: adapter/, best.yaml, journal.jsonl, report.json, curves.png. What to do next:
  ask it      foretune predict {output} --prompt "..."    or    foretune chat {output}
  search on   the same command with --resume and a larger --budget
  train it    foretune finetune DATA --config {output / "best.yaml"} --output OTHER

From Python (this is in adapter/README.md, too):

{indent(snippet(output / ADAPTER, str(output / ADAPTER)), "  ")}""",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
