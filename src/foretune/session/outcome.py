"""What a search prints at its end."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from textwrap import indent
from typing import TYPE_CHECKING

from rich.console import Console

from foretune.metrics import NLL
from foretune.report.fitting import Fitting
from foretune.report.page import PAGE
from foretune.report.tables import (
    describe,
    describe_judged,
    describe_members,
    finalists_table,
    guard_outcome,
    scores_table,
)
from foretune.session.adapter_folder import snippet
from foretune.session.advice import again, finetune_command, resume_command
from foretune.session.durations import format_seconds
from foretune.session.folder import ADAPTER, COMPARISON
from foretune.session.lineage import lineage
from foretune.session.saying import remark, say
from foretune.types import Configuration, Report

if TYPE_CHECKING:
    from foretune.report.run_report import RunReport
    from foretune.session.search import Found


def print_outcome(found: Found, report: RunReport, default: Report | None, console: Console) -> None:
    """What was done, the final table, and what to do next."""
    incumbent, output = found.result.incumbent, found.output
    if incumbent is None:
        return
    say(
        console,
        f"\n{len(report.trials)} configurations, {len(found.result.history)} trials, "
        f"{_time_spent(report)}; it ended because {found.result.reason}.",
    )
    say(console, _best(report, found.result.history))
    if report.returned.name == "average":
        listed = "; ".join(describe_members(report.returned.members))
        say(console, f"the adapter is an average, which validation prefers: {listed}")
    _say_choice(report, console)
    console.print()
    console.print(Fitting(scores_table(report.scores)))
    if report.returned.guard:
        say(console, guard_outcome(report))
    if report.judged:
        say(console, describe_judged(report.judged))
    is_better = default is not None and len(default.curve) and default.curve.scores.max() > incumbent.score
    if is_better and report.metric == NLL and report.returned.name != "guarded":
        say(
            console,
            f"The default configuration has the better validation loss; its adapter is in "
            f"{output / COMPARISON / found.setup.default.key / 'best'}.",
            "yellow",
        )
    say(console, _next_steps(found, report))


def _best(report: RunReport, history: Sequence[Report]) -> str:
    """How the best run by validation loss was finetuned, whether or not it is returned."""
    row = next(row for row in report.scores if row.name == "best")
    *before, last = lineage(Configuration(row.configuration), [one.trial.configuration for one in history])
    described = describe(last.values, before=[one.values for one in before])
    return f"best: {described}; after {row.slices} of {report.max_fidelity} slices"


def _say_choice(report: RunReport, console: Console) -> None:
    """The finalists whose answers were compared, or that a metric of answers had no part in the choice."""
    if report.finalists:
        console.print()
        console.print(Fitting(finalists_table(report)))
    elif report.metric != NLL:
        said = "validation loss chose: there was one adapter only, or too little time to compare answers"
        remark(console, said)


def _time_spent(report: RunReport) -> str:
    """With the scoring of the best, of what was allowed."""
    allowed = "" if report.budget_seconds is None else f" of {format_seconds(report.budget_seconds)}"
    return f"{format_seconds(report.spent_seconds)}{allowed}"


def _next_steps(found: Found, report: RunReport) -> str:
    output, budget = found.output, f"{max(60, math.ceil(2 * report.spent_seconds))}s"
    quoted = shlex.quote(str(output))
    return f"""
Everything is in {output}: adapter/, best.yaml, journal.jsonl, report.json, report.html, curves.png. What to do next:
  look at it  {output / PAGE} in a browser
  ask it      foretune predict {quoted} --prompt "..."    or    foretune chat {quoted}
  search on   {resume_command(found.options, output, budget)}
  train it    {finetune_command(found.options, output / "best.yaml", again(output))}

From Python (this is in adapter/README.md, too):

{indent(snippet(output / ADAPTER, str(output / ADAPTER)), "  ")}"""
