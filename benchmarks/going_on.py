"""A search that goes on from its best run against the same search without: real searches of equal seconds.

Run: python benchmarks/going_on.py DATASET[@ROWS] ... --out FOLDER [--model foretune-tiny] [--runs 3 2] [--show]

DATASET is a folder of splits. A search has the seconds of so many runs of the default configuration, counted as
predicted, so that it is the same however busy the machine is. Its surrogates are the shipped ones, or for a dataset of
`benchmarks/averages.py`, some that have seen none of its family. Both end as `foretune tune` does, with an average of
their best runs. Printed is the test loss of what they return, and the geometric mean of its ratio with a 95 % interval
over datasets. A finished search is a line of FOLDER/averages.jsonl, and the command goes on from there.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from averages import CHOSEN_BY, OTHERS, Line, interval, run, surrogates_of

from foretune.metadata.source import TaskSource
from foretune.optimizer import Optimizer, Search
from foretune.optimizer.in_context import TransferInContext

Key = tuple[str, int, bool]


def without(search: Search) -> Optimizer:
    """The default search as it would be without going on."""
    return TransferInContext(search.task, search.pool, surrogates=search.learned("transfer-in-context"))


def read(path: Path) -> dict[Key, Line]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return {(one["dataset"], one["runs"], one["goes_on"]): one for one in map(json.loads, lines)}


def show(done: Mapping[Key, Line]) -> None:
    pairs = sorted({(runs, name) for name, runs, _ in done if {(name, runs, on) for on in (False, True)} <= set(done)})
    print(f"{'dataset':<24}{'runs':>5}{'without':>10}{'goes on':>10}{'change':>9}{'exact match':>16}")
    for runs, name in pairs:
        before, after = (done[name, runs, on]["returned"] for on in (False, True))
        exact = f"{before['exact_match']:.1%} {after['exact_match']:.1%}"
        change = f"{after['test'] / before['test'] - 1:+.1%}"
        print(f"{name:<24}{runs:>5}{before['test']:>10.4f}{after['test']:>10.4f}{change:>9}{exact:>16}")
    print()
    for runs in sorted({runs for runs, _ in pairs}):
        summarize(f"{runs} runs", [[done[name, runs, on] for on in (False, True)] for at, name in pairs if at == runs])


def summarize(label: str, pairs: Sequence[Sequence[Line]]) -> None:
    """Of what is returned, with all that this version does, against the best single run of a search without it."""
    for kind, name in (("returned", "returned"), ("best", "best single run without either")):
        ratios = np.array([after["returned"]["test"] / before[kind]["test"] for before, after in pairs])
        points = [100 * (after["returned"]["exact_match"] - before[kind]["exact_match"]) for before, after in pairs]
        logs, exact = interval(np.log(ratios)), interval(np.array(points))
        mean, low, high = np.expm1([logs.mean, logs.low, logs.high])
        print(
            f"{label}, against the {name}: {len(pairs)} datasets, test loss {mean:+.1%} [{low:+.1%}, {high:+.1%}], "
            f"better on {np.sum(ratios < 1)}, worse on {np.sum(ratios > 1)}, median {np.median(ratios) - 1:+.1%}; "
            f"exact match {exact.mean:+.2f} points [{exact.low:+.2f}, {exact.high:+.2f}]"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="*")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="foretune-tiny")
    parser.add_argument("--runs", type=int, nargs="+", default=[3, 2])
    parser.add_argument("--show", action="store_true", help="print what there is, and search nothing")
    given = parser.parse_args()
    torch.set_num_threads(1)
    given.out.mkdir(parents=True, exist_ok=True)
    path = given.out / "averages.jsonl"
    done = read(path)
    for runs in given.runs if not given.show else ():
        for source in map(TaskSource.parse, given.datasets):
            for on in (True, False):
                if (source.id, runs, on) in done:
                    continue
                known = source.path.name in (*CHOSEN_BY, *OTHERS)
                surrogates = surrogates_of(given.out)[source.path.name] if known else None
                folder = given.out / ("on" if on else "without")
                folder.mkdir(exist_ok=True)
                make = None if on else without
                line = run(source.path, runs, source.rows, surrogates, folder, model=given.model, make=make)
                with path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({**line, "dataset": source.id, "goes_on": on}) + "\n")
    show(read(path))


if __name__ == "__main__":
    main()
