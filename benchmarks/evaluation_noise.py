"""What scoring on fewer validation rows does: to a score, to the choice between runs, and to a search.

    python benchmarks/evaluation_noise.py --tasks FOLDER --out FOLDER

FOLDER of --tasks holds datasets with 200 validation and 200 test rows. Three tables:

1. the standard error of a validation loss as foretune estimates it from the rows at hand, the spread that losses of
   such samples of rows really have, and that of the difference between two configurations on the same rows;
2. the choice between finished runs by a part of the validation rows: how often it is not the one that all rows choose,
   and what it costs in validation and test loss;
3. replayed searches that see each recorded run's scores with an error of that size, the same in all slices of a run,
   judged by the scores without it.

The runs of the first two are trained for real, 8 configurations on each of 3 datasets with foretune-tiny, and are kept
in --out, as are fitted surrogates; a second call goes on where the first was.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np

from foretune.benchmark.budgets import parse_amounts
from foretune.benchmark.compare import Contest, Terms, prepare
from foretune.benchmark.regret import interval, regret, scale_of
from foretune.benchmark.replay import RecordedTask, simulate
from foretune.execution.finetuned import load_finetuned
from foretune.finetuning.data import TokenizedSplits, Tokens, load_splits, tokenize
from foretune.finetuning.ending import find_ending
from foretune.finetuning.evaluate import evaluate, standard_error
from foretune.finetuning.model import load_model, load_tokenizer
from foretune.finetuning.optim import SLICES
from foretune.finetuning.shape import shape_of
from foretune.finetuning.train import finetune
from foretune.metadata import read_meta_dataset
from foretune.metadata.source import TaskSource
from foretune.space import load_space
from foretune.types import Configuration, LearningCurve, Status, Trial

MODEL, TABLE, METHOD = "foretune-tiny", "foretune-tiny-v1", "transfer-in-context"
DATASETS = ("hwu64@150", "snips_slots@100", "trivia_category@150")
CONFIGURATIONS, BEST = 8, 4
MOST_EPOCHS = 5
ROWS = (25, 50, 100, 200)
DRAWS = 2_000
BUDGETS = "1runs,2runs,3runs,5runs"


@dataclass(frozen=True)
class Losses:
    """What the tokens of each row of a split lose, under each of C configurations.

    Attributes:
        sums: (C, n) nats of a row's completion.
        lengths: (n,) its tokens.
    """

    sums: np.ndarray
    lengths: np.ndarray

    def means(self, rows: np.ndarray) -> np.ndarray:
        """Loss per token of each configuration on each sample of rows: (C, draws) for rows (draws, k)."""
        return self.sums[:, rows].sum(axis=-1) / self.lengths[rows].sum(axis=-1)

    @property
    def whole(self) -> np.ndarray:
        """(C,) losses per token on all rows."""
        return self.sums.sum(axis=1) / self.lengths.sum()

    def of(self, configurations: np.ndarray) -> Losses:
        """Some of the configurations."""
        return Losses(self.sums[configurations], self.lengths)


def row_losses(model, tokens: Tokens) -> list[float]:
    return [
        evaluate(model, tokens, rows=[row]).nll * int(length) for row, length in enumerate(tokens.completion_lengths)
    ]


def train(configuration: Configuration, data: TokenizedSplits, folder: Path) -> Mapping[str, list[float]]:
    """Row losses of the best checkpoint of a run, on both splits; read back if they are there."""
    file = folder / "losses.json"
    if file.is_file():
        return json.loads(file.read_text())
    report = finetune(Trial(0, configuration, SLICES), data, MODEL, folder, test=False)
    if report.status is not Status.OK:
        raise RuntimeError(f"{folder}: {report.message}")
    model = load_finetuned(folder / "best", MODEL)
    losses = {split: row_losses(model, getattr(data, split)) for split in ("validation", "test")}
    file.write_text(json.dumps(losses))
    return losses


def trained(tasks: Path, out: Path) -> Iterator[tuple[str, Losses, Losses]]:
    """Dataset by dataset, what all configurations lose on the validation and the test rows."""
    model, tokenizer = load_model(MODEL), load_tokenizer(MODEL)
    end, space = find_ending(model, tokenizer).token, load_space("peft", hidden_size=shape_of(model).width)
    drawn = [space.default(), *space.sample(5 * CONFIGURATIONS, np.random.default_rng(0))]
    pool = [one for one in drawn if one.values["epochs"] <= MOST_EPOCHS][:CONFIGURATIONS]
    for name in DATASETS:
        source = TaskSource.parse(str(tasks / name))
        splits = load_splits(source.path, seed=0, train_rows=source.rows)
        data = tokenize(splits, tokenizer, 256, end_token_id=end)
        runs = [train(one, data, out / "runs" / name / one.key) for one in pool]
        yield (
            name,
            *(
                Losses(np.array([run[split] for run in runs]), getattr(data, split).completion_lengths.astype(float))
                for split in ("validation", "test")
            ),
        )


def samples(rows: int, size: int, rng: np.random.Generator, *, again: bool) -> np.ndarray:
    """Numbers of rows, (DRAWS, size): each once, or, as from a population of such rows, again and again."""
    if again:
        return rng.integers(rows, size=(DRAWS, size))
    return rng.permuted(np.tile(np.arange(rows), (DRAWS, 1)), axis=1)[:, :size]


def error_rows(validation: Losses, rng: np.random.Generator) -> Iterator[tuple[int, list[float]]]:
    """For each number of rows, relative to the loss: estimated error, spread, spread of differences if rows were not
    shared and as they are, between the best configurations."""
    best = validation.of(np.argsort(validation.whole)[:BEST])
    level = best.whole[:, None]
    pairs = np.array(list(combinations(range(BEST), 2)))
    for size in ROWS:
        rows = samples(len(best.lengths), size, rng, again=True)
        means = best.means(rows)
        estimated = np.array([[standard_error(one[k], best.lengths[k]) for k in rows[:200]] for one in best.sums])
        spread = means.std(axis=1)
        apart = np.hypot(spread[pairs[:, 0]], spread[pairs[:, 1]])
        together = (means[pairs[:, 0]] - means[pairs[:, 1]]).std(axis=1)
        pair_level = level[pairs].mean(axis=(1, 2))
        yield (
            size,
            [
                float(x.mean())
                for x in (estimated / level, spread / level[:, 0], apart / pair_level, together / pair_level)
            ],
        )


def choice_rows(validation: Losses, test: Losses, rng: np.random.Generator) -> Iterator[tuple[int, list[float]]]:
    """For each number of rows: how often another run is chosen, and what is lost by it in validation loss (1 is the
    distance from the best to the median run), and in validation and test loss relative to those of the choice by all
    rows."""
    whole, by_test = validation.whole, test.whole
    best, unit = int(np.argmin(whole)), float(np.median(whole) - whole.min())
    for size in ROWS:
        chosen = validation.means(samples(len(validation.lengths), size, rng, again=False)).argmin(axis=0)
        yield (
            size,
            [
                float((chosen != best).mean()),
                float((whole[chosen] - whole[best]).mean()) / unit,
                float((whole[chosen] / whole[best]).mean() - 1),
                float((by_test[chosen] / by_test[best]).mean() - 1),
            ],
        )


def with_errors(recorded: RecordedTask, error: float, rng: np.random.Generator) -> RecordedTask:
    """The task as a search sees it that scores on few rows; test scores are the validation scores without errors."""
    recordings = {
        key: replace(
            one,
            curve=LearningCurve(one.curve.scores * max(1 + error * rng.standard_normal(), 0.1), one.curve.seconds),
            test=one.curve.scores,
        )
        for key, one in recorded.recordings.items()
    }
    return replace(recorded, recordings=recordings, zero_shot_test=recorded.zero_shot)


def search_regrets(contest: Contest, error: float, draws: int) -> np.ndarray:
    """(M, budgets): regret of the checkpoint that a search ends with, by the scores without errors."""
    (method,) = contest.methods
    found: list[list[float]] = []
    for number, (task, recorded) in enumerate(contest.recorded.items()):
        scale = scale_of(recorded, contest.settings[task].default)
        regrets: list[list[float]] = []
        for draw in range(draws if error else 1):
            seen = with_errors(recorded, error, np.random.default_rng([number, draw]))
            ends = [
                simulate(method.make(contest.settings[task], 0), seen, budget.seconds(recorded))[-1].test
                for budget in contest.terms.budgets
            ]
            regrets.append([regret(end, scale) for end in ends])
        found.append(np.mean(regrets, axis=0).tolist())
    return np.array(found)


def print_table(title: str, head: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    print(f"\n{title}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for line in lines:
        print(f"| {' | '.join(line)} |", flush=True)


def print_runs(runs: Sequence[tuple[str, Losses, Losses]]) -> dict[int, float]:
    """The first two tables; returns the relative error of a run beside its rivals by number of rows."""
    rng = np.random.default_rng(0)
    errors = {name: dict(error_rows(validation, rng)) for name, validation, _ in runs}
    choices = {name: dict(choice_rows(validation, test, rng)) for name, validation, test in runs}
    for title, head, found in (
        ("Errors of a validation loss, relative to it", ("estimated", "true", "difference apart", "paired"), errors),
        (
            "Choosing among the runs by some rows",
            ("other choice", "regret", "validation loss", "test loss"),
            choices,
        ),
    ):
        means = {size: np.mean([by[size] for by in found.values()], axis=0) for size in ROWS}
        shown = [("all", size, means[size]) for size in ROWS]
        shown += [(name, size, by[size]) for name, by in found.items() for size in ROWS]
        lines = [(name, str(size), *(f"{value:.4f}" for value in values)) for name, size, values in shown]
        print_table(title, ("dataset", "rows", *head), lines)
    # Two runs share the error of their difference.
    return {size: float(np.mean([by[size][3] for by in errors.values()])) / 2**0.5 for size in ROWS}


def print_searches(contest: Contest, errors: Mapping[int, float], draws: int) -> None:
    lines: list[Sequence[str]] = []
    exact = search_regrets(contest, 0.0, 1)
    for rows, error in {0: 0.0, **dict(reversed(errors.items()))}.items():
        regrets = search_regrets(contest, error, draws) if error else exact
        cells = [interval(column) for column in (regrets - exact).T]
        shown = [
            f"{mean:.3f} (+{one.mean:.3f} [{one.low:.3f}, {one.high:.3f}])" if error else f"{mean:.3f}"
            for mean, one in zip(regrets.mean(axis=0), cells, strict=True)
        ]
        lines.append((str(rows or "exact"), f"{error:.4f}", *shown))
    title = f"Regret of {METHOD} on {len(contest.recorded)} tasks, a family left out, that sees scores with errors"
    print_table(title, ("rows", "relative error", *map(str, contest.terms.budgets)), lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--every", type=int, default=3, help="replay every so many tasks of the table")
    parser.add_argument("--draws", type=int, default=3, help="of the errors, for each search")
    arguments = parser.parse_args()
    errors = print_runs(list(trained(arguments.tasks, arguments.out)))
    meta = read_meta_dataset(TABLE)
    terms = Terms("family", parse_amounts(BUDGETS), charge_overhead=False)
    contest = prepare(meta, meta, terms, None, arguments.out, [METHOD])
    kept = dict(list(contest.recorded.items())[:: arguments.every])
    print_searches(replace(contest, recorded=kept), errors, arguments.draws)


if __name__ == "__main__":
    main()
