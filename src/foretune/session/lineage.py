"""The runs that led to an adapter: each begins with the best adapter of the run before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from foretune.types import CONTINUES, Configuration, Value


def lineage(configuration: Configuration, known: Iterable[Configuration]) -> tuple[Configuration, ...]:
    """A configuration and those that it goes on from, first to last.

    Args:
        configuration: of the last run.
        known: of all runs of its search.
    """
    by_key = {one.key: one for one in known}
    runs = [configuration]
    while before := by_key.get(str(runs[0].values.get(CONTINUES))):
        runs.insert(0, before)
    return tuple(runs)


def linked(runs: Sequence[Mapping[str, Value]]) -> tuple[Configuration, ...]:
    """The configurations of runs, each of which goes on from the run before it."""
    found: list[Configuration] = []
    for values in runs:
        before = {CONTINUES: found[-1].key} if found else {}
        found.append(Configuration({**values, **before}))
    return tuple(found)
