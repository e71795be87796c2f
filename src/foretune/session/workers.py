"""What runs the trials of a search beside this process: how many workers fit, and what each of them has."""

from __future__ import annotations

import math
import os
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from foretune.errors import ConfigurationError
from foretune.execution.subprocess import RunsJobs, Worker
from foretune.session.folder import name_of_search
from foretune.session.saying import remark

if TYPE_CHECKING:
    from foretune.execution.on_ray import RayCluster
    from foretune.session.ground import SearchSetup


@dataclass(frozen=True)
class Team:
    """Who runs the trials.

    Attributes:
        workers: each runs one at a time; none where this process does.
        threads: that each computes with; None for as many as it was started with.
        memory_bytes: of the device that each plans with beside its base model; None for all that is free.
    """

    workers: Sequence[RunsJobs] = ()
    threads: int | None = None
    memory_bytes: float | None = None


@dataclass(frozen=True)
class RayRequest:
    """A Ray cluster.

    Attributes:
        address: as `ray.init` takes it; empty for the cluster of this machine.
        checkpoints: folder that all nodes see, or address of a bucket, for the runs; None for the folder of the search.
    """

    address: str = ""
    checkpoints: str | None = None


def parse_cluster(text: str) -> str:
    """The address in `ray` or `ray:ADDRESS`.

    Raises:
        ConfigurationError: it is neither.
    """
    kind, _, address = text.partition(":")
    if kind != "ray":
        raise ConfigurationError(f"--cluster got {text!r}; give ray, or ray:ADDRESS such as ray:10.0.0.1:6379")
    return address


def one_worker(worker: Worker) -> Team:
    """A process that has the machine for itself."""
    return Team([worker], _threads())


@contextmanager
def several_workers(wanted: int, setup: SearchSetup, device: str, console: Console) -> Generator[Team]:
    """As many workers as are wanted and fit, started; none where one trial at a time is wanted.

    Args:
        wanted: trials at the same time.
        setup: of the search.
        device: of the trials; with `cuda`, workers are dealt out to all GPUs.
        console: where it is said that fewer fit.
    """
    if wanted == 1:
        yield Team()
        return
    gpus = visible_gpus(device)
    devices = max(1, len(gpus))
    count = _fitting(wanted, devices, setup)
    if count < wanted:
        remark(console, f"{wanted} workers were asked for; the free memory of {device} suffices for {count}")
    shared = setup.fit.share(math.ceil(count / devices)) if setup.fit else math.inf
    with ExitStack() as stack:
        environments = [{"CUDA_VISIBLE_DEVICES": gpus[place % devices]} if gpus else {} for place in range(count)]
        workers = [stack.enter_context(Worker(environment=one)) for one in environments]
        for worker in workers:
            worker.start()
        yield Team(workers, max(1, _threads() // count), shared if count > 1 and math.isfinite(shared) else None)


@contextmanager
def on_cluster(cluster: RayRequest, wanted: int, device: str, directory: Path) -> Generator[Team]:
    """As many tasks of a Ray cluster as are wanted, each with a core or, if the device is `cuda`, with a GPU as well.

    Args:
        cluster: which.
        wanted: trials at the same time.
        device: of the trials.
        directory: of the runs here, in the folder of the search.
    """
    store = str(directory)
    if cluster.checkpoints is not None:
        store = f"{cluster.checkpoints.rstrip('/')}/{name_of_search(directory.parent)}"
    with on_ray(cluster.address, store, device) as tasks:
        yield Team([tasks] * wanted, threads=1)


def on_ray(address: str, store: str, device: str) -> RayCluster:
    """A Ray cluster, whose tasks take a core and, if the device is a GPU, a GPU each.

    Args:
        address: see `RayRequest`.
        store: folder or address of a bucket.
        device: of the runs.
    """
    from foretune.execution.on_ray import RayCluster, Share
    from foretune.execution.store import Store

    folder = Store(store).folder
    return RayCluster(
        address, Store(str(folder.resolve()) if folder else store), Share(gpus=float(device.startswith("cuda")))
    )


def _threads() -> int:
    import torch

    return torch.get_num_threads()


def _fitting(wanted: int, devices: int, setup: SearchSetup) -> int:
    """How many of the workers fit on the devices, which are taken to be alike."""
    if setup.fit is None:
        return wanted
    on_each = setup.fit.most_workers(math.ceil(wanted / devices), (setup.default, *setup.candidates))
    return min(wanted, on_each * devices)


def visible_gpus(device: str) -> Sequence[str]:
    """Names of the GPUs for CUDA_VISIBLE_DEVICES, if there are several to choose from; else none."""
    if device != "cuda":
        return ()
    import torch

    count = torch.cuda.device_count()
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = named.split(",") if named else [str(number) for number in range(count)]
    return names[:count] if count > 1 else ()
