"""Live searches: real finetuning by the clock. The default search against rules, random search and other libraries.

Run: python benchmarks/live.py TASKS --out FOLDER [--model FOLDER] [--datasets NAME@ROWS ...] [--methods NAME ...]
         [--runs 2 4] [--seeds 2] [--device cpu] [--workers 2] [--scored-rows 24]

For each dataset and each seed:

1. The default configuration and `rule:unsloth` are trained once, to their end.
2. Each method searches for as long as so many runs of the default took, besides loading, the zero-shot evaluation and
   the time that scoring at the end is expected to take. A mean full run takes longer than the default's; how much is
   printed.

A method is an optimizer of foretune, or `peer:NAME`, a library of `benchmarks/peers/peers.yaml`: it searches its native
space, its proposals are trained as they are, and it is told of the run of the default first. Libraries that learn from
earlier runs are given those of `--tables`.

What a search returns may be an average of its best runs, which a single run cannot be; the loss of its best run is in
the lines, too. Each search is a process with one thread, as many of them at a time as there are workers. On a CPU its
clock is the processor's, so that whatever else runs on the machine takes nothing from its budget, and the CPU time of a
library's own process is added; with `--device cuda` it is the wall clock, and the workers share the GPU (NVIDIA's MPS
started). A finished search is a line of FOLDER/searches.jsonl, and the command goes on from there. Printed are the test
and the validation loss of each, and how far test losses are from those of the single runs, of random search, and of the
best run of the same search, relatively and with a 95 % interval over datasets; `--show` prints it again:

    python benchmarks/live.py TASKS --out benchmarks/results/live-smollm2 --show
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from foretune.benchmark.peers.peer import Peer
from foretune.benchmark.peers.roster import PREFIX, Peers, read_roster
from foretune.benchmark.regret import interval
from foretune.benchmark.replay import recorded_task
from foretune.metadata import MetaDataset, read_meta_dataset
from foretune.optimizer import Optimizer, Search
from foretune.report.replay import markdown
from foretune.report.sheet import Sheet
from foretune.space import load_space
from foretune.tuner import Clock
from foretune.types import Report, Trial

DATASETS = ("clinc150@100", "ner_ncbi_disease@60", "mawps_equation@60", "sql_to_question@60")
ONCE, OURS = ("default", "rule:unsloth"), "transfer-in-context"
SEARCHES = (OURS, "lr-probe", "random")
FOLDER = Path(__file__).parent / "peers"
TABLES = ("foretune-tiny-v1", "smollm2-v1")
WRITING_SECONDS = 5.0

T = TypeVar("T")
Line = Mapping[str, Any]
Key = tuple[str, str, int, int]
Kind = tuple[str, int, str]


@dataclass(frozen=True)
class Case:
    """A search that is to be made.

    Attributes:
        dataset: as `NAME@ROWS`.
        method: optimizer, or `peer:NAME`.
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


@dataclass(frozen=True)
class Terms:
    """What is the same for every search."""

    tasks: Path
    model: str
    device: str
    folder: Path
    tables: tuple[str, ...]
    scored_rows: int | None


def search(case: Case, terms: Terms) -> Line:
    """Make a search in a folder of its own, and say what came of it."""
    import torch

    import foretune

    torch.set_num_threads(1)
    if terms.device == "cpu":
        time.perf_counter = time.monotonic = time.process_time
    name, _, rows = case.dataset.partition("@")
    output = terms.folder / "-".join(str(part).replace(":", "-") for part in case.key)
    shutil.rmtree(output, ignore_errors=True)
    clock = Clock()
    run = foretune.tune(
        data_of(name, terms),
        output,
        budget=case.seconds if math.isfinite(case.seconds) else "24h",
        optimizer=library(case, terms, clock) if case.method.startswith(PREFIX) else case.method,
        default_comparison=False,
        train_rows=int(rows),
        seed=case.seed,
        model=terms.model,
        device=terms.device,
        max_length=256,
        clock=clock,
    )
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


