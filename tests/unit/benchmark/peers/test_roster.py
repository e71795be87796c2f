from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from synthetic_table import synthetic_table

from foretune.benchmark.budgets import parse_amounts
from foretune.benchmark.compare import Terms, prepare, replay
from foretune.benchmark.knowledge import Knowledge
from foretune.benchmark.peers.roster import Peers, earlier_tasks, read_roster
from foretune.benchmark.replay import recorded_task
from foretune.errors import PeerError
from foretune.metadata.common import relative_to_width
from foretune.optimizer import Search
from foretune.space import load_space
from foretune.surrogate.inputs import width_of
from foretune.types import Configuration, LearningCurve, Report, Status

ADAPTERS = Path(__file__).parents[4] / "benchmarks" / "peers"
PEERS = 23


@pytest.fixture(scope="module")
def shipped():
    return read_roster(ADAPTERS)


def roster(folder: Path, text: str):
    (folder / "peers.yaml").write_text(text, encoding="utf-8")
    return read_roster(folder)


def test_every_shipped_peer_has_an_adapter_and_pins(shipped):
    assert len(shipped) == PEERS
    assert all(one.adapter.is_file() for one in shipped.values())
    environments = {Path(one.python).parts[-3].removeprefix(".venv-") for one in shipped.values() if one.packages}
    pinned = {path.stem for path in (ADAPTERS / "requirements").glob("*.txt")}
    assert environments == pinned


def test_peers_with_long_searches_have_one_seed(shipped):
    assert shipped["smac-multi-fidelity"].seeds == shipped["quicktunetool-refit"].seeds == 1
    assert shipped["optuna-tpe"].seeds is None


def test_every_pin_is_exact_and_none_is_of_cuda():
    lines = [
        line
        for path in (ADAPTERS / "requirements").glob("*.txt")
        for line in path.read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    ]
    assert len(lines) > 100
    assert all("==" in line for line in lines)
    assert not [line for line in lines if line.startswith(("nvidia", "triton")) or "+" in line]


def test_a_peer_without_its_environment_says_why(tmp_path):
    [one] = roster(tmp_path, "x: {environment: nowhere, adapter: x.py}").values()
    assert one.missing == "there is no environment .venv-nowhere; run `make peers`"
    assert one.versions() == []


def test_a_peer_that_cannot_take_part_says_why_even_if_its_environment_is_there(tmp_path):
    (tmp_path / ".venv-here/bin").mkdir(parents=True)
    (tmp_path / ".venv-here/bin/python").touch()
    [one] = roster(tmp_path, "x: {environment: here, adapter: x.py, missing: needs weights}").values()
    assert one.missing == "needs weights"


def test_versions_are_those_of_the_environment(tmp_path):
    [one] = roster(tmp_path, "x: {adapter: x.py, packages: [pytest]}").values()
    assert one.python == sys.executable
    assert one.versions() == [f"pytest {pytest.__version__}"]


def test_a_folder_without_peers_is_refused(tmp_path):
    with pytest.raises(PeerError, match=r"peers\.yaml is missing"):
        read_roster(tmp_path)


def test_a_peer_is_replayed_like_any_other_method(tmp_path, shipped):
    table, space = synthetic_table(), load_space("peft")
    peers = Peers({"random-snapped": shipped["random-snapped"]}, space, tmp_path)
    terms = Terms("family", parse_amounts("5runs"), seeds=1, charge_overhead=False)
    contest = prepare(table, table, terms, space, tmp_path, ["peer:random-snapped"], peers.methods())
    try:
        [method] = contest.methods
        searches = [replay(contest, "task-1", method, seed, terms.budgets[0]) for seed in (0, 0, 1)]
    finally:
        peers.close()
    assert searches[0].steps == searches[1].steps
    assert searches[0].slices > 30
    assert searches[0].steps != searches[2].steps
    assert peers.latest["random-snapped"].effort.asks >= 5


def test_by_the_clock_proposals_are_trained_as_they_are(tmp_path, shipped):
    table, space = synthetic_table(), load_space("peft")
    task, pool = table.task("task-1"), recorded_task(table, "task-1").candidates
    peers = Peers({"random-snapped": shipped["random-snapped"]}, space, tmp_path)
    try:
        peer = peers.live("random-snapped", Search(task, pool[1:], pool[0], seed=3), [table])
        trial = peer.ask()
        peer.tell(Report(trial, Status.OK, LearningCurve(np.full(8, -0.5), np.ones(8)), seconds=8.0))
        other = peer.ask()
    finally:
        peers.close()
    assert trial.configuration == pool[0]
    assert other.configuration not in pool
    assert space.at(width_of(task)).allows(other.configuration)


def test_earlier_tasks_are_complete_runs_of_the_other_groups_at_the_width_of_the_task(tmp_path, space):
    table = synthetic_table()
    left = [task for task in table.task_ids if table.families[task] != "delta"]
    knowledge = Knowledge("delta", table.select(left), None, tmp_path)
    width = 192
    tasks = earlier_tasks(knowledge.meta, space, width)
    assert [one["task"] for one in tasks] == left
    run = next(run for run in table.runs_of(left[0]) if len(table.curve(run)) == 8)
    relative = relative_to_width(table.configurations[run], table.widths[left[0]])
    [found] = [
        one
        for one in tasks[0]["runs"]
        if relative_to_width(flat(one["configuration"]), width).values.items() == relative.values.items()
    ]
    scores = table.curve(run).scores
    assert found["losses"] == (-scores).tolist()
    assert found["seconds"] == table.curve(run).seconds.tolist()
    assert all(len(one["losses"]) == 8 for task in tasks for one in task["runs"])


def flat(named) -> Configuration:
    return Configuration({name.partition(":")[0]: value for name, value in named.items()})
