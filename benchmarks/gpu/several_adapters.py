"""Runs an hour where several adapters are trained at once on one GPU, against one after the other.

    python benchmarks/gpu/several_adapters.py [--shape smollm2-135m] [--adapters 4 12] [--out FILE]
    python benchmarks/gpu/several_adapters.py --shape tiny --length 16 --adapters 2 --seconds 1 --device cpu

The engine trains a single adapter on a model. So this measures what it could do today, and what it would gain:

    processes   N processes of the engine, each with a copy of the model; N = 1 is one after the other
    mps         the same under the Multi-Process Service, which lets kernels of several processes run together
    stacked     a sketch of N adapters on one frozen model: the rows of N batches go through it together, and the n-th
                group of rows through the n-th adapter; their losses are added up, so that each adapter gets the
                gradients that it would get alone, and gradients are clipped for each alone

A run is 75 steps, as 200 rows make in three epochs of batches of eight. Evaluation and loading are not in it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from transformers import PreTrainedModel
from workload import (
    RANK,
    SHAPES,
    append,
    case_given,
    in_fresh_process,
    random_model,
    random_rows,
    report,
    request_of,
    synchronize,
)

from foretune.finetuning import provenance
from foretune.finetuning.adapters import target_modules
from foretune.finetuning.batches import completion_logits, head_selection, make_batch
from foretune.finetuning.data import Tokens
from foretune.finetuning.model import autocast
from foretune.finetuning.slices import prepare_run
from foretune.finetuning.step import take_step

WAYS = ("processes", "mps", "stacked")
STEPS_OF_A_RUN = 75
BATCH_SIZE = 8
UNTIMED = 3
ALPHA_OVER_RANK = 2.0

Case = dict[str, Any]


class StackedLora(nn.Module):
    """A frozen linear layer with N adapters; of the rows of a batch, the n-th of N equal groups goes through the n-th.

    Attributes:
        first: (N, inputs, rank), random.
        second: (N, rank, outputs), zero.
    """

    def __init__(self, layer: nn.Linear, adapters: int) -> None:
        super().__init__()
        self.layer = layer
        device = layer.weight.device
        self.first = nn.Parameter(torch.empty(adapters, layer.in_features, RANK, device=device))
        self.second = nn.Parameter(torch.zeros(adapters, RANK, layer.out_features, device=device))
        nn.init.uniform_(self.first, -(layer.in_features**-0.5), layer.in_features**-0.5)  # as PEFT does

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs (rows, tokens, outputs) of inputs (rows, tokens, inputs)."""
        whole = self.layer(x)
        groups = x.reshape(len(self.first), -1, x.shape[-1])
        added = torch.bmm(torch.bmm(groups, self.first), self.second)
        return whole + ALPHA_OVER_RANK * added.view_as(whole)


def stack(model: PreTrainedModel, adapters: int) -> list[nn.Parameter]:
    """Put N adapters on every linear layer of the model's blocks; returns what is trained."""
    trained: list[nn.Parameter] = []
    for name in target_modules(model, "all"):
        layer = model.get_submodule(name)
        assert isinstance(layer, nn.Linear), name
        stacked = StackedLora(layer, adapters)
        model.set_submodule(name, stacked)
        trained += [stacked.first, stacked.second]
    return trained


