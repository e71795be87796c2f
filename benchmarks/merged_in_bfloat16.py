"""What an adapter loses where it is merged into bfloat16 weights: its validation loss as trained, and merged.

Run: python benchmarks/merged_in_bfloat16.py DATASET@ROWS [--model foretune-tiny] [--rates 2e-4 2e-3] [--rows 60]

LoRA of rank 16 is trained for three epochs of the dataset's first rows at each learning rate, then scored on some
validation rows in float32: with the adapter beside the weights, and with merged weights that were rounded to bfloat16.
A weight keeps eight binary digits there, and an update of less than half a step is lost.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from peft import PeftModel

from foretune.finetuning.base import release
from foretune.finetuning.batches import epoch_batches
from foretune.finetuning.data import TokenizedSplits, load_splits, tokenize
from foretune.finetuning.evaluate import evaluate
from foretune.finetuning.model import load_tokenizer
from foretune.finetuning.run import RunRequest
from foretune.finetuning.slices import prepare_run
from foretune.finetuning.step import take_step
from foretune.metadata.source import TaskSource
from foretune.types import Configuration, Trial

SETTINGS = {
    "method": "lora",
    "rank": 16,
    "alpha_over_rank": 1.0,
    "dropout": 0.0,
    "target_modules": "all",
    "batch_size": 8,
    "epochs": 3,
    "schedule": "linear",
    "warmup": 0.03,
    "weight_decay": 0.01,
    "optimizer": "adamw",
}


def losses(model: str, data: TokenizedSplits, rate: float, rows: int) -> tuple[float, float, float]:
    """Of the base model, with the adapter, and merged."""
    release()  # the base model of an earlier rate, which merging has changed
    torch.manual_seed(0)
    trial = Trial(0, Configuration({**SETTINGS, "learning_rate": rate}), 1)
    run = prepare_run(RunRequest(trial, data, model, "cpu"))
    some = np.arange(min(rows, len(data.validation)))
    before = evaluate(run.model, data.validation, rows=some).nll
    for step in range(run.plan.steps):
        epoch, at = divmod(step, run.plan.steps_per_epoch)
        run.rates.set(step)
        take_step(run, epoch_batches(run.lengths, run.batch_size, seed=0, epoch=epoch)[at], step)
    trained = evaluate(run.model, data.validation, rows=some).nll
    adapted = run.adapted.model
    assert isinstance(adapted, PeftModel)
    for module in adapted.modules():
        vars(module).pop("forward", None)  # merged weights are for torch's own layers
    merged = adapted.merge_and_unload().bfloat16().float()
    return before, trained, evaluate(merged, data.validation, rows=some).nll


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset")
    parser.add_argument("--model", default="foretune-tiny")
    parser.add_argument("--rates", type=float, nargs="+", default=[2e-4, 2e-3])
    parser.add_argument("--rows", type=int, default=60, help="of validation")
    given = parser.parse_args()
    torch.set_num_threads(1)
    source = TaskSource.parse(given.dataset)
    splits = load_splits(source.path, train_rows=source.rows)
    data = tokenize(splits, load_tokenizer(given.model), 256, end_token_id=0)
    print(f"{'rate':>8} {'untouched':>10} {'adapter':>10} {'merged':>10}")
    for rate in given.rates:
        print(f"{rate:>8.2g}" + "".join(f" {loss:>10.4f}" for loss in losses(given.model, data, rate, given.rows)))


if __name__ == "__main__":
    main()
