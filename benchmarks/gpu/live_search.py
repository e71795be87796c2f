"""A search of 60 seconds on a real LLM, against what practitioners take without one.

    python benchmarks/gpu/live_search.py --model models/SmolLM2-135M-Instruct --data tasks/hwu64 tasks/mathqa
        [--out FILE]

For each dataset, each in a process of its own: `tune` for the budget, which trains the default configuration, too, and
the configuration that most guides give (LoRA of rank 16 on all layers, rate 2e-4, three epochs, batches of eight).
Prints loss and exact match on the test split, which nothing was chosen by, and the seconds of each run: both
configurations are trained to their end, so that they are over before the search is where their seconds are below the
budget. Datasets that the shipped surrogates have not been fitted on count as held out.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workload import append, case_given, in_fresh_process, report

import foretune
from foretune.report.final_scores import ModelScores

Case = dict[str, Any]

OF_GUIDES = {
    "method": "lora",
    "rank": 16,
    "alpha_over_rank": 2.0,
    "dropout": 0.0,
    "target_modules": "all",
    "learning_rate": 2e-4,
    "batch_size": 8,
    "epochs": 3,
    "schedule": "linear",
    "warmup": 0.03,
    "weight_decay": 0.0,
    "optimizer": "adamw",
}
NAMES = {"zero-shot": "untouched", "default": "default", "best": "search", "finetuned": "2e-4, rank 16, 3 epochs"}


def measure(case: Case) -> None:
    """Search, or train the guides' configuration, and report; in this process."""
    begun = time.perf_counter()
    shared = {"model": case["model"], "train_rows": case["train_rows"], "device": case["device"], "seed": case["seed"]}
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "run")
        if case["what"] == "search":
            run = foretune.tune(case["data"], output, budget=case["budget"], **shared)
        else:
            run = foretune.finetune(case["data"], output, configuration=OF_GUIDES, **shared)
    seconds = {one.key: sum(one.seconds) for one in run.report.trials}
    taken = {"default": seconds.get(run.report.default_key), "best": run.report.spent_seconds}
    taken["finetuned"] = seconds.get(run.report.best_key)
    scores = {name: figures(row, taken.get(name)) for name, row in run.scores.items()}
    report({"scores": scores, "trials": len(run.report.trials), "wall_seconds": time.perf_counter() - begun})


def figures(row: ModelScores, seconds: float | None) -> dict[str, Any]:
    return {
        "test_loss": row.test.nll,
        "exact_match": row.test.exact_match,
        "test_rows": row.test.rows,
        "slices": row.slices,
        "seconds": seconds,
        "configuration": dict(row.configuration),
    }


def show(line: Mapping[str, Any]) -> None:
    name = Path(line["data"]).name
    if "error" in line:
        print(f"{name:<20} {line['what']}: {line['error'][:200]}", flush=True)
        return
    for key, row in line["scores"].items():
        if key == "zero-shot" and line["what"] != "search":
            continue
        seconds = "" if row["seconds"] is None else f"{row['seconds']:.0f}"
        trials = f"   {line['trials']} configurations" if key == "best" else ""
        print(
            f"{name:<20} {NAMES[key]:<24} {row['test_loss']:>9.4f} {row['exact_match']:>7.1%} {seconds:>8}{trials}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="folder, hub name or foretune-tiny")
    parser.add_argument("--data", nargs="+", required=True, help="a dataset each")
    parser.add_argument("--budget", type=float, default=60, help="seconds of a search")
    parser.add_argument("--train-rows", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds-each", type=float, default=240, help="of a search or a run, at most")
    parser.add_argument("--out", type=Path, help="JSONL, a line for each search and each run")
    given = parser.parse_args()
    print(f"{'dataset':<20} {'':<24} {'test loss':>9} {'exact':>7} {'seconds':>8}")
    failed = False
    for data in given.data:
        for what in ("search", "guides"):
            case = {"what": what, "data": data, "model": given.model, "budget": given.budget, "seed": given.seed}
            case |= {"train_rows": given.train_rows, "device": given.device}
            line = in_fresh_process(__file__, case, seconds=given.seconds_each)
            append(given.out, {"measurement": "live search", **line})
            show(line)
            failed |= "error" in line
    sys.exit(failed)


if __name__ == "__main__":
    if case := case_given():
        measure(case)
    else:
        main()