def clip_each(trained: list[nn.Parameter], most: float = 1.0) -> None:
    """Clip the norm of each adapter's gradients, as the engine does for one."""
    gradients = [parameter.grad for parameter in trained if parameter.grad is not None]
    norms = torch.stack([gradient.flatten(1).norm(dim=1) for gradient in gradients]).norm(dim=0)
    factors = (most / (norms + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(factors[:, None, None])


def stacked_step(model: PreTrainedModel, trained: list[nn.Parameter], adapters: int, device: str) -> Callable[..., Any]:
    """A step of all adapters; returns the loss of each (rows of all batches are equally long)."""
    optimizer = torch.optim.AdamW(trained, lr=1e-4, weight_decay=0.0, fused=True)
    selection = head_selection(model)

    def step(tokens: Tokens, rows: range) -> torch.Tensor:
        batch = make_batch(tokens, rows, pad_id=0, device=device)
        with autocast(device):
            logits = completion_logits(model, batch, selection).float()
        losses = functional.cross_entropy(logits, batch.labels, reduction="none").view(adapters, -1).mean(dim=1)
        losses.sum().backward()
        clip_each(trained)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return losses.detach()

    return step


def engine_step(model: PreTrainedModel, case: Case) -> Callable[..., Any]:
    """A step of the engine's on one adapter."""
    run = prepare_run(request_of(rows_of(case), case["device"], BATCH_SIZE), model)

    def step(_: Tokens, rows: range) -> torch.Tensor:
        return take_step(run, np.array(rows))

    return step


def rows_of(case: Case) -> Any:
    return random_rows(case["shape"], 8 * BATCH_SIZE * case["adapters"], case["length"], learned=0.5)


def measure(case: Case) -> None:
    """Warm up, wait for the word to start where others are to start, too, and count the steps of so many seconds."""
    device, at_once = case["device"], case["adapters"] if case["way"] == "stacked" else 1
    provenance.reset_peak_memory(device)
    model, tokens = random_model(case["shape"], device), rows_of(case).train
    if case["way"] == "stacked":
        step = stacked_step(model.train(), stack(model, at_once), at_once, device)
    else:
        step = engine_step(model, case)
    size = BATCH_SIZE * at_once
    batches = [range(at, at + size) for at in range(0, len(tokens) - size + 1, size)]
    for batch in batches[:UNTIMED]:
        step(tokens, batch)
    synchronize(device)
    if case["way"] != "stacked":
        print("READY", flush=True)
        sys.stdin.readline()
    taken, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < case["seconds"]:
        step(tokens, batches[taken % len(batches)])
        taken += 1
        synchronize(device)  # at each step, so that the clock is not asked about work that is only queued
    seconds = time.perf_counter() - begun
    report(
        {
            "steps_per_second": taken * at_once / seconds,
            "peak_gib": provenance.peak_memory_bytes(device) / 2**30,
            "hardware": provenance.hardware(device),
        }
    )


def in_processes(case: Case, environment: Mapping[str, str], *, seconds: float) -> Case:
    """The case measured by N processes that start together; speeds and peaks are added up."""
    command = [sys.executable, __file__, "--case", json.dumps(case)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    children = [
        subprocess.Popen(command, text=True, env={**os.environ, **environment}, **pipes)
        for _ in range(case["adapters"])
    ]
    try:
        for child in children:
            if said := _until_ready(child):
                return {**case, "error": said}
        ended = [_ended(child, seconds) for child in _started(children)]
    finally:
        for child in children:
            child.kill()
            child.communicate()
    both = {name: sum(one[name] for one in ended) for name in ("steps_per_second", "peak_gib")}
    return {**case, **both, "hardware": ended[0]["hardware"]}


def _until_ready(child: subprocess.Popen[str]) -> str:
    """Empty, or what the process last said where it ended instead."""
    said: list[str] = []
    for line in child.stdout or ():
        if line.startswith("READY"):
            return ""
        said.append(line.strip())
    return " | ".join(said[-2:]) or "ended without a word"


def _started(children: list[subprocess.Popen[str]]) -> list[subprocess.Popen[str]]:
    for child in children:
        assert child.stdin
        child.stdin.write("\n")
        child.stdin.flush()
    return children


def _ended(child: subprocess.Popen[str], seconds: float) -> Case:
    out, _ = child.communicate(timeout=seconds)
    (line,) = (line for line in out.splitlines() if line.startswith("RESULT "))
    return json.loads(line.removeprefix("RESULT "))


@contextmanager
def multi_process_service() -> Generator[Mapping[str, str] | None]:
    """NVIDIA's MPS as long as this is open: what its clients need in their environment; None where there is none."""
    control = shutil.which("nvidia-cuda-mps-control")
    if control is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        environment = {"CUDA_MPS_PIPE_DIRECTORY": folder, "CUDA_MPS_LOG_DIRECTORY": folder}
        subprocess.run([control, "-d"], env={**os.environ, **environment}, check=True)
        try:
            yield environment
        finally:
            subprocess.run([control], input="quit\n", text=True, env={**os.environ, **environment}, check=False)


def measured(case: Case, seconds: float) -> Case:
    if case["way"] == "stacked":
        return in_fresh_process(__file__, case, seconds=seconds)
    if case["way"] == "processes":
        return in_processes(case, {}, seconds=seconds)
    with multi_process_service() as environment:
        if environment is None:
            return {**case, "error": "nvidia-cuda-mps-control is not on the path"}
        return in_processes(case, environment, seconds=seconds)


def show(line: Case, alone: float) -> None:
    head = f"{line['way']:<10} {line['adapters']:>8}"
    if "error" in line:
        print(f"{head}   {line['error'][:120]}", flush=True)
        return
    speed = line["steps_per_second"]
    hourly = 3600 * speed / STEPS_OF_A_RUN
    print(f"{head} {speed:>8.2f} {hourly:>10,.0f} {speed / alone:>7.2f}x {line['peak_gib']:>9.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="smollm2-135m")
    parser.add_argument("--length", type=int, default=128, help="tokens of a row")
    parser.add_argument("--adapters", type=int, nargs="+", default=[4, 12], help="trained at once")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--seconds", type=float, default=8, help="of training that are timed")
    parser.add_argument("--seconds-each", type=float, default=90, help="at most, loading included")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--out", type=Path, help="JSONL, a line for each case")
    given = parser.parse_args()
    print(f"{given.shape}, rows of {given.length} tokens, batches of {BATCH_SIZE}")
    print(f"{'way':<10} {'adapters':>8} {'steps/s':>8} {'runs/hour':>10} {'':>8} {'peak GiB':>9}")
    alone, failed = math.nan, False
    for way, adapters in [("processes", 1), *((way, number) for number in given.adapters for way in given.ways)]:
        shared = {"shape": given.shape, "length": given.length, "seconds": given.seconds, "device": given.device}
        line = measured({"way": way, "adapters": adapters, **shared}, given.seconds_each)
        append(given.out, {"measurement": "several adapters", **line})
        alone = line.get("steps_per_second", alone) if adapters == 1 else alone
        show(line, alone)
        failed |= "error" in line and way != "mps"  # which a machine may lack
    sys.exit(failed)


if __name__ == "__main__":
    if case := case_given():
        measure(case)
    else:
        main()
