"""Training steps a second of a small model: kernels launched one by one, and recorded ones replayed (CUDA graphs).

    python benchmarks/gpu/recorded_steps.py [--shape smollm2-135m] [--methods lora dora] [--out FILE]

Each case is the engine's own run in a process of its own: an epoch over rows of varied length, after warming up. Prints
steps a second with and without the making of the recording, peak memory, and how far the losses are apart at most.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from workload import (
    SHAPES,
    append,
    case_given,
    config_of,
    in_fresh_process,
    random_model,
    report,
    request_of,
    synchronize,
)

from foretune.finetuning import provenance
from foretune.finetuning.data import TokenizedSplits, Tokens
from foretune.finetuning.recorded import with_recording
from foretune.finetuning.slices import prepare_run
from foretune.finetuning.step import take_step, warm_up

Case = dict[str, Any]


def rows_of(case: Case) -> TokenizedSplits:
    """Rows of half to all of a length; the last eighth of each is learned."""
    rng, most = np.random.default_rng(0), case["length"]
    lengths = rng.integers(most // 2, most + 1, size=case["batch_size"] * case["steps"])
    words = config_of(case["shape"]).vocab_size
    tokens = Tokens(tuple(rng.integers(10, words, size=one, dtype=np.int32) for one in lengths), lengths * 7 // 8)
    return TokenizedSplits("varied", tokens, tokens, tokens)


def measure(case: Case) -> None:
    """Train, and report; in this process."""
    device = case["device"]
    torch.manual_seed(0)
    model = random_model(case["shape"], device)
    torch.manual_seed(0)
    run = prepare_run(request_of(rows_of(case), device, case["batch_size"], method=case["method"]), model)
    if device.startswith("cuda"):
        warm_up(run)
    synchronize(device)
    begun = time.perf_counter()
    if case["way"] == "recorded":
        run = with_recording(run)
    synchronize(device)
    trained, losses, size = time.perf_counter(), [], case["batch_size"]
    for step in range(case["steps"]):
        run.rates.set(step)
        losses.append(take_step(run, np.arange(step * size, (step + 1) * size), step))
    synchronize(device)
    ended = time.perf_counter()
    report(
        {
            "recorded": run.recorded is not None,
            "seconds_to_record": trained - begun,
            "steps_per_second": case["steps"] / (ended - trained),
            "peak_gib": provenance.peak_memory_bytes(device) / 2**30,
            "losses": [float(loss) for loss in losses],
            "hardware": provenance.hardware(device),
            "versions": provenance.versions(),
        }
    )


def show(line: Case, launched: Case) -> None:
    head = f"{line['method']:<9} {line['way']:<9}"
    if "error" in line:
        print(f"{head}   {line['error'][:160]}", flush=True)
        return
    apart = max(abs(a / b - 1) for a, b in zip(line["losses"], launched["losses"], strict=True))
    figures = (
        f"{line['steps_per_second']:>8.1f} {line['seconds_to_record']:>8.2f} {line['peak_gib']:>9.2f} {apart:>9.2%}"
    )
    print(f"{head} {figures}   {'' if line['recorded'] or line['way'] == 'launched' else 'not recorded'}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="smollm2-135m")
    parser.add_argument("--methods", nargs="+", default=["lora", "dora"])
    parser.add_argument("--length", type=int, default=80, help="tokens of the longest row")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds-each", type=float, default=60)
    parser.add_argument("--out", type=Path, help="JSONL, a line for each case")
    given = parser.parse_args()
    print(f"{given.shape}, rows of {given.length} tokens at most, batches of {given.batch_size}")
    print(f"{'method':<9} {'way':<9} {'steps/s':>8} {'record s':>8} {'peak GiB':>9} {'loss +-':>9}")
    failed = False
    shared = {name: getattr(given, name) for name in ("shape", "length", "batch_size", "steps", "device")}
    for method in given.methods:
        launched: Case = {}
        for way in ("launched", "recorded"):
            line = in_fresh_process(__file__, {"method": method, "way": way, **shared}, seconds=given.seconds_each)
            append(given.out, {"measurement": "recorded steps", **line})
            launched = launched or line
            show(line, launched)
            failed |= "error" in line
    sys.exit(failed)


if __name__ == "__main__":
    if case := case_given():
        measure(case)
    else:
        main()
