"""How the cost of a search, and of fitting what it knows, grows: tables, and a figure with `--plot`.

Run: python benchmarks/growth.py [--plot docs/images/growth.png] [--out FOLDER] [--parts candidates observations runs]
     [--candidates N ...] [--observations N ...] [--shapes 25x50 ...] [--common 1.0 0.6] [--meta META ...] [--asks 15]

What `foretune tune` and `foretune fit` do by default is measured: the optimizer `transfer-in-context` and surrogates of
the kind `in-context`.

- candidates: a slice of a search (ask and tell) with the shipped surrogates, few slices seen, by size of the pool.
- observations: the same with 1,000 candidates, by slices seen: in a search as it goes ("search"), and after histories
  made by hand, of whole runs ("whole runs") and of one slice each ("single slices").
- runs: reading, fitting and searching with meta-datasets of TASKSxCONFIGURATIONS runs of 8 slices, of which the share
  --common is of the same configurations on all tasks (1: all of them; 0.6: as `foretune collect` draws them by default;
  the others are run on one task each). --meta adds recorded ones.

Runs and answers are made up, from a seed: plausible curves whose best configuration follows from meta-features that are
drawn as those of the shipped tasks are spread; no figure made from them says anything about finetuning. Meta-datasets
are written to disk and read back as any other.

Each measurement has a process of its own, on one thread. Seconds are those of that process's CPU, for other work on the
machine moves the clock on the wall and not these (or hardly: caches are shared). Memory is the most that the process
ever had (ru_maxrss), imports included. One that would allocate more than --memory gigabytes ends, and is shown as "-".
With --out tables, surrogates and results are kept, and what is finished is not measured again.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from growing.figure import draw
from growing.made_up import SHIPPED
from growing.measure import Figures, Laboratory, nothing
from growing.tables import by_candidates, by_observations, by_runs, cell


def shape_of(text: str) -> tuple[int, int]:
    tasks, configurations = text.split("x")
    return int(tasks), int(configurations)


PARTS: Mapping[str, Callable[[Laboratory, argparse.Namespace], Mapping[Any, Figures]]] = {
    "candidates": by_candidates,
    "observations": by_observations,
    "runs": by_runs,
}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--candidates", type=int, nargs="+", default=[100, 300, 1000, 3000, 10_000])
    parser.add_argument("--observations", type=int, nargs="+", default=[10, 30, 100, 300, 500])
    parser.add_argument("--shapes", type=shape_of, nargs="*", default=[(25, 50), (125, 100), (500, 250)])
    parser.add_argument("--common", type=float, nargs="+", default=[1.0, 0.6])
    parser.add_argument("--meta", type=Path, nargs="*", default=[Path(SHIPPED)])
    parser.add_argument("--asks", type=int, default=15, help="that a median is of")
    parser.add_argument("--memory", type=float, default=6.0, help="GB that a measurement may allocate")
    parser.add_argument("--out", type=Path, help="folder to keep tables, surrogates and results in")
    parser.add_argument("--plot", type=Path, help="PNG file to draw")
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    with TemporaryDirectory() as temporary:
        out = arguments.out or Path(temporary)
        out.mkdir(parents=True, exist_ok=True)
        laboratory = Laboratory(out, arguments.memory)
        print(f"The imports alone take {cell(laboratory(nothing), 'peak', digits=2)} GB of memory.")
        found = {name: PARTS[name](laboratory, arguments) for name in arguments.parts}
        if arguments.plot:
            draw(arguments.plot, *(found.get(name, {}) for name in PARTS))


if __name__ == "__main__":
    main()
