"""Feed damaged files to every reader of files that users hand over, and count what comes of them.

Run: python benchmarks/fuzz.py --out FOLDER [--inputs 100000] [--seed 0] [--only NAME ...]

The contract and the damages are in `tests/fuzzing.py`, the readers and their samples in `tests/fuzzed_readers.py`. The
file of each finding is kept in FOLDER, `findings.jsonl` there says what it did. Needs the extra `dev`; no network, no
model.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from fuzzed_readers import TARGETS
from fuzzing import ACCEPTED, HANG, REFUSED, TRACEBACK, Outcome, Target, outcomes

KINDS = (ACCEPTED, REFUSED, TRACEBACK, HANG)


def keep(folder: Path, target: Target, number: int, outcome: Outcome) -> None:
    name = f"{target.name.replace(' ', '-')}-{number}-{outcome.file.name}"
    (folder / name).write_bytes(outcome.content)
    line = json.dumps({"reader": target.name, "file": name, "kind": outcome.kind, "said": outcome.said[:500]})
    with (folder / "findings.jsonl").open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def fuzz(target: Target, inputs: int, seed: int, out: Path) -> Counter[str]:
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        draw = Random(f"{seed} {target.name}")  # noqa: S311 (no secret)
        for number, outcome in enumerate(outcomes(target, Path(folder), inputs, draw)):
            counts[outcome.kind] += 1
            if outcome.said:
                keep(out, target, number, outcome)
    return counts


def row(name: str, counts: Counter[str]) -> str:
    return f"| {name} | {counts.total():,} | " + " | ".join(f"{counts[kind]:,}" for kind in KINDS) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=[target.name for target in TARGETS], metavar="NAME")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    logging.disable()
    warnings.simplefilter("ignore")
    chosen = [target for target in TARGETS if not given.only or target.name in given.only]
    whole, total = sum(target.share for target in chosen), Counter[str]()
    print("| reader | inputs | accepted | refused | tracebacks | hangs |\n|---|---|---|---|---|---|", flush=True)
    for target in chosen:
        counts = fuzz(target, max(1, round(given.inputs * target.share / whole)), given.seed, given.out)
        total += counts
        print(row(target.name, counts), flush=True)
    print(row("all", total))
    sys.exit(1 if total[TRACEBACK] + total[HANG] else 0)


if __name__ == "__main__":
    main()
