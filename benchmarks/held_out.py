"""Transfer against the default and random search at equal seconds, in real searches on tasks left out of the fit.

Run: python benchmarks/held_out.py META --data TASKS --out FOLDER [--tasks T ...] [--runs 6] [--seeds 5]
     [--workers 2] [--replay] [--optimizer transfer]

META is a meta-dataset, TASKS the folder its datasets lie in (`name@rows:model` is TASKS/name with so many training
rows). The surrogates are fitted without the whole families of the four tasks. Then every method gets, on every task and
with every seed, a search with the seconds of so many mean full runs of that task, loading included; every search starts
with the default. Reported is the test loss of the checkpoint that validation chose. Finished searches are lines of
FOLDER/results.jsonl and are not repeated. With --replay recorded curves take the place of training, the recorded runs
are the candidates, and TASKS is not needed. Searches run in processes of one thread, --workers at a time: as many as
META was collected with, for the budgets are in its seconds.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib import import_module
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from foretune.benchmark.replay import RecordedTask, point_at, recorded_task, simulate
from foretune.errors import ForetuneError
from foretune.metadata import MetaDataset, read_meta_dataset
from foretune.optimizer import OPTIMIZERS, make_optimizer
from foretune.session.closing import close
from foretune.session.options import TuneOptions
from foretune.session.search import search
from foretune.surrogate import load_surrogates, save_surrogates
from foretune.surrogate.fit import fit
from foretune.tuner import Budget
from foretune.types import Configuration

BASELINES = ("default", "random")
Result = Mapping[str, Any]


def choose_tasks(table: MetaDataset, count: int) -> list[str]:
    """One task of each of `count` families, the same ones every time, whatever their results."""
    rng = np.random.default_rng(0)
    families = rng.choice(sorted(set(table.families.values())), size=count, replace=False)
    members = [[task for task in table.task_ids if table.families[task] == family] for family in families]
    return [str(rng.choice(tasks)) for tasks in members]


def fitted(table: MetaDataset, tasks: Sequence[str], optimizer: str, folder: Path) -> Path:
    """Surrogates of the optimizer's kind that have seen no task of these families; fitted once."""
    families = sorted({table.families[task] for task in tasks})
    card = folder / "left_out.json"
    if not card.is_file():
        save_surrogates(folder, fit([table], seed=0, exclude_families=families, kind=OPTIMIZERS[optimizer].kind))
        card.write_text(json.dumps(families), encoding="utf-8")
    if json.loads(card.read_text(encoding="utf-8")) != families:
        raise SystemExit(f"{folder} leaves out other families; give another --out")
    return folder


def read_results(path: Path) -> list[Result]:
    """Complete lines; what a kill left half-written is cut off."""
    lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.is_file() else []
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return [json.loads(line) for line in lines]


def replayed(
    recorded: RecordedTask, default: Configuration, method: str, seed: int, seconds: float, surrogates: Path
) -> dict[str, Any]:
    candidates = recorded.candidates
    optimizer = make_optimizer(method, recorded.task, candidates, default, load_surrogates(surrogates), seed=seed)
    end = point_at(simulate(optimizer, recorded, seconds), seconds)
    return {"test_nll": -end.test, "validation_nll": -end.score, "spent_seconds": end.seconds}


def searched(
    arguments: argparse.Namespace,
    max_length: int | None,
    surrogates: Path,
    task: str,
    method: str,
    seed: int,
    seconds: float,
) -> dict[str, Any]:
    name, _, rows = task.rpartition(":")[0].partition("@")
    settings = TuneOptions.of(
        data=str(arguments.data / name),
        model=task.rpartition(":")[2],
        seed=seed,
        max_length=max_length,
        optimizer=method,
        surrogates=str(surrogates),
        train_rows=int(rows) if rows else None,
        average=False,  # what is compared is the choice of runs
    )
    output = arguments.out / "searches" / f"{task}-{method}-{seed}"
    shutil.rmtree(output, ignore_errors=True)
    console = Console(file=(arguments.out / "log.txt").open("a", encoding="utf-8"), width=160)
    try:
        found = search(settings, Budget(seconds), output, console)
        report = close(found, console, compare_default=False)
    except ForetuneError as error:  # for instance: no slice fits into the budget; then the base model is what one has
        print(f"{task}, {method}, seed {seed}: {error}", flush=True)
        return {"test_nll": None, "validation_nll": None, "spent_seconds": seconds}
    finally:
        console.file.close()
        shutil.rmtree(output / "trials", ignore_errors=True)
    best = report.scores[-1]
    return {
        "test_nll": best.test.nll,
        "test_exact_match": best.test.exact_match,
        "validation_nll": best.validation.nll,
        "spent_seconds": report.spent_seconds,
        "trials": len(report.trials),
        "best": dict(best.configuration),
    }


def import_all() -> None:
    """Begin a process with the imports that the first search would have to pay for."""
    for module in ("foretune.finetuning.train", "foretune.execution.finetuned"):
        import_module(module)


def zero_shot(table: MetaDataset, task: str) -> float:
    return -recorded_task(table, task).zero_shot_test


