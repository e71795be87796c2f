"""What one more run's worth of seconds gives the adapter that a search returns: five ways to spend it, side by side.

Run: python benchmarks/levers.py TASKS --out FOLDER [--model foretune-tiny] [--rows 200] [--runs 2] [--tasks T ...]

TASKS is the folder of the datasets. A search of so many runs of the default configuration, counted as predicted, is
made once a dataset, without going on; its surrogates have seen no dataset of the family. Then the predicted seconds of
one more run of the default are spent in each way, always from the same state:

- new: the search goes on, and tries what it would have tried;
- seed: the best configuration again with other seeds, as far as it was best;
- neighbor: the same at 0.6 and 1.6 times the learning rate;
- on: the best checkpoint is trained on, at a third of the learning rate, for as many epochs as the seconds carry;
- on-full: the same at the whole learning rate.

All end as `foretune tune` does: what there was and what came in are averaged greedily, as validation says. Printed is
the test loss of what is returned relative to that without the extra seconds, with a 95 % interval over datasets. A
finished dataset is a line of FOLDER/levers.jsonl, and the command goes on from there. Of twelve datasets of
SmolLM2-135M-Instruct, side by side on an H200, eight ended within four minutes. The lines of the documentation
(docs/decisions/search.md), printed again:

    python benchmarks/levers.py TASKS --out benchmarks/results/levers-MODEL --show
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from averages import default_seconds, interval, surrogates_of
from going_on import without
from rich.console import Console

from foretune.execution.finetuned import load_finetuned
from foretune.finetuning.average import sum_adapters
from foretune.finetuning.evaluate import Scores, evaluate
from foretune.finetuning.optim import SLICES
from foretune.finetuning.train import finetune
from foretune.session.averaging import KEPT, Parts, choose, folder_of, to_average
from foretune.session.ground import base_model_held
from foretune.session.options import TuneOptions
from foretune.session.search import Found, search
from foretune.tuner import Budget, Incumbent
from foretune.types import CONTINUES, VALIDATION_NLL, Configuration, Trial

DATASETS = (
    *("hwu64", "snips_slots", "paper_topic", "snips_intent", "trivia_category", "mawps_equation"),
    *("clinc150", "trivia_open", "sql_to_question", "ner_ncbi_disease", "chemprot_relation", "e2e_text_to_data"),
)
LEVERS = ("new", "seed", "neighbor", "on", "on-full")
NEIGHBORS = (0.6, 1.6)
MOST_RUNS = 3

Line = Mapping[str, Any]


@dataclass(frozen=True)
class Checkpoint:
    """An adapter on disk, and its validation loss."""

    folder: Path
    loss: float


@dataclass(frozen=True)
class State:
    """A search that has ended, and what it left."""

    found: Found
    seconds: float
    folder: Path

    @property
    def best(self) -> Incumbent:
        """The best checkpoint of the search that can be averaged."""
        return to_average(self.found.result.history)[0]

    @property
    def checkpoints(self) -> list[Checkpoint]:
        return [
            Checkpoint(folder_of(self.found, one), VALIDATION_NLL.score(one.score))
            for one in to_average(self.found.result.history)
        ]

    def predicted(self, configuration: Configuration) -> np.ndarray:
        """(SLICES,) seconds until each slice's end."""
        surrogates, fidelities = self.found.setup.surrogates, np.arange(1, SLICES + 1)
        assert surrogates is not None
        return surrogates.cost.predict(self.found.setup.task, [configuration] * SLICES, fidelities).cumsum()

    def score(self, folder: Path, split: str = "validation") -> Scores:
        model = load_finetuned(folder, self.found.options.model, device=self.found.options.device, shared=True)
        return evaluate(model, getattr(self.found.setup.data, split))

    def train(self, name: str, configuration: Configuration, fidelity: int, seed: int) -> Checkpoint:
        """The best checkpoint of a further run."""
        folder, data, options = self.folder / name, self.found.setup.data, self.found.options
        trial = Trial(0, configuration, fidelity)
        report = finetune(trial, data, options.model, folder, seed=seed, device=options.device, test=False)
        return Checkpoint(folder / "best", VALIDATION_NLL.score(float(report.curve.scores.max(initial=-np.inf))))


def new(state: State) -> list[Checkpoint]:
    found, output = state.found, state.folder / "new"
    shutil.copytree(found.output, output)
    budget = Budget(found.budget.seconds if np.isfinite(found.budget.seconds) else 0)
    more = Budget(budget.seconds + state.seconds)
    console = Console(file=(state.folder / "log.txt").open("a", encoding="utf-8"), width=160)
    went_on = search(found.options, more, output, console, resume=True, as_predicted=True, make=without)
    return replace(state, found=went_on).checkpoints


def again(state: State, name: str, rates: Sequence[float]) -> list[Checkpoint]:
    """The best configuration with other seeds, at its learning rate times each of `rates` in turn."""
    best = state.best
    until = state.predicted(best.configuration)
    fidelity = min(best.fidelity, max(1, int((until <= state.seconds).sum())))
    count = min(MOST_RUNS, max(1, int(state.seconds / until[fidelity - 1])))
    return [
        state.train(f"{name}-{at}", with_rate(best.configuration, rates[at % len(rates)]), fidelity, at + 1)
        for at in range(count)
    ]


def with_rate(configuration: Configuration, factor: float) -> Configuration:
    return Configuration(
        {**configuration.values, "learning_rate": float(configuration.values["learning_rate"]) * factor}
    )


