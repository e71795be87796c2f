"""Live searches on a real LLM: the default search against rules, a probe of the learning rate, and random search.

Run: python benchmarks/live_real_llm.py TASKS --model FOLDER --out FOLDER [--device cpu] [--workers 2]
         [--seeds 2] [--runs 2 4]

For each dataset of DATASETS, none of which is in `smollm2-v1`, and each seed:

1. The default configuration and `rule:unsloth` are trained once, to their end.
2. `transfer-in-context`, `lr-probe` and `random` search for as long as 2 and as 4 runs of the default took, besides
   loading, the zero-shot evaluation and the time that scoring at the end is expected to take.

What a search returns may be an average of its best runs, which a single run cannot be; the loss of its best run is in
the lines, too. Each search is a process with one thread, as many of them at a time as there are workers. On a CPU its
clock is the processor's, so that whatever else runs on the machine takes nothing from its budget; with `--device cuda`
it is the wall clock, and the workers share the GPU (NVIDIA's MPS started). A finished search is a line of
FOLDER/searches.jsonl, and the command goes on from there. Printed is the test loss of each, and the relative difference
of searches from the single runs, from random search, and from the best run of the same search, with a 95 % interval
over datasets. On two free cores about seven hours, on an H200 with 16 workers five minutes; the searches made there:

    python benchmarks/live_real_llm.py TASKS --model FOLDER --out benchmarks/results/live-smollm2 --show
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
WRITING_SECONDS = 5.0

Line = Mapping[str, Any]
Key = tuple[str, str, int, int]


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
    def key(self) -> Key:
        return self.dataset, self.method, self.runs, self.seed


def search(case: Case, tasks: Path, model: str, device: str, folder: Path) -> Line:
    """Make a search in a folder of its own, and say what came of it."""
    import torch

    import foretune

    torch.set_num_threads(1)
    if device == "cpu":
        time.perf_counter = time.monotonic = time.process_time
    name, _, rows = case.dataset.partition("@")
    output = folder / "-".join(str(part).replace(":", "-") for part in case.key)
    shutil.rmtree(output, ignore_errors=True)
    options = {"train_rows": int(rows), "seed": case.seed, "model": model, "device": device, "max_length": 256}
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


def cases(done: Mapping[Key, Line], seeds: int, runs: Sequence[int]) -> Iterator[Case]:
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


def read(path: Path) -> dict[Key, Line]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    found = [json.loads(line) for line in lines]
    return {(one["dataset"], one["method"], one["runs"], one["seed"]): one for one in found}


def show(done: Mapping[Key, Line]) -> None:
    """Mean test losses over seeds; and relative to others, seed by seed, over datasets."""
    kinds = [(method, 0) for method in ONCE]
    kinds += sorted({(method, runs) for _, method, runs, _ in done if runs}, key=lambda kind: kind[::-1])
    print(f"{'test loss':<28}" + "".join(f"{name:>21}" for name in DATASETS) + f"{'searches':>10}")
    for method, runs in kinds:
        found = [values(done, name, method, runs) for name in DATASETS]
        means = "".join(f"{np.mean([*one.values()]) if one else math.nan:>21.4f}" for one in found)
        print(f"{called(method, runs):<28}{means}{sum(map(len, found)):>10}")
    heads = (*(f"against {name}" for name in ONCE[::-1]), "against random", "against its best run")
    print(f"\n{'mean difference':<28}" + "".join(f"{head:>26}" for head in heads))
    for method, runs in kinds[len(ONCE) :]:
        others = [(name, 0, "test_loss") for name in ONCE[::-1]]
        others += [("random", runs, "test_loss"), (method, runs, "single_test_loss")]
        print(f"{called(method, runs):<28}" + "".join(f"{against(done, method, runs, one):>26}" for one in others))


def called(method: str, runs: int) -> str:
    return f"{method}, {runs} runs" if runs else method


def values(done: Mapping[Key, Line], dataset: str, method: str, runs: int, of: str = "test_loss") -> dict[int, float]:
    """Seed to the loss of a search."""
    return {key[3]: line[of] for key, line in done.items() if key[:3] == (dataset, method, runs)}


def against(done: Mapping[Key, Line], method: str, runs: int, other: tuple[str, int, str]) -> str:
    """The mean difference from another search's loss, relative to it, with its interval over datasets."""
    means: list[float] = []
    for name in DATASETS:
        mine, its = values(done, name, method, runs), values(done, name, *other)
        means.append(float(np.mean([mine[seed] / its[seed] - 1 for seed in mine.keys() & its.keys()])))
    found = interval(np.array(means))
    return f"{found.mean:+.1%} [{found.low:+.1%}, {found.high:+.1%}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", type=Path)
    parser.add_argument("--model", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--runs", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--show", action="store_true", help="print what there is, and search nothing")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    path = given.out / "searches.jsonl"
    done = read(path)
    context = multiprocessing.get_context("spawn")
    while not given.show and (left := list(cases(done, given.seeds, given.runs))):
        with ProcessPoolExecutor(given.workers, context) as pool:
            futures = [pool.submit(search, one, given.tasks, given.model, given.device, given.out) for one in left]
            for future in as_completed(futures):
                with path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(future.result()) + "\n")
        done = read(path)
    show(done)


if __name__ == "__main__":
    main()