def summary(results: Sequence[Result], tasks: Sequence[str], table: MetaDataset, optimizer: str) -> Table:
    """Mean test loss (and deviation over seeds) of each method on each task, and over all tasks."""
    methods = (*BASELINES, optimizer)
    shown = Table("task", "budget, s", "zero-shot", *methods, title="Test loss, nats per token")
    means: dict[str, list[float]] = {method: [] for method in methods}
    for task in tasks:
        cells: list[str] = []
        base = zero_shot(table, task)
        for method in methods:
            losses = [base if one["test_nll"] is None else one["test_nll"] for one in results_of(results, task, method)]
            means[method].append(fmean(losses))
            cells.append(f"{fmean(losses):.4f} ± {stdev(losses) if len(losses) > 1 else 0.0:.4f}")
        seconds = results_of(results, task, methods[0])[0]["budget_seconds"]
        shown.add_row(task, f"{seconds:.0f}", f"{base:.4f}", *cells)
    base = fmean(zero_shot(table, task) for task in tasks)
    shown.add_row("mean", "", f"{base:.4f}", *(f"{fmean(means[method]):.4f}" for method in methods), style="bold")
    return shown


def results_of(results: Sequence[Result], task: str, method: str) -> list[Result]:
    return [one for one in results if one["task"] == task and one["method"] == method]


def paired(results: Sequence[Result], tasks: Sequence[str], optimizer: str, other: str) -> str:
    """How often the optimizer's test loss is lower than another method's, and the difference, the mean over tasks.

    Seeds of one task are no independent evidence, so the standard error is that of the tasks' means.
    """
    loss = {(one["task"], one["method"], one["seed"]): one["test_nll"] for one in results}
    seeds = sorted({one["seed"] for one in results})
    pairs = {task: [(loss[task, optimizer, seed], loss[task, other, seed]) for seed in seeds] for task in tasks}
    differences = {
        task: [ours - theirs for ours, theirs in both if ours is not None and theirs is not None]
        for task, both in pairs.items()
    }
    means = [fmean(values) for values in differences.values() if values]
    every = [value for values in differences.values() for value in values]
    error = stdev(means) / len(means) ** 0.5 if len(means) > 1 else 0.0
    return (
        f"{optimizer} - {other}: {fmean(means):+.4f} (standard error over {len(means)} tasks {error:.4f}), lower in "
        f"{sum(mean < 0 for mean in means)} of {len(means)} tasks and {sum(one < 0 for one in every)} of "
        f"{len(every)} searches"
    )


def jobs(arguments: argparse.Namespace, table: MetaDataset, tasks: Sequence[str]) -> list[tuple[str, str, int, float]]:
    """Task, method, seed and seconds of every search."""
    seconds = {task: arguments.runs * recorded_task(table, task).mean_run_seconds for task in tasks}
    methods = (*BASELINES, arguments.optimizer)
    return [
        (task, method, seed, seconds[task]) for seed in range(arguments.seeds) for task in tasks for method in methods
    ]


def run_all(
    arguments: argparse.Namespace, table: MetaDataset, left: Sequence[tuple[str, str, int, float]], surrogates: Path
) -> Iterator[tuple[tuple[str, str, int, float], dict[str, Any]]]:
    """Every search with its figures, as they end."""
    if arguments.replay:
        for task, method, seed, seconds in left:
            recorded = recorded_task(table, task)
            default = table.default(task) or recorded.candidates[0]
            yield (task, method, seed, seconds), replayed(recorded, default, method, seed, seconds, surrogates)
        return
    os.environ["OMP_NUM_THREADS"] = "1"
    fresh, max_length = multiprocessing.get_context("spawn"), table.provenance.get("max_length")
    with ProcessPoolExecutor(arguments.workers, mp_context=fresh, initializer=import_all) as pool:
        futures = {pool.submit(searched, arguments, max_length, surrogates, *job): job for job in left}
        for future in as_completed(futures):
            yield futures[future], future.result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("meta", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/tasks"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tasks", nargs="*", help="by default one of each of four families drawn at random")
    parser.add_argument("--runs", type=float, default=6.0, help="mean full runs that a budget is worth")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--replay", action="store_true")
    parser.add_argument(
        "--optimizer", choices=[name for name, one in OPTIMIZERS.items() if one.kind], default="transfer-in-context"
    )
    arguments = parser.parse_args()
    table = read_meta_dataset(arguments.meta)
    tasks = arguments.tasks or choose_tasks(table, 4)
    arguments.out.mkdir(parents=True, exist_ok=True)
    surrogates = fitted(
        table, tasks, arguments.optimizer, arguments.out / f"surrogates-{OPTIMIZERS[arguments.optimizer].kind}"
    )
    path = arguments.out / ("replayed.jsonl" if arguments.replay else "results.jsonl")
    results = read_results(path)
    done = {(one["task"], one["method"], one["seed"], one["runs"]) for one in results}
    left = [job for job in jobs(arguments, table, tasks) if (*job[:3], arguments.runs) not in done]
    for (task, method, seed, seconds), figures in run_all(arguments, table, left, surrogates):
        key = {"task": task, "method": method, "seed": seed, "runs": arguments.runs, "budget_seconds": seconds}
        results.append({**key, **figures})
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(results[-1]) + "\n")
        print(f"{task}, {method}, seed {seed}: {figures['test_nll']}", flush=True)
    chosen = [
        one
        for one in results
        if one["task"] in tasks and one["runs"] == arguments.runs and one["seed"] < arguments.seeds
    ]
    Console(width=140).print(summary(chosen, tasks, table, arguments.optimizer))
    for other in BASELINES:
        print(paired(chosen, tasks, arguments.optimizer, other))


if __name__ == "__main__":
    main()
