"""What is left of a comparison for its page, `comparison.json`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

from foretune.benchmark.compare import Contest, Terms
from foretune.benchmark.figures import RegretCurve, task_means
from foretune.benchmark.ranking import Ranking, ranking_of
from foretune.finetuning.provenance import hardware, versions
from foretune.report.comparison import Comparison, Curve
from foretune.report.sheet import Sheet

_POINTS, _TASK_POINTS = 134, 58
"""Of a curve on the page, and of one of a task; every third and every seventh of those of `regret.png`."""
_LEFT_OUT = {
    "task": "the task itself",
    "family": "all tasks of its family of datasets",
    "model": "all tasks of its base model",
}


def comparison_of(
    contest: Contest,
    frame: pd.DataFrame,
    curves: Mapping[str, RegretCurve],
    sheets: Sequence[Sheet],
    *,
    tables: tuple[str, str],
    program: str,
    notes: Sequence[str] = (),
) -> Comparison:
    """What the page shows.

    Args:
        contest: that was replayed.
        frame: one row a search.
        curves: of all methods.
        sheets: tables.
        tables: names of the one that is learned from, and of the one that is replayed.
        program: the command without its arguments, which are those of this process.
        notes: what was left out beside the notes of the contest.
    """
    runs = next(iter(curves.values())).runs
    return Comparison(
        table=tables[1],
        about=about(contest, frame, tables),
        notes=(*contest.notes, *notes),
        runs=(float(runs[0]), float(runs[-1])),
        curves={name: _curve(one) for name, one in curves.items()},
        rankings=rankings(frame, [one.name for one in contest.methods if not one.method.sees_answers]),
        sheets=tuple(sheets),
        environment={"hardware": hardware("cpu"), **versions()},
        command=shlex.join([*program.split(), *sys.argv[1:]]),
    )


def rankings(frame: pd.DataFrame, methods: Sequence[str]) -> tuple[Ranking, ...]:
    """Of these methods, at each budget."""
    regrets = task_means(frame, "regret_median")
    budgets = dict.fromkeys(str(budget) for budget in frame["budget"])
    return tuple(
        ranking_of(one, {name: regrets[name, one] for name in methods if (name, one) in regrets}) for one in budgets
    )


def about(contest: Contest, frame: pd.DataFrame, tables: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """Tables, terms and seeds, a name and a value each."""
    terms = contest.terms
    counts = {name: frame[name].nunique() for name in ("task", "family", "model")}
    return (
        ("tasks", f"{counts['task']} of {counts['family']} families and {counts['model']} base models, of {tables[1]}"),
        ("learned from", f"{tables[0]}, without {_LEFT_OUT[terms.leave_out]}"),
        ("budgets", ", ".join(map(str, terms.budgets))),
        ("searches", f"{len(frame):,}; {terms.seeds} seeds of stochastic methods"),
        ("first configuration", seeding(terms)),
        ("time of the methods", charging(contest)),
        ("metric", ", ".join(sorted(set(frame["metric"])))),
    )


def seeding(terms: Terms) -> str:
    """Whether searches begin with the default, as a sentence."""
    if not terms.default_first:
        return "The default is not seeded."
    return "The default is trained first where it is known, unless a method decides that itself."


def charging(contest: Contest) -> str:
    """Whether thinking costs, as a sentence."""
    return "Seconds that methods take themselves are charged." if contest.charged else "Methods think free of charge."


def _curve(curve: RegretCurve) -> Curve:
    mean, low, high = (_thinned(values, _POINTS) for values in (curve.mean, curve.low, curve.high))
    return Curve(mean, low, high, {task: _thinned(values, _TASK_POINTS) for task, values in curve.tasks.items()})


def _thinned(values: Float[np.ndarray, " G"], count: int) -> tuple[float, ...]:
    """So many of the values, the first and the last among them."""
    return tuple(values[np.linspace(0, len(values) - 1, count).round().astype(int)].tolist())
