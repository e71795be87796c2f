"""What padding costs in training, and what bucketing by length, packing and splitting batches save of it.

    python benchmarks/padding.py TASKS [--model FOLDER] [--rows 500] [--time TASK [--steps 4]]

TASKS is a folder of datasets. For each of them prints the share of the tokens computed on that are padding, if batches

- are drawn at random (`random`),
- come from windows of 16 batches that are sorted by length (`bucketed`: what foretune does),
- are those, with short rows put behind each other, first fit, into sequences as long as the longest row (`packed`),
  kept apart by positions that start again and attention that does not look across (transformers' packed sequences),
- or are those, computed in 2 or 4 pieces of rows that are alike in length (`2 pieces`, `4 pieces`).

`--time` measures a forward and backward pass of LoRA on one of the tasks in each of these ways, and all rows of a batch
as one sequence (`one row`), in turns and on the same rows, in processor seconds. Before it, checks that packed rows do
not see each other: the largest difference that packing makes to a logit, and the largest change of another row's logits
when a row's tokens are replaced.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from foretune.finetuning.adapters import adapt
from foretune.finetuning.base import fresh_model
from foretune.finetuning.batches import epoch_batches
from foretune.finetuning.data import Tokens, load_splits, tokenize
from foretune.finetuning.fast_layers import use_fast_layers
from foretune.finetuning.model import load_model, load_tokenizer
from foretune.types import Configuration

BATCH_SIZES = (4, 8, 16, 32)
LORA = {"method": "lora", "rank": 16, "alpha_over_rank": 2.0, "dropout": 0.05, "target_modules": "all"}
Bins = list[list[int]]
"""Rows (numbers in the split) that share a sequence, sequence by sequence."""
Layout = Callable[[np.ndarray, Sequence[int]], list[Bins]]
"""From the lengths of all rows, and the rows of a batch, to the forward passes that they are computed in."""


def padded(_: np.ndarray, rows: Sequence[int]) -> list[Bins]:
    return [[[row] for row in rows]]


def packed(lengths: np.ndarray, rows: Sequence[int]) -> list[Bins]:
    """First fit, longest first, into sequences of the longest row's length."""
    width = lengths[rows].max()
    bins: Bins = []
    for row in sorted(rows, key=lambda row: -lengths[row]):
        fitting = (one for one in bins if lengths[one].sum() + lengths[row] <= width)
        into = next(fitting, None)
        if into is None:
            bins.append([row])
        else:
            into.append(row)
    return [bins]


def one_row(_: np.ndarray, rows: Sequence[int]) -> list[Bins]:
    return [[list(rows)]]


def pieces(count: int) -> Layout:
    def split(lengths: np.ndarray, rows: Sequence[int]) -> list[Bins]:
        ordered = np.asarray(rows)[np.argsort(lengths[rows], kind="stable")]
        return [[[row] for row in part] for part in np.array_split(ordered, min(count, len(rows)))]

    return split


LAYOUTS: dict[str, Layout] = {
    "bucketed": padded,
    "packed": packed,
    "one row": one_row,
    "2 pieces": pieces(2),
    "4 pieces": pieces(4),
}


def random_batches(rows: int, batch_size: int) -> list[np.ndarray]:
    order = np.random.default_rng(0).permutation(rows)
    return [order[at : at + batch_size] for at in range(0, rows, batch_size)]


def share_of_padding(lengths: np.ndarray, batches: list[np.ndarray], layout: Layout) -> float:
    passes = [bins for batch in batches for bins in layout(lengths, batch.tolist())]
    computed = sum(len(bins) * max(lengths[one].sum() for one in bins) for bins in passes)
    return 1.0 - lengths.sum() / computed


def shares(lengths: np.ndarray) -> list[float]:
    """Mean over batch sizes of each column of the table."""
    columns = [
        mean(share_of_padding(lengths, random_batches(len(lengths), size), padded) for size in BATCH_SIZES),
    ]
    for name, layout in LAYOUTS.items():
        if name != "one row":
            batches = {size: epoch_batches(lengths, size, seed=0, epoch=0) for size in BATCH_SIZES}
            columns.append(mean(share_of_padding(lengths, batches[size], layout) for size in BATCH_SIZES))
    return columns


@dataclass(frozen=True)
class Pass:
    """One forward pass: (sequences, width) each, and the labels of the true positions of `predicts`."""

    input_ids: torch.Tensor
    position_ids: torch.Tensor
    predicts: torch.Tensor
    labels: torch.Tensor


