"""Training with and without the cheaper layers of `foretune.finetuning.fast_layers`, on the same work.

Run: OMP_NUM_THREADS=1 python benchmarks/fast_layers.py [--rows 300] [--epochs 2] [--repeats 3] [--methods lora ...]

Each method finetunes the shipped model on the demo's facts, plainly and with the cheaper layers in turn. Prints the
median seconds of training and of evaluation, their ratios, and the last validation loss of both (they draw different
random numbers for dropout and round differently, so these differ by noise).
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from foretune.finetuning import slices
from foretune.finetuning.data import TokenizedSplits, load_splits, tokenize
from foretune.finetuning.model import load_tokenizer
from foretune.finetuning.optim import SLICES
from foretune.finetuning.train import finetune
from foretune.synthesis.facts import make_facts
from foretune.types import Configuration, Trial

SETTINGS = {
    "rank": 16,
    "alpha_over_rank": 2.0,
    "dropout": 0.05,
    "target_modules": "all",
    "learning_rate": 5e-3,
    "batch_size": 8,
    "schedule": "linear",
    "warmup": 0.03,
    "weight_decay": 0.0,
    "optimizer": "adamw",
}


@contextmanager
def layers(*, fast: bool) -> Iterator[None]:
    """With `fast` off, runs inside keep the layers that transformers and PEFT made."""
    kept = slices.use_fast_layers
    if not fast:
        slices.use_fast_layers = lambda _: None
    try:
        yield
    finally:
        slices.use_fast_layers = kept


def one_run(method: str, epochs: int, data: TokenizedSplits) -> tuple[float, float, float]:
    """Seconds of training and of evaluation, and the last validation loss."""
    trial = Trial(0, Configuration({**SETTINGS, "method": method, "epochs": epochs}), SLICES)
    with tempfile.TemporaryDirectory() as folder:
        report = finetune(trial, data, "foretune-tiny", Path(folder), keep_state=False)
        assert not report.message, report.message
        lines = [json.loads(line) for line in (Path(folder) / "slices.jsonl").read_text().splitlines()]
    return (
        sum(line["train_seconds"] for line in lines),
        sum(line["evaluation_seconds"] for line in lines),
        lines[-1]["validation_nll"],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--methods", nargs="*", default=["lora", "dora", "pissa"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        splits = load_splits(str(make_facts(Path(folder) / "facts")), seed=0, train_rows=given.rows)
    data = tokenize(splits, load_tokenizer("foretune-tiny"), 256)
    print(f"{'method':<8} {'':<10} {'plain':>8} {'fast':>8} {'ratio':>6}   last validation loss, plain and fast")
    for method in given.methods:
        runs: dict[bool, list[tuple[float, float, float]]] = {False: [], True: []}
        for repeat in range(given.repeats + 1):
            for fast in (False, True):
                with layers(fast=fast):
                    figures = one_run(method, given.epochs, data)
                if repeat:  # the first pair warms up
                    runs[fast].append(figures)
        losses = [f"{runs[False][0][2]:.4f} {runs[True][0][2]:.4f}", ""]
        for at, what in enumerate(("training", "evaluation")):
            plain, fast_one = (median(run[at] for run in runs[fast]) for fast in (False, True))
            ratio = plain / fast_one
            print(f"{method:<8} {what:<10} {plain:8.2f} {fast_one:8.2f} {ratio:6.2f}   {losses[at]}")


if __name__ == "__main__":
    main()
