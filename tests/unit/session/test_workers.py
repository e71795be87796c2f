"""How many workers a search has, and which GPU each of them sees."""

import io
import re
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch
from rich.console import Console

from foretune.errors import ConfigurationError
from foretune.execution.on_ray import Share
from foretune.execution.store import Store
from foretune.journal import create_journal
from foretune.session import workers
from foretune.session.workers import (
    RayRequest,
    Team,
    on_cluster,
    one_worker,
    parse_cluster,
    several_workers,
    visible_gpus,
)


@pytest.fixture
def gpus(monkeypatch):
    """Sets how many there are, and how CUDA_VISIBLE_DEVICES names them."""

    def there_are(count, named=None):
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        if named is not None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)

    return there_are


@pytest.fixture
def begun(monkeypatch):
    """The environments of the workers that were started, none of which is a process."""
    environments, events = [], []

    class Worker:
        def __init__(self, *, environment):
            environments.append(environment)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            events.append("closed")

        def start(self):
            events.append("started")

    monkeypatch.setattr(workers, "Worker", Worker)
    return environments, events


def a_setup(fitting=None):
    """A search of which so many workers fit on a device; None where memory was not measured."""
    fit = None
    if fitting is not None:
        fit = SimpleNamespace(most_workers=lambda wanted, _: min(wanted, fitting), share=lambda count: 12.0 / count)
    return SimpleNamespace(fit=fit, default="default", candidates=("other",))


def several(wanted, setup, device):
    console = Console(file=io.StringIO(), width=200)
    with several_workers(wanted, setup, device, console) as team:
        count = len(team.workers)
    return count, console.file.getvalue().strip()


def test_workers_are_dealt_out_to_all_gpus(gpus, begun):
    gpus(2)
    assert several(3, a_setup(), "cuda") == (3, "")
    assert begun == (
        [{"CUDA_VISIBLE_DEVICES": name} for name in ("0", "1", "0")],
        ["started"] * 3 + ["closed"] * 3,
    )


def test_gpus_are_those_that_the_user_has_left_visible(gpus):
    gpus(2, "GPU-a,GPU-b")
    assert visible_gpus("cuda") == ["GPU-a", "GPU-b"]


@pytest.mark.parametrize(("count", "device"), [(1, "cuda"), (4, "cuda:1"), (4, "cpu")])
def test_where_there_is_nothing_to_choose_the_environment_stays(gpus, begun, count, device):
    gpus(count)
    assert several(2, a_setup(), device) == (2, "")
    assert begun[0] == [{}, {}]


@pytest.mark.parametrize(("gpu_count", "expected"), [(1, 2), (2, 4)])
def test_no_more_workers_are_started_than_fit(gpus, begun, gpu_count, expected):
    gpus(gpu_count)
    count, said = several(5, a_setup(fitting=2), "cuda")
    assert count == len(begun[0]) == expected
    assert said == f"note: 5 workers were asked for; the free memory of cuda suffices for {expected}"


def test_one_trial_at_a_time_needs_no_workers(begun):
    assert several(1, a_setup(), "cpu") == (0, "")
    assert begun == ([], [])


def test_each_worker_computes_with_its_share_of_threads_and_memory(gpus, begun, monkeypatch):
    gpus(2)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    setup = a_setup(fitting=2)
    for wanted, threads, share in ((2, 4, 12.0), (3, 2, 6.0), (1, None, None)):
        with several_workers(wanted, setup, "cuda", Console(quiet=True)) as team:
            assert (len(team.workers), team.threads, team.memory_bytes) == (wanted * (wanted > 1), threads, share)
    alone = one_worker("worker")
    assert (alone.workers, alone.threads, alone.memory_bytes) == (["worker"], 8, None)


def test_a_cluster_is_named_by_its_kind_and_address():
    assert [parse_cluster(text) for text in ("ray", "ray:10.0.0.1:6379", "ray:ray://h:10001")] == [
        *("", "10.0.0.1:6379", "ray://h:10001"),
    ]
    with pytest.raises(ConfigurationError, match="--cluster got 'slurm'; give ray, or ray:ADDRESS"):
        parse_cluster("slurm")


def test_searches_that_share_a_bucket_have_folders_of_their_own_there(tmp_path, monkeypatch):
    asked = []

    @contextmanager
    def on_ray(*arguments):
        asked.append(arguments)
        yield "cluster"

    monkeypatch.setattr(workers, "on_ray", on_ray)
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        create_journal(tmp_path / name / "journal.jsonl", {"setup_seconds": float(len(name))})
        for checkpoints in (None, "s3://bucket/runs/"):
            with on_cluster(RayRequest("h:1", checkpoints), 2, "cpu", tmp_path / name / "trials") as team:
                assert team == Team(["cluster"] * 2, threads=1)
    (_, *own), first = (asked[0], asked[1][1])
    assert own == [str(tmp_path / "first" / "trials"), "cpu"]
    assert re.fullmatch("s3://bucket/runs/first-[0-9a-f]{6}", first)
    assert first.rpartition("-")[2] != asked[3][1].rpartition("-")[2]


def test_nodes_are_told_a_whole_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert workers.on_ray("", "runs", "cpu")._store == Store(str(tmp_path / "runs"))
    cluster = workers.on_ray("", "s3://bucket/runs", "cuda:1")
    assert (cluster._store, cluster._share) == (Store("s3://bucket/runs"), Share(1.0, 1.0))
