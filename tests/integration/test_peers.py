"""Every peer whose environment is there makes a short search; `make peers` makes the environments."""

from __future__ import annotations

from pathlib import Path

import pytest
from synthetic_table import synthetic_table

from foretune.benchmark.budgets import parse_amounts
from foretune.benchmark.compare import Terms, prepare, replay
from foretune.benchmark.peers.roster import Entry, Peers, read_roster
from foretune.space import load_space

ROSTER = read_roster(Path(__file__).parents[2] / "benchmarks" / "peers")
ELSEWHERE = {
    "meta-learn-tpe": "the sampler is in OptunaHub's registry, not in a package",
    "quicktunetool_peer.py": "it learns for minutes, and not at all from so few runs",
}


@pytest.mark.parametrize("entry", [pytest.param(one, id=one.name) for one in ROSTER.values()])
def test_a_peer_spends_its_budget_and_does_the_same_with_the_same_seed(entry: Entry, tmp_path):
    reason = entry.missing or ELSEWHERE.get(str(entry.settings.get("sampler"))) or ELSEWHERE.get(entry.adapter.name)
    if reason:
        pytest.skip(reason)
    table, space = synthetic_table(), load_space("peft")
    peers = Peers({entry.name: entry}, space, tmp_path)
    terms = Terms("family", parse_amounts("4runs"), seeds=1, charge_overhead=False)
    contest = prepare(table, table, terms, space, tmp_path, None, peers.methods())
    try:
        found = [replay(contest, "task-1", contest.methods[0], 0, terms.budgets[0]) for _ in range(2)]
    finally:
        peers.close()
    effort = peers.latest[entry.name].effort
    assert found[0].slices >= 8
    assert found[0].steps == found[1].steps
    assert effort.asks >= 2
    assert effort.peak_bytes > 2**22
