"""What is measured, each in a process of its own."""

from __future__ import annotations

import json
import multiprocessing
import resource
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.resources import files
from pathlib import Path
from statistics import median
from typing import Any

from threadpoolctl import threadpool_limits

from foretune.metadata import read_meta_dataset
from foretune.surrogate import load_surrogates, save_surrogates
from foretune.surrogate.encoders import encoder_for
from foretune.surrogate.examples import read_runs
from foretune.surrogate.fit import default_of, fit
from foretune.surrogate.fit_in_context import fit_in_context
from foretune.surrogate.protocol import Surrogates
from growing.made_up import SHIPPED, SLICES, Shape, write_made_up
from growing.search import Search, cpu

CANDIDATES = 1000
SPREADS = {"search": 0, "whole runs": SLICES, "single slices": 1}
"""How observations are spread -> slices of each configuration that is told before measuring; 0: what a search asks."""
FEW = 3
"""Asks before measuring, the first ones of which set everything up."""
Figures = Mapping[str, Any]


def nothing(_: Path) -> Figures:
    """What the imports take."""
    return {}


def search_candidates(_: Path, candidates: int, asks: int) -> Figures:
    search = Search(shipped_surrogates(), candidates)
    first = [search.step() for _ in range(FEW)]
    return {
        "first": search.made + sum(first[:2]),
        "later": median(search.step() for _ in range(asks)),
        "slices": search.slices,
    }


def search_observations(_: Path, spread: str, observations: Sequence[int], asks: int) -> Figures:
    """For each number of slices seen, the median of the asks after it, and the configurations these are of."""
    found: dict[str, Any] = {}
    for search, number in searches(SPREADS[spread], observations):
        tried = len(search.seen)
        found[str(number)] = {"later": median(search.step() for _ in range(asks)), "configurations": tried}
    return found


def searches(each: int, observations: Sequence[int]) -> Iterator[tuple[Search, int]]:
    """A search that has seen so many slices, for every such number."""
    surrogates = shipped_surrogates()
    search = Search(surrogates, CANDIDATES)
    for number in observations:
        if each:
            search = Search(surrogates, CANDIDATES)
            search.tell_slices(number, each)
            search.step()  # sets everything up
        while search.slices < number:
            search.step()
        yield search, number


def shipped_surrogates() -> Surrogates:
    return load_surrogates(Path(str(files("foretune"))) / "data" / "surrogates" / SHIPPED)


def table_folder(out: Path, table: str) -> Path:
    """Of a made-up meta-dataset by its shape, or of a recorded one by its path or shipped name."""
    made_up = out / "tables" / table
    return made_up if made_up.is_dir() else Path(table)


def make_table(out: Path, tasks: int, configurations: int, common: float) -> Figures:
    shape, begun = Shape(tasks, configurations, common), cpu()
    write_made_up(shape, out / "tables" / str(shape))
    return {"seconds": cpu() - begun}


def fit_performance(out: Path, table: str) -> Figures:
    """Reading, and the performance surrogate alone."""
    begun = cpu()
    meta = read_meta_dataset(table_folder(out, table))
    read = cpu()
    runs, encoder = read_runs([meta]), encoder_for([meta])
    names = sorted(runs[0].task.meta_features)
    prepared = cpu()
    surrogate = fit_in_context(runs, encoder, names, reference=default_of([meta]))
    seconds = {"read": read - begun, "runs_read": prepared - read, "performance": cpu() - prepared}
    shape = {"points": len(meta.curves), "tasks": len(meta.tasks), "runs": len(meta.runs)}
    return {**seconds, **shape, "distinct": len(surrogate.recorded)}


def fit_all(out: Path, table: str) -> Figures:
    """What `foretune fit` does: read, fit and judge all surrogates, save them."""
    begun = cpu()
    surrogates = fit([read_meta_dataset(table_folder(out, table))], seed=0, kind="in-context")
    save_surrogates(out / "surrogates" / Path(table).name, surrogates)
    return {"fit": cpu() - begun}


def search_with(out: Path, table: str, asks: int) -> Figures:
    begun = cpu()
    surrogates = load_surrogates(out / "surrogates" / Path(table).name)
    loaded = cpu()
    search = Search(surrogates, CANDIDATES)
    first = [search.step() for _ in range(FEW)]
    seconds = {"load": loaded - begun, "first": search.made + sum(first[:2])}
    return {**seconds, "later": median(search.step() for _ in range(asks)), "candidates": len(search.pool)}


class Laboratory:
    """Measures each thing once.

    Args:
        out: folder for tables, surrogates and results.
        memory: gigabytes that a measurement may allocate.
    """

    def __init__(self, out: Path, memory: float) -> None:
        self._out, self._memory = out, memory
        self._results = out / "results.jsonl"

    def __call__(self, measurement: Callable[..., Figures], *arguments: Any) -> Figures:
        """Its figures and the `peak` of its memory in GB; empty if that would have been too much."""
        key = json.dumps([measurement.__name__, *arguments, f"{self._memory:g} GB"])
        lines = self._results.read_text(encoding="utf-8").splitlines() if self._results.is_file() else []
        if known := [one["figures"] for one in map(json.loads, lines) if one["key"] == key]:
            return known[-1]
        fresh = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=fresh) as process:
            figures = process.submit(_measured, self._memory, measurement, self._out, *arguments).result()
        with self._results.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key, "figures": figures}) + "\n")
        return figures


def _measured(memory: float, measurement: Callable[..., Figures], *arguments: Any) -> Figures:
    resource.setrlimit(resource.RLIMIT_DATA, (int(memory * 1e9), int(memory * 1e9)))
    try:
        with threadpool_limits(1):
            figures = measurement(*arguments)
    except MemoryError:
        return {}
    return {**figures, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9}
