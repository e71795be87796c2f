"""Searches on real Ray nodes of this machine, of which some are killed."""

import os
import random
import sys
import time
from pathlib import Path

import pytest
import slow_runs
from slow_runs import CANDIDATES, SLICES, curve_of

from foretune.execution.jobs import Job
from foretune.execution.on_ray import RayCluster, Share
from foretune.execution.several import Several
from foretune.execution.store import Store
from foretune.execution.subprocess import Subprocess
from foretune.optimizer.baselines import Ordered
from foretune.request import DataRequest
from foretune.tuner import Budget, tune
from foretune.types import VALIDATION_NLL, Task, Trial

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
TASK = Task("task", VALIDATION_NLL, {}, SLICES)
EXPECTED = sorted((one.key, "ok", curve_of(one, SLICES).scores.tolist()) for one in CANDIDATES)


@pytest.fixture
def nodes(monkeypatch):
    """A cluster whose head runs nothing, and three nodes of a core each."""
    pytest.importorskip("ray", reason="needs the extra 'ray'")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, sys.path)]))
    monkeypatch.setenv("RAY_health_check_period_ms", "500")
    monkeypatch.setenv("RAY_health_check_failure_threshold", "4")
    memory = {"object_store_memory": 80 * 2**20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **memory})
    for _ in range(3):
        cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)
    yield cluster
    cluster.shutdown()


def template(notes):
    return Job(Trial(0, CANDIDATES[0], 1), str(notes), DataRequest("data"), "")


def searched(evaluate, journal, workers, observers=()):
    optimizer = Ordered(TASK, CANDIDATES)
    return tune(optimizer, evaluate, budget=Budget(), journal=journal, workers=workers, observers=observers)


def fates(history):
    return sorted((one.trial.configuration.key, one.status, one.curve.scores.tolist()) for one in history)


@pytest.fixture
def notes(tmp_path):
    """A folder where each slice that is trained leaves a file."""
    folder = tmp_path / "notes"
    folder.mkdir()
    return folder


def test_nodes_killed_at_random_lose_nothing(nodes, notes, tmp_path):
    """Two of three nodes are killed, each in the middle of some slice."""
    rng = random.Random(0)

    def kill(progress):
        if progress.trial is None and len(progress.history) in {1, 3}:
            time.sleep(rng.uniform(0.0, 2 * slow_runs.SECONDS))
            nodes.remove_node(rng.choice(sorted(nodes.worker_nodes, key=str)), allow_graceful=False)

    with RayCluster(nodes.address, Store(str(tmp_path / "trials")), Share(), slow_runs.run_job) as cluster:
        evaluate = Several([Subprocess(cluster, template(notes), tmp_path / "trials")] * 3)
        result = searched(evaluate, tmp_path / "journal.jsonl", 3, [kill])
    assert fates(result.history) == EXPECTED
    assert result.incumbent.configuration == CANDIDATES[3]
    trained = [path.name.rsplit("-", 2)[0] for path in notes.iterdir()]
    assert len(set(trained)) == len(CANDIDATES) * SLICES
    assert len(trained) <= len(set(trained)) + 2  # the slice that was under way on each lost node
