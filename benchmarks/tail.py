"""Averages over the end of a run against its last weights: one run of the default configuration a dataset, both scored.

Run: python benchmarks/tail.py TASKS --out FOLDER [--model foretune-tiny] [--rows 100] [--scored 100] [--tasks T ...]

TASKS is the folder of the datasets. After each of the last three eighths of the run, its weights are scored on the
validation split as they are, and averaged over all steps of the last 1, 2 and 4 eighths. Of each kind, the slice that
validation likes best is scored on the test split; `chosen` is the kind that validation likes best. All are of one and
the same training. Printed is the test loss relative to the weights as they are, with a 95 % interval over datasets. A
finished dataset is a line of FOLDER/tail.jsonl, and the command goes on from there. The lines of the documentation,
printed again:

    python benchmarks/tail.py TASKS --out benchmarks/results/tail-MODEL --show
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from levers import Line, arguments, changes, measured

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


def measure(data: Path, given: argparse.Namespace) -> Line:
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


def show(lines: Sequence[Line]) -> None:
    """Relative to the best slice of the weights as they are."""
    print(f"{'task':<22}{AS_IT_IS:>10}" + "".join(f"{kind:>11}" for kind in KINDS))
    ratios = {kind: [line[kind]["test"] / line[AS_IT_IS]["test"] - 1 for line in lines] for kind in KINDS}
    for at, line in enumerate(lines):
        cells = "".join(f"{ratios[kind][at]:>+11.1%}" for kind in KINDS)
        print(f"{line['task']:<22}{line[AS_IT_IS]['test']:>10.4f}{cells}")
    print()
    for kind in KINDS:
        points = [100 * (line[kind]["exact"] - line[AS_IT_IS]["exact"]) for line in lines]
        print(changes(kind, ratios[kind], points))


def main() -> None:
    parser = arguments(__doc__, rows=100)
    parser.add_argument("--scored", type=int, default=100, help="rows of the validation and of the test split")
    given = parser.parse_args()
    show(measured("tail.jsonl", given, lambda data: measure(data, given)))


if __name__ == "__main__":
    main()
