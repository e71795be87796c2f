"""Runs that led to an adapter."""

from foretune.session.lineage import lineage, linked
from foretune.types import Configuration

VALUES = ({"rank": 1}, {"rank": 2}, {"rank": 1})


def test_each_run_continues_the_run_before_it():
    runs = linked(VALUES)
    assert [one.values.get("continues") for one in runs] == [None, runs[0].key, runs[1].key]
    assert [dict(one.without("continues").values) for one in runs] == list(VALUES)


def test_the_runs_before_a_run_are_found_among_all_of_its_search():
    runs, other = linked(VALUES), Configuration({"rank": 9})
    assert lineage(runs[-1], [other, *reversed(runs)]) == runs
    assert lineage(runs[1], runs) == runs[:2]
    assert lineage(other, runs) == (other,)
