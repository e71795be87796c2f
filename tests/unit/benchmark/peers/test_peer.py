from __future__ import annotations

import math
from typing import Any

import pytest
from synthetic_table import synthetic_table

from foretune.benchmark.peers.peer import Effort, Peer
from foretune.benchmark.replay import RecordedTask, recorded_task, simulate
from foretune.optimizer.protocol import Optimizer
from foretune.types import Status


class Script:
    """Answers like an adapter, and remembers what it was told."""

    def __init__(self, *proposals: dict[str, Any]) -> None:
        self.proposals = list(proposals)
        self.told: list[dict[str, Any]] = []
        self.start: dict[str, Any] = {}

    def request(self, message):
        answer: dict[str, Any] = {}
        if message["verb"] == "start":
            self.start = dict(message)
        elif message["verb"] == "ask":
            answer = self.proposals.pop(0) if self.proposals else {"done": "over"}
        else:
            self.told.append(dict(message))
        return {**answer, "seconds": 0.5, "cpu_seconds": 0.25, "peak_bytes": 7}


@pytest.fixture(scope="module")
def recorded() -> RecordedTask:
    return recorded_task(synthetic_table(), "task-2")


@pytest.fixture(scope="module")
def complete(recorded):
    return [one.configuration for one in recorded.recordings.values() if len(one.curve) == 8]


def proposed(space, configuration, run="1", fidelity=8) -> dict[str, Any]:
    return {"run": run, "configuration": space.named(configuration), "fidelity": fidelity}


def peer_of(script, recorded, space, default=None) -> Peer:
    return Peer(script, recorded.task, recorded.candidates, space, {"seed": 3, "settings": {}}, default)


def test_it_is_an_optimizer_and_starts_with_what_the_adapter_needs(recorded, complete, space):
    script = Script()
    assert isinstance(peer_of(script, recorded, space, complete[0]), Optimizer)
    assert script.start["seed"] == 3
    assert script.start["slices"] == 8
    assert script.start["default"] == space.named(complete[0])
    assert script.start["pool"] == [space.named(one) for one in recorded.candidates]


def test_a_recorded_proposal_is_trained_and_its_losses_are_told(recorded, complete, space):
    script = Script(proposed(space, complete[1], fidelity=5))
    points = simulate(peer_of(script, recorded, space), recorded, math.inf)
    scores = recorded.recordings[complete[1].key].curve.scores[:5]
    assert len(points) == 6
    [told] = script.told
    assert told["configuration"] == space.named(complete[1])
    assert told["losses"] == (-scores).tolist()
    assert told["seconds"] == recorded.recordings[complete[1].key].curve.seconds[:5].tolist()
    assert told["ok"] is True


def test_asked_twice_in_a_row_it_answers_the_same(recorded, complete, space):
    peer = peer_of(Script(proposed(space, complete[1]), proposed(space, complete[2], "2")), recorded, space)
    assert peer.ask() == peer.ask()


def test_a_run_goes_on_where_it_was(recorded, complete, space):
    script = Script(*(proposed(space, complete[1], fidelity=fidelity) for fidelity in (2, 6)))
    peer = peer_of(script, recorded, space)
    for told, (seen, fidelity) in enumerate([(0, 2), (2, 6)]):
        trial = peer.ask()
        assert trial is not None
        assert (trial.id, trial.resumes_from, trial.fidelity) == (told, seen, fidelity)
        peer.tell(recorded.evaluate(trial))
    assert [len(one["losses"]) for one in script.told] == [2, 6]


def test_a_new_run_is_never_given_a_configuration_that_another_run_has(recorded, complete, space):
    script = Script(proposed(space, complete[1], "1", 1), proposed(space, complete[1], "2", 1))
    simulate(peer_of(script, recorded, space), recorded, math.inf)
    first, second = (one["configuration"] for one in script.told)
    assert first == space.named(complete[1])
    assert second != first


def test_the_default_that_was_trained_first_is_answered_free_of_charge(recorded, complete, space):
    script = Script(*(proposed(space, complete[0], fidelity=fidelity) for fidelity in (1, 3, 8)))
    peer = peer_of(script, recorded, space, complete[0])
    points = simulate(peer, recorded, math.inf, first=[complete[0]])
    assert len(points) == 9
    assert [one["fidelity"] for one in script.told] == [1, 3, 8]
    assert [len(one["losses"]) for one in script.told] == [1, 3, 8]


def test_a_run_that_ends_badly_is_told_as_such_and_not_trained_again(recorded, space):
    bad = next(one for one in recorded.recordings.values() if one.status is Status.DIVERGED)
    script = Script(*(proposed(space, bad.configuration, fidelity=8) for _ in range(2)))
    points = simulate(peer_of(script, recorded, space), recorded, math.inf)
    assert len(points) == 1 + len(bad.curve)
    assert [one["ok"] for one in script.told] == [False, False]
    assert len(script.told[0]["losses"]) == len(bad.curve)


def test_a_search_ends_when_the_pool_is_used_up(recorded, complete, space):
    proposals = [proposed(space, complete[0], str(run), 1) for run in range(len(recorded.candidates) + 1)]
    script = Script(*proposals)
    simulate(peer_of(script, recorded, space), recorded, math.inf)
    assert len(script.told) == len(recorded.candidates)


def test_nothing_is_asked_without_time(recorded, complete, space):
    peer = peer_of(Script(proposed(space, complete[1])), recorded, space)
    assert peer.ask(0.0) is None


def test_its_effort_is_that_of_asking_and_telling(recorded, complete, space):
    peer = peer_of(Script(proposed(space, complete[1])), recorded, space)
    simulate(peer, recorded, math.inf)
    assert peer.effort == Effort(asks=2, seconds=1.5, cpu_seconds=0.75, peak_bytes=7)
