"""A run that does not fit into memory in one piece, against the same run with all the memory that it wants.

    python benchmarks/gpu/out_of_memory.py [--shape smollm2-135m] [--out FILE]
    python benchmarks/gpu/out_of_memory.py --shape tiny --rows 32 --batch-size 16 --length 32 --device cpu

The runs differ in memory alone, each in a process of its own:

    whole      all of the device; twice, since runs on a GPU differ by the order of sums
    foreseen   other tensors fill the device until a share of what `whole` took beside its weights is left, so that
               the engine sees the shortage before the run
    ran out    the allocator refuses more than that (`torch.cuda.set_per_process_memory_fraction`), which the engine
               does not see: memory runs out in the middle of a step, which is split further and taken again

Prints how steps were split in the end, the steps at which memory ran out, the peak, and how far the curve of validation
losses is from that of `whole` at most. On a CPU nothing is short: `foreseen` is given its split, and `ran out` is told
that memory ran out for micro-batches of more than the share of a batch's tokens.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from workload import SHAPES, append, case_given, config_of, in_fresh_process, random_model, report, request_of

from foretune.finetuning import slices, step
from foretune.finetuning.batches import Batch, completion_logits
from foretune.finetuning.data import TokenizedSplits, Tokens
from foretune.finetuning.memory import Split
from foretune.finetuning.optim import SLICES
from foretune.finetuning.train import finetune
from foretune.types import Trial

SHARES = (0.3, 0.1)
PLANNED = 0.9
"""The share of free memory that the engine plans with on an accelerator."""
_WORDS = 50

Case = dict[str, Any]


def rows_of(case: Case) -> TokenizedSplits:
    """Rows of varied length out of few tokens, which is soon learned; the second half of each is learned."""
    rng, most = np.random.default_rng(0), case["length"]
    words = rng.integers(10, config_of(case["shape"]).vocab_size, size=_WORDS, dtype=np.int32)

    def split(rows: int) -> Tokens:
        lengths = [most, *rng.integers(most // 4, most, size=rows - 1)]
        return Tokens(tuple(rng.choice(words, size=length) for length in lengths), np.array(lengths) // 2)

    few = split(16)
    return TokenizedSplits("words", split(case["rows"]), few, few)


def measure(case: Case) -> None:
    """Train, and report; in this process."""
    device, folder = case["device"], Path(case["scratch"], case["shape"])
    if not (folder / "config.json").is_file():
        random_model(case["shape"], "cpu").save_pretrained(folder)
    held = shorten(case)
    data, begun = rows_of(case), time.perf_counter()
    chosen = request_of(data, device, case["batch_size"], epochs=3, learning_rate=5e-3).trial.configuration
    with tempfile.TemporaryDirectory() as output:
        run = Path(output)
        ended = finetune(
            Trial(0, chosen, SLICES),
            data,
            str(folder),
            run,
            device=device,
            test=False,
            keep_state=False,
        )
        noted = json.loads((run / "run.json").read_text(encoding="utf-8"))
    names = ("micro_batch_tokens", "gradient_checkpointing", "out_of_memory_steps", "hardware", "versions")
    report(
        {
            "status": str(ended.status),
            "message": ended.message,
            "curve": (-ended.curve.scores).tolist(),
            "seconds": time.perf_counter() - begun,
            "peak_bytes": noted["peak_memory_bytes"] - (held.numel() if held is not None else 0),
            "weights_bytes": sum(file.stat().st_size for file in folder.glob("*.safetensors")),
            **{name: noted[name] for name in names},
        }
    )


def shorten(case: Case) -> torch.Tensor | None:
    """Leave the run no more memory than the case says; returns the tensor that takes up the rest."""
    if case["memory"] == "whole":
        return None
    if not case["device"].startswith("cuda"):
        return pretend(case)
    free, total = torch.cuda.mem_get_info(case["device"])
    if case["memory"] == "ran out":
        torch.cuda.set_per_process_memory_fraction(case["bytes"] / total, case["device"])
        return None
    return torch.empty(int(free - case["bytes"] / PLANNED), dtype=torch.uint8, device=case["device"])


def pretend(case: Case) -> None:
    """The same without a GPU, by the padded tokens of a micro-batch."""
    most = int(case["share"] * case["batch_size"] * case["length"])
    if case["memory"] == "foreseen":
        slices.chosen_split = lambda _: Split(most, checkpointing=case["share"] < SHARES[0])
        return

    def refusing(model: nn.Module, batch: Batch, selection: str) -> torch.Tensor:
        if batch.tokens > most:
            raise torch.OutOfMemoryError(f"as if {most} tokens were the most that fit")
        return completion_logits(model, batch, selection)

    step.completion_logits = refusing


def cases(given: argparse.Namespace) -> Iterator[Case]:
    shared = {name: getattr(given, name) for name in ("shape", "rows", "batch_size", "length", "device")}
    shared["scratch"] = str(given.scratch)
    yield {"memory": "whole", "share": 1.0, **shared}
    yield {"memory": "whole", "share": 1.0, **shared}
    for memory in ("ran out", "foreseen"):
        for share in SHARES:
            yield {"memory": memory, "share": share, **shared}


def show(line: Case, whole: Case) -> None:
    head = f"{line['memory']:<9} {line['share']:>6.0%}"
    if "error" in line or line["status"] != "ok":
        print(f"{head}   {line.get('error') or line['status'] + ': ' + line['message']}"[:200], flush=True)
        return
    farthest = max(abs(a - b) for a, b in zip(line["curve"], whole["curve"], strict=True))
    split = "whole" if line["micro_batch_tokens"] is None else str(line["micro_batch_tokens"])
    figures = f"{split:>7} {'yes' if line['gradient_checkpointing'] else 'no':>12} {line['peak_bytes'] / 2**30:>9.2f}"
    losses = f"{line['curve'][0]:>8.4f} {line['curve'][-1]:>8.4f} {farthest:>10.2g}"
    ran_out = " ".join(map(str, line["out_of_memory_steps"])) or "never"
    print(f"{head} {figures} {line['seconds']:>8.1f} {losses}   {ran_out}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="smollm2-135m")
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--length", type=int, default=512, help="tokens of the longest row")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds-each", type=float, default=120)
    parser.add_argument("--scratch", type=Path, help="holds the model; by default a temporary folder")
    parser.add_argument("--out", type=Path, help="JSONL, a line for each run")
    given = parser.parse_args()
    print(f"{given.shape}, {given.rows} rows of {given.length} tokens at most, batches of {given.batch_size}")
    print(
        f"{'memory':<9} {'share':>6} {'tokens':>7} {'checkpointed':>12} {'peak GiB':>9} {'seconds':>8} "
        f"{'first':>8} {'last':>8} {'difference':>10}   ran out at steps"
    )
    whole: Case = {}
    failed = False
    with tempfile.TemporaryDirectory() as temporary:
        given.scratch = given.scratch or Path(temporary)
        for case in cases(given):
            if whole:
                beside = whole["peak_bytes"] - whole["weights_bytes"]
                case["bytes"] = whole["weights_bytes"] + case["share"] * beside
            line = in_fresh_process(__file__, case, seconds=given.seconds_each)
            append(given.out, {"measurement": "out of memory", **line})
            if not whole and "error" not in line:
                whole = line
            show(line, whole)
            failed |= line.get("status") != "ok"
    sys.exit(failed)


if __name__ == "__main__":
    if case := case_given():
        measure(case)
    else:
        main()