def laid_out(tokens: Tokens, bins: Bins) -> Pass:
    width = max(sum(len(tokens.input_ids[row]) for row in one) for one in bins)
    ids, positions = np.zeros((len(bins), width), dtype=np.int64), np.zeros((len(bins), width), dtype=np.int64)
    predicts, labels = np.zeros((len(bins), width), dtype=bool), np.zeros((len(bins), width), dtype=np.int64)
    for at, one in enumerate(bins):
        start = 0
        for row in one:
            sequence = tokens.input_ids[row]
            here = slice(start, start + len(sequence))
            ids[at, here], positions[at, here] = sequence, np.arange(len(sequence))
            predicts[at, here.start : here.stop - 1] = tokens.learned(row)[1:]
            labels[at, here.start : here.stop - 1] = sequence[1:]
            start = here.stop
        # A lone row's padding may go on counting: that makes no second sequence of it, and needs no mask.
        positions[at, start:] = np.arange(width - start) + (start if len(one) == 1 else 0)
    tensors = map(torch.from_numpy, (ids, positions, predicts))
    return Pass(*tensors, torch.from_numpy(labels[predicts]))


def logits(model: nn.Module, one: Pass) -> torch.Tensor:
    return model(
        input_ids=one.input_ids, position_ids=one.position_ids, logits_to_keep=one.predicts, use_cache=False
    ).logits


def check_apart(model: nn.Module, tokens: Tokens, rows: list[int]) -> None:
    """Print what rows in one sequence have to do with each other."""
    ordered = laid_out(tokens, [rows])
    with torch.inference_mode():
        together = logits(model, ordered)
        alone = torch.cat([logits(model, laid_out(tokens, [[row]])) for row in rows])
        others = ordered.input_ids.clone()
        first = len(tokens.input_ids[rows[0]])
        others[0, :first] = others[0, :first].flip(0)
        changed = logits(model, Pass(others, ordered.position_ids, ordered.predicts, ordered.labels))
    own = int(tokens.learned(rows[0])[1:].sum())
    print(f"packed and alone, logits differ by at most {float((together - alone).abs().max()):.1e}", end="; ")
    print(f"another row's tokens change them by {float((changed - together)[own:].abs().max()):.1e}")


def seconds_of(model: nn.Module, passes: list[Pass]) -> float:
    begun = time.process_time()
    for one in passes:
        functional.cross_entropy(logits(model, one).float(), one.labels, reduction="sum").backward()
    model.zero_grad()
    return time.process_time() - begun


def print_times(model_name: str, tokens: Tokens, batch_size: int, steps: int) -> None:
    base = load_model(model_name)
    lengths = tokens.lengths
    batches = {
        "random": random_batches(len(lengths), batch_size)[:steps],
        "bucketed": epoch_batches(lengths, batch_size, seed=0, epoch=0)[:steps],
    }
    check_apart(base, tokens, batches["bucketed"][0].tolist())
    model = adapt(fresh_model(model_name, device="cpu", dtype=torch.float32), Configuration(LORA), name="").model
    use_fast_layers(model.train())
    ways = {"random": padded} | LAYOUTS
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for step in range(-1, steps):  # the first pass is not counted
        for name, layout in ways.items():
            batch = batches["random" if name == "random" else "bucketed"][max(step, 0)].tolist()
            seconds = seconds_of(model, [laid_out(tokens, bins) for bins in layout(lengths, batch)])
            if step >= 0:
                taken[name].append(1e3 * seconds / lengths[batch].sum())
    print(f"milliseconds of a forward and backward pass per token of the data, batches of {batch_size}, {steps} steps:")
    print("  ".join(f"{name} {median(each):.2f}" for name, each in taken.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", type=Path)
    parser.add_argument("--model", default="foretune-tiny")
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--max-length", type=int, default=256)
    parser.add_argument("--time", nargs="*", default=[], help="names of tasks")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--steps", type=int, default=4)
    given = parser.parse_args()
    tokenizer = load_tokenizer(given.model)
    found = sorted(folder for folder in given.tasks.iterdir() if folder.is_dir())
    read = {
        folder.name: tokenize(load_splits(folder, train_rows=given.rows), tokenizer, given.max_length).train
        for folder in found
        if not given.time or folder.name in given.time
    }
    names = ["random", *(name for name in LAYOUTS if name != "one row")]
    print(f"{'share of padding, % ':<24}" + "".join(f"{name:>10}" for name in names) + f"{'tokens a row':>14}")
    table = {name: shares(tokens.lengths) for name, tokens in read.items()}
    for name, row in table.items():
        tokens = f"{read[name].lengths.mean():.0f}"
        print(f"{name:<24}" + "".join(f"{100 * share:10.1f}" for share in row) + f"{tokens:>14}")
    print(f"{'mean':<24}" + "".join(f"{100 * mean(column):10.1f}" for column in zip(*table.values(), strict=True)))
    for name in given.time:
        print(f"\n{name}")
        print_times(given.model, read[name], given.batch_size, given.steps)


if __name__ == "__main__":
    main()