def data_of(name: str, terms: Terms) -> Path:
    """The dataset, or a copy with only so many rows to validate on, and twice as many to test on."""
    data = terms.tasks / name
    if terms.scored_rows is None:
        return data
    copy = terms.folder / "data" / name
    copy.mkdir(parents=True, exist_ok=True)
    for split, rows in (("train", None), ("validation", terms.scored_rows), ("test", 2 * terms.scored_rows)):
        lines = (data / f"{split}.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
        (copy / f"{split}.jsonl").write_text("".join(lines[:rows]), encoding="utf-8")
    return copy


class DefaultFirst:
    """A library that is told of the default's whole run before it is asked, as in a replay.

    Args:
        peer: the library.
        search: what it searches.
        clock: that the CPU time of its process is added to; None where that passes by itself.
    """

    def __init__(self, peer: Peer, search: Search, clock: Clock | None) -> None:
        self._peer, self._clock = peer, clock
        self._first: Trial | None = Trial(0, search.default, search.task.max_fidelity)

    def ask(self, seconds_left: float = math.inf, pending: Sequence[Trial] = ()) -> Trial | None:
        return self._first or self._counted(partial(self._peer.ask, seconds_left, pending))

    def tell(self, report: Report) -> None:
        self._first = None
        self._counted(partial(self._peer.tell, report))

    def _counted(self, call: Callable[[], T]) -> T:
        used = self._peer.effort.cpu_seconds
        result = call()
        if self._clock:
            self._clock.add(self._peer.effort.cpu_seconds - used)
        return result


def library(case: Case, terms: Terms, clock: Clock) -> Callable[[Search], Optimizer]:
    """Begins a search of a peer."""
    counted = clock if terms.device == "cpu" else None

    def make(asked: Search) -> Optimizer:
        peer = peers_of(terms).live(case.method.removeprefix(PREFIX), asked, tables_of(terms.tables))
        return DefaultFirst(peer, asked, counted)

    return make


@cache
def peers_of(terms: Terms) -> Peers:
    """Their processes live as long as this one, for some learn from the earlier runs for minutes."""
    return Peers(read_roster(FOLDER), load_space("peft"), terms.folder)


@cache
def tables_of(names: tuple[str, ...]) -> tuple[MetaDataset, ...]:
    return tuple(map(read_meta_dataset, names))


def cases(
    done: Mapping[Key, Line], datasets: Sequence[str], methods: Sequence[str], runs: Sequence[int], seeds: int
) -> Iterator[Case]:
    """The searches whose budgets are known and that are not made yet."""
    for seed, dataset in product(range(seeds), datasets):
        once = [Case(dataset, method, 0, seed) for method in ONCE]
        yield from (one for one in once if one.key not in done)
        default = done.get((dataset, "default", 0, seed))
        if default is None:
            continue
        for method, count in product(methods, runs):
            seconds = default["other_seconds"] + count * default["trained_seconds"]
            one = Case(dataset, method, count, seed, seconds)
            if one.key not in done:
                yield one


def read(path: Path) -> dict[Key, Line]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    found = [json.loads(line) for line in lines]
    return {(one["dataset"], one["method"], one["runs"], one["seed"]): one for one in found}


def show(done: Mapping[Key, Line]) -> None:
    """Mean test losses over seeds; and relative to others, seed by seed, over datasets."""
    datasets = list(dict.fromkeys(key[0] for key in done))
    kinds = [(method, 0) for method in ONCE]
    kinds += sorted({(method, runs) for _, method, runs, _ in done if runs}, key=lambda kind: kind[::-1])
    for title, of in (("Test loss", "test_loss"), ("Validation loss", "validation_loss")):
        rows = [losses(done, datasets, *kind, of) for kind in kinds]
        print(markdown(Sheet(title, "Mean over seeds.", ["method", *datasets, "searches"], rows)))
    heads = [*(f"against {name}" for name in (*ONCE[::-1], "random")), "against its best run", f"{OURS} against it"]
    rows = [[called(*kind), *differences(done, *kind)] for kind in kinds[len(ONCE) :]]
    note = "Relative to the other's test loss, seed by seed; mean and 95 % interval over datasets."
    print(markdown(Sheet("Mean difference", note, ["method", *heads, "exact match"], rows)))
    for name in TABLES:
        print(f"A mean full run of {name} takes {mean_run(name):.2f} times as long as that of the default.")


def mean_run(name: str) -> float:
    """In runs of the default; mean over the tasks of a table."""
    meta, shares = read_meta_dataset(name), list[float]()
    for task in meta.task_ids:
        recorded, default = recorded_task(meta, task), meta.default(task)
        if default and default.key in recorded.recordings:
            shares.append(recorded.mean_run_seconds / float(recorded.recordings[default.key].curve.seconds.sum()))
    return float(np.mean(shares))


def losses(done: Mapping[Key, Line], datasets: Sequence[str], method: str, runs: int, of: str) -> list[str]:
    found = [values(done, name, method, runs, of) for name in datasets]
    means = [f"{np.mean([*one.values()]):.4f}" if one else "-" for one in found]
    return [called(method, runs), *means, str(sum(map(len, found)))]


def called(method: str, runs: int) -> str:
    return f"{method}, {runs} runs" if runs else method


def values(done: Mapping[Key, Line], dataset: str, method: str, runs: int, of: str = "test_loss") -> dict[int, float]:
    """Seed to the loss of a search."""
    return {key[3]: line[of] for key, line in done.items() if key[:3] == (dataset, method, runs)}


def differences(done: Mapping[Key, Line], method: str, runs: int) -> list[str]:
    """From the single runs, from random search and the best run of the search; of ours from it; mean exact match."""
    mine, loss = (method, runs, "test_loss"), "test_loss"
    others = [*((name, 0, loss) for name in ONCE[::-1]), ("random", runs, loss), (method, runs, "single_test_loss")]
    pairs = [*((mine, other) for other in others), ((OURS, runs, loss), mine)]
    matches = [line["exact_match"] for key, line in done.items() if key[1:3] == (method, runs)]
    return [*(against(done, *pair) for pair in pairs), f"{np.mean(matches):.1%}"]


def against(done: Mapping[Key, Line], one: Kind, other: Kind) -> str:
    """The mean difference of a loss from another, relative to it, with its interval over datasets."""
    means: list[float] = []
    for name in dict.fromkeys(key[0] for key in done):
        mine, its = values(done, name, *one), values(done, name, *other)
        if shared := mine.keys() & its.keys():
            means.append(float(np.mean([mine[seed] / its[seed] - 1 for seed in shared])))
    if one == other or not means:
        return "-"
    found = interval(np.array(means))
    return f"{found.mean:+.1%} [{found.low:+.1%}, {found.high:+.1%}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", type=Path)
    parser.add_argument("--model", default="foretune-tiny")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--datasets", nargs="+", default=DATASETS)
    parser.add_argument("--methods", nargs="+", default=SEARCHES)
    parser.add_argument("--tables", nargs="+", default=TABLES)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--runs", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--scored-rows", type=int, help="validate on the first so many rows, and test on twice as many")
    parser.add_argument("--show", action="store_true", help="print what there is, and search nothing")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    path = given.out / "searches.jsonl"
    terms = Terms(given.tasks, given.model, given.device, given.out, tuple(given.tables), given.scored_rows)
    asked = given.datasets, given.methods, given.runs, given.seeds
    done = read(path)
    context = multiprocessing.get_context("spawn")
    while not given.show and (left := list(cases(done, *asked))):
        with ProcessPoolExecutor(given.workers, context) as pool:
            for future in as_completed([pool.submit(search, one, terms) for one in left]):
                with path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(future.result()) + "\n")
        done = read(path)
    show(done)


if __name__ == "__main__":
    main()
