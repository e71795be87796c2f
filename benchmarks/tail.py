"""Averages over the end of a run against its last weights: one run of the default configuration a dataset, both scored.

Run: python benchmarks/tail.py TASKS --out FOLDER [--model foretune-tiny] [--rows 100] [--scored 100] [--tasks T ...]

TASKS is the folder of the datasets. After each of the last three eighths of the run, its weights are scored on the
validation split as they are, and averaged over all steps of the last 1, 2 and 4 eighths. Of each kind, the slice that
validation likes best is scored on the test split; `chosen` is the kind that validation likes best. All are of one and
the same training. Printed is the test loss relative to the weights as they are, with a 95 % interval over datasets. A
finished dataset is a line of FOLDER/tail.jsonl, and the command goes on from there.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from levers import DATASETS

from foretune.benchmark.regret import interval
from foretune.finetuning.batches import epoch_batches
from foretune.finetuning.data import load_splits, tokenize
from foretune.finetuning.evaluate import evaluate
from foretune.finetuning.model import load_tokenizer
from foretune.finetuning.optim import SLICES
from foretune.finetuning.run import RunRequest, TrainingRun
from foretune.finetuning.shape import read_shape
from foretune.finetuning.slices import prepare_run
from foretune.finetuning.step import take_step
from foretune.space import load_space
from foretune.surrogate.encoders import MAIN_SPACE
from foretune.types import Trial

AS_IT_IS, CHOSEN = "as it is", "chosen"
WINDOWS = {"1 eighth": 1, "2 eighths": 2, "4 eighths": 4}
KINDS = (*WINDOWS, CHOSEN)
SCORED_SLICES = 3
MOST_TOKENS = 256

Weights = Mapping[str, torch.Tensor]


def measure(data: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Best validation loss of each kind, and its test loss."""
    splits = load_splits(data, train_rows=given.rows, validation_rows=given.scored, test_rows=given.scored)
    tokens = tokenize(splits, load_tokenizer(given.model), MOST_TOKENS, end_token_id=0)
    default = load_space(MAIN_SPACE, hidden_size=read_shape(given.model).width).default()
    torch.manual_seed(0)
    run = prepare_run(RunRequest(Trial(0, default, SLICES), tokens, given.model, given.device))
    means: list[Weights] = []
    best: dict[str, dict[str, float]] = {}
    for fidelity in range(1, SLICES + 1):
        means.append(slice_mean(run, fidelity))
        if fidelity <= SLICES - SCORED_SLICES:
            continue
        last = {name: value.detach().clone() for name, value in run.adapted.trained.items()}
        ends = {name: mean(means[-window:]) for name, window in WINDOWS.items()}
        for name, weights in {AS_IT_IS: last, **ends}.items():
            put(run, weights)
            loss = evaluate(run.model, tokens.validation).nll
            if name not in best or loss < best[name]["validation"]:
                test = evaluate(run.model, tokens.test)
                best[name] = {"validation": loss, "test": test.nll, "exact": test.exact_match, "slice": fidelity}
        put(run, last)
    return {"task": data.name, **best, CHOSEN: min(best.values(), key=lambda one: one["validation"])}


def slice_mean(run: TrainingRun, fidelity: int) -> Weights:
    """Train a slice; the mean of the weights after its steps."""
    sums = {name: torch.zeros_like(value) for name, value in run.adapted.trained.items()}
    first, last = run.plan.slice_end(fidelity - 1), run.plan.slice_end(fidelity)
    for step in range(first, last):
        epoch, at = divmod(step, run.plan.steps_per_epoch)
        run.rates.set(step)
        take_step(run, epoch_batches(run.lengths, run.batch_size, seed=0, epoch=epoch)[at], step)
        for name, value in run.adapted.trained.items():
            sums[name] += value.detach()
    return {name: value / (last - first) for name, value in sums.items()}


def mean(weights: Sequence[Weights]) -> Weights:
    return {name: torch.stack([one[name] for one in weights]).mean(0) for name in weights[0]}


def put(run: TrainingRun, weights: Weights) -> None:
    with torch.no_grad():
        for name, parameter in run.adapted.trained.items():
            parameter.copy_(weights[name])


def show(lines: Sequence[Mapping[str, Any]]) -> None:
    """Relative to the best slice of the weights as they are."""
    print(f"{'task':<22}{AS_IT_IS:>10}" + "".join(f"{kind:>11}" for kind in KINDS))
    ratios = np.array([[line[kind]["test"] / line[AS_IT_IS]["test"] - 1 for kind in KINDS] for line in lines])
    points = np.array([[100 * (line[kind]["exact"] - line[AS_IT_IS]["exact"]) for kind in KINDS] for line in lines])
    for line, changes in zip(lines, ratios, strict=True):
        print(f"{line['task']:<22}{line[AS_IT_IS]['test']:>10.4f}" + "".join(f"{change:>+11.1%}" for change in changes))
    for kind, of_kind, of_points in zip(KINDS, ratios.T, points.T, strict=True):
        found, exact = interval(of_kind), interval(of_points)
        print(
            f"{kind:<10} test loss {found.mean:+.1%} [{found.low:+.1%}, {found.high:+.1%}]; "
            f"exact match {exact.mean:+.2f} points [{exact.low:+.2f}, {exact.high:+.2f}]"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="foretune-tiny")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--scored", type=int, default=100, help="rows of the validation and of the test split")
    parser.add_argument("--tasks", nargs="+", choices=DATASETS, default=DATASETS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    given.out.mkdir(parents=True, exist_ok=True)
    path = given.out / "tail.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []
    done = {line["task"] for line in lines}
    for name in given.tasks:
        if name not in done:
            lines.append(measure(given.data / name, given))
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(lines[-1]) + "\n")
    show(lines)


if __name__ == "__main__":
    main()
