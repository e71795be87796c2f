"""A comparison with values that are known, as `foretune replay` saves it."""

from __future__ import annotations

from foretune.benchmark.ranking import Ranking
from foretune.report.comparison import Comparison, Curve
from foretune.report.sheet import Sheet

METHODS = ("zero-shot", "random", "portfolio:cost_power=1", "transfer-in-context")


def curve(first, last):
    """Straight lines from `first` to `last`, an interval of 0.05 to both sides, and two tasks 0.1 off the mean."""
    mean = tuple(first + (last - first) * at / 4 for at in range(5))
    low, high = (tuple(value + way for value in mean) for way in (-0.05, 0.05))
    return Curve(mean, low, high, {"easy": (first - 0.1, last - 0.1), "hard": (first + 0.1, last + 0.1)})


def made_comparison(**changes):
    """One budget of four mean full runs; `changes` are fields of the comparison."""
    ends = ((7.0, 7.0), (1.0, 0.5), (1.0, 0.3), (0.9, 0.1))
    ranking = Ranking("4runs", METHODS[:0:-1], (1.0, 2.25, 2.75), (0.1, 0.3, 0.5), ((1, 2),))
    given = {
        "table": "made-up",
        "about": (("learned from", "made-up, without all tasks of its family of datasets"), ("budgets", "4runs")),
        "notes": ("the method 'transfer' cannot run here",),
        "runs": (0.25, 4.0),
        "curves": {name: curve(*values) for name, values in zip(METHODS, ends, strict=True)},
        "rankings": (ranking,),
        "sheets": (
            Sheet("Regret", "Mean over tasks.", ("method", "4runs"), (("random", "0.50 [0.45, 0.55]"),), printed=True),
        ),
        "environment": {"foretune": "0.1.0"},
        "command": "foretune replay made-up --out DIR",
    }
    return Comparison(**given | changes)
