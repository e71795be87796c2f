"""The worker processes of a search: how many fit, and which GPU each of them has."""

from __future__ import annotations

import math
import os
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

from foretune.execution.subprocess import Worker

if TYPE_CHECKING:
    from foretune.session.ground import SearchSetup


@contextmanager
def several_workers(wanted: int, setup: SearchSetup, device: str, console: Console) -> Generator[Sequence[Worker]]:
    """As many workers as are wanted and fit, started; none where one trial at a time is wanted.

    Args:
        wanted: trials at the same time.
        setup: of the search.
        device: of the trials; with `cuda`, workers are dealt out to all GPUs.
        console: where it is said that fewer fit.
    """
    if wanted == 1:
        yield ()
        return
    gpus = visible_gpus(device)
    count = _fitting(wanted, max(1, len(gpus)), setup)
    if count < wanted:
        console.print(
            f"note: {wanted} workers were asked for; the free memory of {device} suffices for {count}",
            style="yellow",
            highlight=False,
            soft_wrap=True,
        )
    with ExitStack() as stack:
        environments = [{"CUDA_VISIBLE_DEVICES": gpus[place % len(gpus)]} if gpus else {} for place in range(count)]
        workers = [stack.enter_context(Worker(environment=one)) for one in environments]
        for worker in workers:
            worker.start()
        yield workers


def _fitting(wanted: int, devices: int, setup: SearchSetup) -> int:
    """How many of the workers fit on the devices, which are taken to be alike."""
    if setup.fit is None:
        return wanted
    on_each = setup.fit.most_workers(math.ceil(wanted / devices), (setup.default, *setup.candidates))
    return min(wanted, on_each * devices)


def on_one_device(device: str, workers: int) -> int:
    """How many of the workers share a device, at most."""
    return math.ceil(workers / max(1, len(visible_gpus(device))))


def visible_gpus(device: str) -> Sequence[str]:
    """Names of the GPUs for CUDA_VISIBLE_DEVICES, if there are several to choose from; else none."""
    if device != "cuda":
        return ()
    import torch

    count = torch.cuda.device_count()
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = named.split(",") if named else [str(number) for number in range(count)]
    return names[:count] if count > 1 else ()
