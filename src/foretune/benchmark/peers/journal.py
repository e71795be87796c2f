"""What a comparison with other libraries has done so far: each finished search is a line, which counts as long as data,
terms, adapter and settings are the same.

A peer does not plan with its budget, so that its search for the largest one tells of the smaller ones, too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from foretune.benchmark.budgets import Amount
from foretune.benchmark.compare import Contest, Replayed, from_row, to_row
from foretune.benchmark.peers.peer import Effort
from foretune.benchmark.peers.roster import PREFIX, Entry


@dataclass(frozen=True)
class Line:
    """A finished replay, with what its method's own part took."""

    replayed: Replayed
    effort: Effort


def stamp(contest: Contest, name: str, entries: Mapping[str, Entry]) -> str:
    """Of data, terms and, of a peer, everything that decides what it does."""
    entry = entries.get(name.removeprefix(PREFIX))
    if entry is None:
        return contest.fingerprint
    serving = (entry.adapter.parent / "serving.py").read_text(encoding="utf-8")
    facts = [entry.adapter.read_text(encoding="utf-8"), serving, dict(entry.settings), entry.earlier]
    return contest.fingerprint + hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:8]


def read_lines(path: Path) -> dict[tuple[Any, ...], Line]:
    """By stamp, task, method, seed and budget; what a kill left half-written is cut off."""
    rows = path.read_text(encoding="utf-8").split("\n")[:-1] if path.is_file() else []
    path.write_text("".join(row + "\n" for row in rows), encoding="utf-8")
    found: dict[tuple[Any, ...], Line] = {}
    for row in map(json.loads, rows):
        line = Line(from_row(row["replayed"]), Effort(**row["effort"]))
        found[row["stamp"], *key_of(line.replayed)] = line
    return found


def key_of(one: Replayed) -> tuple[str, str, int, str]:
    """Task, method, seed and budget."""
    return one.task, one.method, one.seed, one.budget


def write_line(path: Path, stamped: str, line: Line) -> None:
    """Appends a search."""
    row = {"stamp": stamped, **asdict(line), "replayed": to_row(line.replayed)}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def at_budget(one: Line, budget: Amount, seconds: float) -> Line:
    """What a search for a larger budget had come to within this one."""
    steps = tuple(step for step in one.replayed.steps if step[0] <= seconds)
    return replace(one, replayed=replace(one.replayed, budget=str(budget), budget_seconds=seconds, steps=steps))


def spread(lines: Sequence[Line], contest: Contest) -> list[Line]:
    """A line for every budget: those of peers are read off their one search."""
    found: list[Line] = []
    for one in lines:
        if not one.replayed.method.startswith(PREFIX):
            found.append(one)
            continue
        recorded = contest.recorded[one.replayed.task]
        found += [at_budget(one, each, each.seconds(recorded)) for each in contest.terms.budgets]
    return found
