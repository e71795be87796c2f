"""The journal of a comparison with other libraries, and what it is made into."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

from foretune.benchmark.budgets import Amount
from foretune.benchmark.compare import Replayed
from foretune.benchmark.peers.journal import Line, read_lines, spread, stamp, write_line
from foretune.benchmark.peers.peer import Effort
from foretune.benchmark.peers.roster import Entry

STEPS = ((0.0, -math.inf, math.nan), (4.0, -2.0, -2.5), (9.0, -1.0, -1.5))
PEER = Line(Replayed("a", "peer:x", 0, "3 runs", 12.0, 0.0, 24, STEPS), Effort(3, 0.5, 0.25, 7))
OURS = replace(PEER, replayed=replace(PEER.replayed, method="random"))
BUDGETS = (Amount(1, "runs"), Amount(3, "runs"))


def contest():
    recorded = {"a": SimpleNamespace(mean_run_seconds=4.0)}
    return SimpleNamespace(recorded=recorded, terms=SimpleNamespace(budgets=BUDGETS), fingerprint="f")


def test_lines_come_back_by_what_they_are_of_and_a_half_written_one_is_dropped(tmp_path):
    path = tmp_path / "peers.jsonl"
    write_line(path, "stamp", PEER)
    write_line(path, "stamp", OURS)
    with path.open("a", encoding="utf-8") as file:
        file.write('{"stamp": "st')
    found = read_lines(path)
    assert list(found) == [("stamp", "a", "peer:x", 0, "3 runs"), ("stamp", "a", "random", 0, "3 runs")]
    assert found["stamp", "a", "peer:x", 0, "3 runs"].effort == PEER.effort
    assert found["stamp", "a", "peer:x", 0, "3 runs"].replayed.steps[1:] == STEPS[1:]
    assert path.read_text(encoding="utf-8").count("\n") == 2, "the next line begins where the last whole one ends"


def test_the_search_of_a_peer_tells_of_smaller_budgets():
    ours, *peers = spread([OURS, PEER], contest())
    assert ours is OURS
    assert [one.replayed.budget for one in peers] == ["1 run", "3 runs"]
    assert [len(one.replayed.steps) for one in peers] == [2, 3]
    assert peers[0].replayed.budget_seconds == 4.0


def test_a_peer_is_stamped_with_its_adapter_and_settings(tmp_path):
    for name in ("x.py", "serving.py"):
        (tmp_path / name).touch()
    entry = Entry("x", tmp_path / "x.py", "python")
    assert stamp(contest(), "random", {"x": entry}) == "f"
    first = stamp(contest(), "peer:x", {"x": entry})
    assert stamp(contest(), "peer:x", {"x": replace(entry, settings={"eta": 2})}) != first
    (tmp_path / "x.py").write_text("# changed", encoding="utf-8")
    assert stamp(contest(), "peer:x", {"x": entry}) != first
