"""Every peer whose environment is there finds its way through a short search; `make peers` makes the environments."""

from __future__ import annotations

from pathlib import Path

import pytest
from synthetic_table import synthetic_table

from foretune.benchmark.budgets import parse_amounts
from foretune.benchmark.compare import Terms, prepare, replay
from foretune.benchmark.peers.roster import Entry, Peers, read_roster
from foretune.space import load_space

ROSTER = read_roster(Path(__file__).parents[2] / "benchmarks" / "peers")
SLOW = {"quicktunetool", "quicktunetool-refit", "quicktunetool-repaired"}


@pytest.mark.parametrize(
    "entry",
    [pytest.param(one, id=one.name, marks=[pytest.mark.slow] if one.name in SLOW else []) for one in ROSTER.values()],
)
def test_a_peer_searches_from_the_default_to_the_end_of_its_budget(entry: Entry, tmp_path):
    if entry.missing:
        pytest.skip(entry.missing)
    if entry.settings.get("sampler") == "meta-learn-tpe":
        pytest.skip("the sampler is in OptunaHub's registry, not in a package")
    table, space = synthetic_table(), load_space("peft")
    peers = Peers({entry.name: entry}, space, tmp_path)
    terms = Terms("family", parse_amounts("3runs"), seeds=1, charge_overhead=False)
    contest = prepare(table, table, terms, space, tmp_path, None, peers.methods())
    try:
        found = [replay(contest, "task-1", contest.methods[0], 0, terms.budgets[0]) for _ in range(2)]
    finally:
        peers.close()
    effort = peers.latest[entry.name].effort
    assert found[0].slices > 12
    assert found[0].steps == found[1].steps
    assert effort.asks >= 2
    assert effort.peak_bytes > 2**22
