"""Live searches on a real LLM: the default search against rules, a probe of the learning rate, and random search.

Run: python benchmarks/live_real_llm.py TASKS --model FOLDER --out FOLDER [--workers 2] [--seeds 2] [--runs 2 4]

For each dataset of DATASETS, none of which is in `smollm2-v1`, and each seed:

1. The default configuration and `rule:unsloth` are trained once, to their end.
2. `transfer-in-context`, `lr-probe` and `random` search for as long as 2 and as 4 runs of the default took, besides
   loading, the zero-shot evaluation and the time that scoring at the end is expected to take.

What a search returns may be an average of its best runs, which a single run cannot be; the loss of its best run is in
the lines, too. Each search is a process with one thread, two of them at a time. Its clock is the processor's, so that
whatever else runs on the machine takes nothing from its budget. A finished one is a line of FOLDER/searches.jsonl, and
the command goes on from there; the first seed comes first. Printed is the test loss of each, and its relative
difference from `rule:unsloth`, with a 95 % interval over datasets. On two free cores about seven hours.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from foretune.benchmark.regret import interval

DATASETS = ("clinc150@100", "ner_ncbi_disease@60", "mawps_equation@60", "sql_to_question@60")
ONCE, SEARCHES = ("default", "rule:unsloth"), ("transfer-in-context", "lr-probe", "random")
BASELINE = "rule:unsloth"
WRITING_SECONDS = 5.0

Line = Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """A search that is to be made.

    Attributes:
        dataset: as `NAME@ROWS`.
        method: optimizer.
        runs: of the default that its time is counted in; 0 for a single run that is trained to its end.
        seed: of everything random.
        seconds: of the budget.
    """

    dataset: str
    method: str
    runs: int
    seed: int
    seconds: float = math.inf

    @property
    def key(self) -> tuple[str, str, int, int]:
        return self.dataset, self.method, self.runs, self.seed


def search(case: Case, tasks: Path, model: str, folder: Path) -> Line:
    """Make a search in a folder of its own, and say what came of it."""
    import torch

    import foretune

    torch.set_num_threads(1)
    time.perf_counter = time.monotonic = time.process_time
    name, _, rows = case.dataset.partition("@")
    output = folder / "-".join(str(part).replace(":", "-") for part in case.key)
    shutil.rmtree(output, ignore_errors=True)
    options = {"train_rows": int(rows), "seed": case.seed, "model": model, "device": "cpu", "max_length": 256}
    budget = case.seconds if math.isfinite(case.seconds) else "24h"
    run = foretune.tune(tasks / name, output, budget=budget, optimizer=case.method, default_comparison=False, **options)
    single = run.scores["best"]
    header = json.loads((output / "journal.jsonl").read_text(encoding="utf-8").split("\n", 1)[0])
    best, trials = run.report.returned, run.report.trials
    trained = sum(sum(one.seconds) for one in trials)
    shutil.rmtree(output)
    return {
        **dict(zip(("dataset", "method", "runs", "seed"), case.key, strict=True)),
        "test_loss": best.test.nll,
        "exact_match": best.test.exact_match,
        "validation_loss": best.validation.nll,
        "single_test_loss": single.test.nll,
        "configuration": dict(single.configuration),
        "trials": len(trials),
        "trained_seconds": trained,
        "other_seconds": run.report.spent_seconds - trained + header["closing_seconds"] + WRITING_SECONDS,
    }


def cases(done: Mapping[tuple[str, str, int, int], Line], seeds: int, runs: Sequence[int]) -> Iterator[Case]:
    """The searches whose budgets are known and that are not made yet."""
    for seed in range(seeds):
        for dataset in DATASETS:
            once = [Case(dataset, method, 0, seed) for method in ONCE]
            yield from (one for one in once if one.key not in done)
            default = done.get((dataset, "default", 0, seed))
            if default is None:
                continue
            for count in runs:
                seconds = default["other_seconds"] + count * default["trained_seconds"]
                asked = [Case(dataset, method, count, seed, seconds) for method in SEARCHES]
                yield from (one for one in asked if one.key not in done)


def _of_one_seed(left: Iterator[Case]) -> list[Case]:
    found = list(left)
    return [one for one in found if one.seed == found[0].seed]


def read(path: Path) -> dict[tuple[str, str, int, int], Line]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    found = [json.loads(line) for line in lines]
    return {(one["dataset"], one["method"], one["runs"], one["seed"]): one for one in found}


def show(done: Mapping[tuple[str, str, int, int], Line]) -> None:
    """Mean test losses over seeds, and relative differences from the baseline over datasets."""
    kinds = [(method, 0) for method in ONCE] + sorted(
        {(key[1], key[2]) for key in done if key[2]}, key=lambda k: k[::-1]
    )
    columns = [name for name in DATASETS if any(key[0] == name for key in done)]
    print(f"{'test loss':<32}" + "".join(f"{name:>22}" for name in columns) + "   relative to " + BASELINE)
    seeds = {key[3] for key in done}

    def mean(dataset: str, method: str, runs: int) -> float:
        found = [done[key]["test_loss"] for seed in seeds if (key := (dataset, method, runs, seed)) in done]
        return float(np.mean(found)) if found else math.nan

    for method, runs in kinds:
        losses = np.array([mean(name, method, runs) for name in columns])
        relative = interval(losses / np.array([mean(name, BASELINE, 0) for name in columns]) - 1)
        label = f"{method}, {runs} runs" if runs else method
        said = f"{relative.mean:+.1%} [{relative.low:+.1%}, {relative.high:+.1%}]"
        print(f"{label:<32}" + "".join(f"{loss:>22.4f}" for loss in losses) + f"   {said}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", type=Path)
    parser.add_argument("--model", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--runs", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--show", action="store_true", help="print what there is, and search nothing")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    path = given.out / "searches.jsonl"
    done = read(path)
    context = multiprocessing.get_context("spawn")
    while not given.show and (left := _of_one_seed(cases(done, given.seeds, given.runs))):
        with ProcessPoolExecutor(given.workers, context, max_tasks_per_child=1) as pool:
            futures = [pool.submit(search, one, given.tasks, given.model, given.out) for one in left]
            for future in as_completed(futures):
                with path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(future.result()) + "\n")
        done = read(path)
    show(done)


if __name__ == "__main__":
    main()