def on(state: State, name: str, rate: float) -> list[Checkpoint]:
    best = state.best
    whole = state.predicted(best.configuration)[-1]
    epochs = max(1, round(int(best.configuration.values["epochs"]) * state.seconds / whole))
    slower = with_rate(best.configuration, rate)
    longer = Configuration({**slower.values, "epochs": epochs, CONTINUES: best.configuration.key})
    beside = state.folder / best.configuration.key
    if not beside.exists():
        shutil.copytree(folder_of(state.found, best), beside / "best")
    return [state.train(name, longer, SLICES, 1)]


WAYS: Mapping[str, Callable[[State], list[Checkpoint]]] = {
    "new": new,
    "seed": lambda state: again(state, "seed", (1.0,)),
    "neighbor": lambda state: again(state, "neighbor", NEIGHBORS),
    "on": lambda state: on(state, "on", 1 / 3),
    "on-full": lambda state: on(state, "on-full", 1.0),
}


def returned(state: State, checkpoints: Sequence[Checkpoint]) -> dict[str, float]:
    """Losses of what is returned, and of the best single checkpoint."""
    known = sorted({one.folder: one for one in checkpoints}.values(), key=lambda one: one.loss)[:KEPT]
    target = state.folder / "sum"
    target.mkdir(exist_ok=True)

    def written(parts: Parts) -> Path:
        sum_adapters(
            [cast("Checkpoint", one.checkpoint).folder for one in parts], [one.weight for one in parts], target
        )
        return target

    parts = choose(
        cast("list[Incumbent]", known), known[0].loss, lambda parts: state.score(written(parts)).nll, 3 * (KEPT - 1)
    )
    single = state.score(known[0].folder, "test")
    test = state.score(written(parts), "test") if parts else single
    return {
        "single": single.nll,
        "single_exact": single.exact_match,
        "test": test.nll,
        "exact": test.exact_match,
        "members": len(parts) or 1,
    }


@base_model_held()
def measure(data: Path, given: argparse.Namespace) -> Line:
    folder, surrogates = given.out / data.name, surrogates_of(given.out, given.model)[data.name]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    console = Console(file=(folder / "log.txt").open("a", encoding="utf-8"), width=160)
    options = TuneOptions.of(data, given.model, train_rows=given.rows, device=given.device, surrogates=surrogates)
    seconds = default_seconds(options)
    found = search(options, Budget(given.runs * seconds), folder / "search", console, as_predicted=True, make=without)
    state = State(replace(found, budget=Budget(given.runs * seconds)), seconds, folder)
    before = state.checkpoints
    line: dict[str, Any] = {
        "task": data.name,
        "best": dict(state.best.configuration.values),
        "nothing": returned(state, before),
    }
    for name in LEVERS:
        came_in = WAYS[name](state)
        line[name] = returned(state, [*before, *came_in]) | {"losses": [one.loss for one in came_in]}
    shutil.rmtree(folder)
    return line


def changes(label: str, ratios: Sequence[float], points: Sequence[float]) -> str:
    """A line on relative test losses and points of exact match, one of each a dataset."""
    loss, exact = interval(np.array(ratios)), interval(np.array(points))
    return (
        f"{label:<22}test loss {loss.mean:+.1%} [{loss.low:+.1%}, {loss.high:+.1%}]; "
        f"exact match {exact.mean:+.2f} points [{exact.low:+.2f}, {exact.high:+.2f}]"
    )


def show(lines: Sequence[Line]) -> None:
    """Relative to what is returned without the extra seconds."""
    print(f"{'task':<22}{'nothing':>9}" + "".join(f"{name:>10}" for name in LEVERS))
    for line in lines:
        ratios = [line[name]["test"] / line["nothing"]["test"] - 1 for name in LEVERS]
        print(f"{line['task']:<22}{line['nothing']['test']:>9.4f}" + "".join(f"{one:>+10.1%}" for one in ratios))
    print()
    for name in LEVERS:
        for loss, exact, label in (("test", "exact", "returned"), ("single", "single_exact", "best single")):
            ratios = [line[name][loss] / line["nothing"][loss] - 1 for line in lines]
            points = [100 * (line[name][exact] - line["nothing"][exact]) for line in lines]
            print(changes(f"{name:<10}{label}", ratios, points))


def arguments(described: str | None, rows: int) -> argparse.ArgumentParser:
    """What a benchmark over datasets takes."""
    parser = argparse.ArgumentParser(description=described, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="foretune-tiny")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rows", type=int, default=rows)
    parser.add_argument("--tasks", nargs="+", choices=DATASETS, default=DATASETS)
    parser.add_argument("--show", action="store_true", help="print what there is, and train nothing")
    return parser


def measured(file: str, given: argparse.Namespace, measure: Callable[[Path], Line]) -> list[Line]:
    """A line for each dataset; those that are not in FOLDER/FILE yet are made and added."""
    torch.set_num_threads(1)
    given.out.mkdir(parents=True, exist_ok=True)
    path = given.out / file
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []
    done = {line["task"] for line in lines}
    for name in () if given.show else given.tasks:
        if name not in done:
            lines.append(measure(given.data / name))
            with path.open("a", encoding="utf-8") as appended:
                appended.write(json.dumps(lines[-1]) + "\n")
    return lines


def main() -> None:
    parser = arguments(__doc__, rows=200)
    parser.add_argument("--runs", type=int, default=2)
    given = parser.parse_args()
    show(measured("levers.jsonl", given, lambda data: measure(data, given)))


if __name__ == "__main__":
    main()
