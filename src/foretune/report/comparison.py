"""`comparison.json`: what the page about a comparison shows, saved by `foretune replay`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from foretune.benchmark.ranking import Ranking
from foretune.disk import replace_text
from foretune.errors import JournalError
from foretune.report.sheet import Sheet

COMPARISON = "comparison.json"
SCHEMA_VERSION = 1
_DIGITS = 4


@dataclass(frozen=True)
class Curve:
    """Regret (1 = median) of a method at budgets that are equally far apart on a logarithmic axis.

    Attributes:
        mean: over tasks.
        low: lower ends of the 95 % intervals.
        high: their upper ends.
        tasks: of each task, mean over seeds; at fewer budgets, the first and the last being the same.
    """

    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    tasks: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True)
class Comparison:
    """A comparison that has ended.

    Attributes:
        table: whose tasks were replayed.
        about: what was compared, a name and a value each.
        notes: what was left out, and why.
        runs: the first and the last budget of the curves, in mean full runs.
        curves: by method.
        rankings: of the methods that see no answers, by budget.
        sheets: tables.
        environment: a name and a value each.
        command: that repeats it.
    """

    table: str
    about: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    runs: tuple[float, float]
    curves: Mapping[str, Curve]
    rankings: tuple[Ranking, ...]
    sheets: tuple[Sheet, ...]
    environment: Mapping[str, str]
    command: str

    @property
    def tasks(self) -> list[str]:
        """Their names."""
        return list(next(iter(self.curves.values())).tasks)


def save_comparison(comparison: Comparison, folder: Path) -> None:
    """Write `comparison.json`, its numbers to four digits after the point."""
    content = {"schema_version": SCHEMA_VERSION, **_rounded(asdict(comparison))}
    replace_text(folder / COMPARISON, json.dumps(content) + "\n")


def read_comparison(folder: Path) -> Comparison:
    """Read `comparison.json`.

    Raises:
        JournalError: it is damaged, or of a newer version.
    """
    path = folder / COMPARISON
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version = content.pop("schema_version")
        if version == SCHEMA_VERSION:
            return _comparison(content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{path} is damaged ({error}); give the command again that wrote it, which repeats no search"
        raise JournalError(message) from error
    raise JournalError(f"{path} has the version {version}, this foretune reads {SCHEMA_VERSION}; update foretune")


def _comparison(content: dict[str, Any]) -> Comparison:
    given = _frozen(content)
    given["curves"] = {name: Curve(**one) for name, one in given["curves"].items()}
    given["rankings"] = tuple(Ranking(**one) for one in given["rankings"])
    given["sheets"] = tuple(Sheet(**one) for one in given["sheets"])
    return Comparison(**given)


def _frozen(value: Any) -> Any:
    """Lists as tuples, at every depth."""
    if isinstance(value, dict):
        return {name: _frozen(one) for name, one in value.items()}
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return round(value, _DIGITS) if isinstance(value, float) else value
