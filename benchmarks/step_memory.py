"""Peak memory and time of a step: whole batch, micro-batches and gradient checkpointing, predicted and measured.

TrainingRun: OMP_NUM_THREADS=1 python benchmarks/step_memory.py [--model FOLDER] [--rows 16] [--tokens 256] [--steps 1]

A batch of rows of equally many random tokens, a quarter of which are predicted, is trained on in each way. Predicted is
what `foretune.finetuning.activations` says of the largest micro-batch, measured the peak of a step above what was in
memory before, the optimizer's moments included there. Time is the processor's on a CPU, relative to the whole batch.
The last lines say which way would be chosen here, and if there were but a part of what the whole batch takes.
"""

from __future__ import annotations

import argparse
import math
import re
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch

from foretune.finetuning import provenance, step
from foretune.finetuning.activations import can_checkpoint, measure, measure_checkpointed
from foretune.finetuning.data import TokenizedSplits, Tokens
from foretune.finetuning.memory import FILLING_TOKENS, WHOLE, Split, choose_split, device_kind, free_memory, logit_bytes
from foretune.finetuning.model import choose_device, load_tokenizer, resolve_model, vocabulary_size
from foretune.finetuning.run import RunRequest, TrainingRun
from foretune.finetuning.slices import prepare_run
from foretune.types import Configuration, Trial

MIB = 2**20
PREDICTED = 4
"""One of so many tokens of a row is predicted."""


def random_tokens(rows: int, length: int, vocabulary: int) -> Tokens:
    """Rows of random tokens, the last of which are predicted."""
    ids = np.random.default_rng(0).integers(1, vocabulary, size=(rows, length)).astype(np.int32)
    return Tokens(tuple(ids), np.full(rows, length - length // PREDICTED))


def prepared(options: argparse.Namespace, device: str) -> TrainingRun:
    """A run whose first batch is the one that is measured."""
    values = {
        "method": options.method,
        "target_modules": "all",
        "rank": 16,
        "alpha_over_rank": 2.0,
        "dropout": 0.05,
        "learning_rate": 1e-4,
        "batch_size": options.rows,
        "schedule": "constant",
        "warmup": 0.0,
        "weight_decay": 0.0,
        "optimizer": "adamw",
        "epochs": 1,
    }
    model = resolve_model(options.model)
    data = random_tokens(options.rows, options.tokens, len(load_tokenizer(model)))
    data_splits = TokenizedSplits("random", data, data, data)
    return prepare_run(RunRequest(Trial(0, Configuration(values), 1), data_splits, model, device))


def in_memory(device: str) -> int:
    """Bytes that are taken now."""
    if device.startswith("cuda"):
        return torch.cuda.memory_allocated(device)
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    return int(found[1]) * 1024 if found else 0


def measured(run: TrainingRun, split: Split, steps: int) -> tuple[int, float]:
    """Peak bytes above what was there before, and seconds of a step."""
    device, rows = run.request.device, np.arange(run.batch_size)
    run.splitting.split = split
    provenance.reset_peak_memory(device)
    before = in_memory(device)
    clock = time.perf_counter if device.startswith("cuda") else time.process_time
    begun = clock()
    for _ in range(steps):
        float(step.take_step(run, rows))  # waits for an accelerator
    return provenance.peak_memory_bytes(device) - before, (clock() - begun) / steps


def main() -> None:
    """Measure each way and print a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="foretune-tiny")
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--method", default="lora")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    device = choose_device(options.device)
    torch.manual_seed(0)
    run = prepared(options, device)
    chosen = run.splitting.split
    row = torch.from_numpy(run.request.data.train.input_ids[0].astype(np.int64)).to(device)
    logits = logit_bytes(vocabulary_size(run.model), float((run.completions / run.lengths).max()))
    begun = time.process_time()
    loss = partial(step.batch_loss, run)
    plain = measure(run.model, loss, row, logits=logits)
    less = measure_checkpointed(run.model, loss, row, logits=logits, plain=plain) if can_checkpoint(run.model) else None
    print(f"{provenance.hardware(device)}; {options.rows} rows of {options.tokens} tokens; {options.method}")
    print(
        f"per token {plain.token / MIB:.3f} MiB, checkpointed {less.token / MIB if less else math.nan:.3f} MiB; ",
        end="",
    )
    print(f"fixed {plain.fixed / MIB:.1f} MiB; measured in {time.process_time() - begun:.2f} s of the processor")
    whole = options.rows * options.tokens
    step.take_step(run, np.arange(1))  # loads what is needed, and makes the optimizer's moments
    print(f"{'way':46}{'predicted MiB':>14}{'measured MiB':>14}{'seconds':>9}{'ratio':>7}")
    first = math.nan
    for checkpointing in (False, True) if less else (False,):
        for tokens in sorted({whole, max(whole // 4, options.tokens), options.tokens}, reverse=True):
            split = Split(None if tokens == whole else tokens, checkpointing)
            found = less if checkpointing and less else plain
            peak, seconds = measured(run, split, options.steps)
            first = seconds if split == WHOLE else first
            name = "whole batch" if tokens == whole else f"micro-batches of {tokens} tokens"
            name += ", checkpointing" if checkpointing else ""
            expected = found.fixed + found.token * tokens
            print(f"{name:46}{expected / MIB:14.0f}{peak / MIB:14.0f}{seconds:9.2f}{seconds / first:7.2f}", flush=True)
    choose = partial(choose_split, plain, less, whole=whole, longest=options.tokens)
    filling = FILLING_TOKENS[device_kind(device)]
    print(f"chosen here ({free_memory(device) / 2**30:.1f} GiB free): {chosen}")
    for share in (2, 4, 16):
        print(
            f"chosen with 1/{share} of the whole batch's: {choose(free=whole * plain.token / share, filling=filling)}"
        )


if __name__ == "__main__":
    main()
