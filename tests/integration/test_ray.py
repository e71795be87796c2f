"""Searches on real Ray nodes of this machine: nodes, and the process of the search, are killed."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import slow_runs
from slow_runs import CANDIDATES, SLICES, curve_of, search_on_ray

import foretune.cli
from foretune.errors import ConfigurationError
from foretune.execution.on_ray import RayCluster, Share
from foretune.execution.store import Store
from foretune.journal import read_journal

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
EXPECTED = sorted((one.key, "ok", curve_of(one, SLICES).scores.tolist()) for one in CANDIDATES)
STARTS_A_SEARCH = "import sys, slow_runs; slow_runs.search_on_ray(*sys.argv[1:])"
KEYS = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture(scope="module")
def bucket():
    """The address of a bucket on a server of this machine, which nodes find by their environment; None without one."""
    try:
        from moto.server import ThreadedMotoServer
        from s3fs import S3FileSystem
    except ImportError:
        yield None
        return
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://{}:{}".format(*server.get_host_and_port()))
        for name, value in KEYS.items():
            patch.setenv(name, value)
        S3FileSystem(endpoint_url=os.environ["AWS_ENDPOINT_URL"]).mkdir("runs")
        yield "s3://runs"
    server.stop()


@pytest.fixture(scope="module")
def nodes(bucket):
    """A cluster whose head runs nothing, and three nodes of a core each."""
    pytest.importorskip("ray", reason="needs the extra 'ray'")
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, sys.path)]))
        patch.setenv("RAY_health_check_period_ms", "500")
        patch.setenv("RAY_health_check_failure_threshold", "4")
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        for _ in range(3):
            cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)
        yield cluster
        cluster.shutdown()


@pytest.fixture
def folder(tmp_path):
    """Of a search, with a place where each slice that is trained leaves a file."""
    (tmp_path / "notes").mkdir()
    return tmp_path


def fates(folder):
    history = read_journal(folder / "journal.jsonl").history
    return sorted((one.trial.configuration.key, one.status, one.curve.scores.tolist()) for one in history)


def slices_trained(folder):
    """Names of the slices, each as often as it was trained."""
    return [path.name.rsplit("-", 2)[0] for path in (folder / "notes").iterdir()]


def test_where_no_cluster_is_that_is_said_at_once(tmp_path):
    pytest.importorskip("ray", reason="needs the extra 'ray'")
    with pytest.raises(ConfigurationError, match=r"no Ray cluster answers at '127.0.0.1:1' \(.*refused\); start one"):
        RayCluster("127.0.0.1:1", Store(str(tmp_path)), Share()).__enter__()


@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_a_killed_search_goes_on_where_its_tasks_were(nodes, bucket, folder, kind):
    if kind == "bucket" and bucket is None:
        pytest.skip("needs moto[server] and s3fs")
    url = str(folder / "trials") if kind == "folder" else bucket
    command = [sys.executable, "-c", STARTS_A_SEARCH, nodes.address, url, str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    patience = time.monotonic() + 100
    while len(slices_trained(folder)) < 5:
        assert process.poll() is None
        assert time.monotonic() < patience
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    result = search_on_ray(nodes.address, url, str(folder))
    assert fates(folder) == EXPECTED
    assert result.incumbent.configuration == CANDIDATES[3]
    trained = slices_trained(folder)
    assert len(set(trained)) == len(CANDIDATES) * SLICES
    assert len(trained) <= len(set(trained)) + 3  # the slice that was under way on each node
    for one in CANDIDATES:
        state = folder / "trials" / one.key / "state" / "slices.json"
        assert json.loads(state.read_text()) == SLICES


def test_a_search_on_a_cluster_finds_what_one_process_finds(nodes, data, tiny_model, tmp_path):
    """Real training, with the command of a user."""
    on_ray = ("--cluster", f"ray:{nodes.address}", "--workers", 3)
    for folder, options in (("alone", ()), ("cluster", on_ray)):
        words = (
            *("tune", data, "--model", tiny_model, "--output", tmp_path / folder, "--budget", "1h"),
            *("--max-slices", 12, "--optimizer", "random", "--candidates", 4),
            *("--no-default-comparison", "--no-average", *options),
        )
        with pytest.raises(SystemExit) as stop:
            foretune.cli.app([str(word) for word in words])
        assert stop.value.code == 0
    assert len(fates(tmp_path / "alone")) == 2
    assert fates(tmp_path / "cluster") == fates(tmp_path / "alone")
    assert (tmp_path / "cluster" / "adapter" / "adapter_model.safetensors").is_file()


def test_nodes_killed_at_random_lose_nothing(nodes, folder):
    """Two of three nodes are killed, each in the middle of some slice."""
    rng = random.Random(0)

    def kill(progress):
        if progress.trial is None and len(progress.history) in {1, 3}:
            time.sleep(rng.uniform(0.0, 2 * slow_runs.SECONDS))
            nodes.remove_node(rng.choice(sorted(nodes.worker_nodes, key=str)), allow_graceful=False)

    result = search_on_ray(nodes.address, str(folder / "trials"), str(folder), observe=kill)
    assert fates(folder) == EXPECTED
    assert result.incumbent.configuration == CANDIDATES[3]
    trained = slices_trained(folder)
    assert len(set(trained)) == len(CANDIDATES) * SLICES
    assert len(trained) <= len(set(trained)) + 2  # the slice that was under way on each lost node
