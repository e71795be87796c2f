"""Collect the meta-dataset `foretune-confirmation-v1` (`python collecting/confirmation.py WORK --data TASKS`).

Its tasks are for confirming what was chosen elsewhere: no dataset family of it is in `foretune-tiny-v1`, the generators
and the sizes below were written before any result was seen, and nothing is to be chosen by it. The configurations are
the first 20 of those that all tasks of `foretune-tiny-v1` share.

One resumable command: killed and started again, it goes on where it was. Parts: tiny (34 tasks on foretune-tiny), one
per folder in --models (12 of the tasks), save (what there is so far to collecting/parts, where a collection in a new
WORK begins).
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from recast import JOBS, recast

GENERATED = """
sort_numbers@150 place_in_line@300 count_letter@200 count_colored@400 swapped_letters@200 capitals@100 verb_form@80
minutes_later@300 half_day@150 walk@200 turns@500 extreme_person@250 truth_value@100 category_chain@300 to_markdown@80
to_binary@200 query_string@120 plural@150 passive@60 question_form@300 morse@200 pig_latin@300 secret_names@400
change@400 fewest_coins@100 round_price@150 http_status@150 html_entities@200 hex_color@200
"""
RECAST = "odd_intent@300 unscramble_title@200 slot_count@300 equation_value@400 missing_word@300"
OTHER_MODELS = """
place_in_line@300 count_letter@200 capitals@100 half_day@150 turns@500 truth_value@100 query_string@120 plural@150
pig_latin@300 round_price@150 html_entities@200 slot_count@300
"""
LIMITS = "--seed 0 --max-length 256 --validation-tokens 9000 --test-tokens 5000 --timeout 10m"
RUNS = ("--configurations", 20, "--common", 1, "--max-tokens-per-run", 400_000)
SAVED = Path(__file__).parent / "parts"


def foretune(*arguments: object) -> None:
    """Run one verb, or fail."""
    subprocess.run([sys.executable, "-m", "foretune.cli", *map(str, arguments)], check=True)


def make_datasets(work: Path, tasks: Path) -> None:
    """The datasets of all tasks, into WORK/datasets."""
    names = sorted(name.split("@")[0] for name in GENERATED.split())
    foretune("generate", work / "datasets", *(part for name in names for part in ("--only", name)))
    for name in JOBS:
        recast(name, tasks, work / "datasets")


def collect(model: object, names: Iterable[str], work: Path, out: str, workers: int) -> None:
    """All runs of some tasks on a model that are not there yet."""
    folder, saved = work / out, SAVED / f"confirmation-{out}"
    if not folder.exists() and saved.is_dir():
        shutil.copytree(saved, folder)
    sources = [part for name in names for part in ("--tasks", work / "datasets" / name)]
    foretune("collect", *sources, "--model", model, *RUNS, *LIMITS.split(), "--workers", workers, "--out", folder)


def save(folder: Path) -> None:
    """Finish a table that is being collected, and keep a copy of it."""
    foretune("collect", "--out", folder, "--finish")
    target = SAVED / f"confirmation-{folder.name}"
    target.mkdir(parents=True, exist_ok=True)
    for file in [*folder.glob("*.parquet"), folder / "metadata.json"]:
        shutil.copy(file, target)


def main() -> None:
    """Parse, and do the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models", type=Path, nargs="*", default=[], help="folders of further base models")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--parts", nargs="*", help="only these: tiny, names of --models, save")
    arguments = parser.parse_args()
    models = {model.name: model for model in arguments.models}
    parts, work = arguments.parts or ["tiny", *models], arguments.work
    if set(parts) - {"save"}:
        make_datasets(work, arguments.data)
    for part in parts:
        if part == "tiny":
            collect("foretune-tiny", (GENERATED + RECAST).split(), work, "tiny", arguments.workers)
        elif part in models:
            collect(models[part], OTHER_MODELS.split(), work, part, arguments.workers)
        elif part == "save":
            for name in ("tiny", *models):
                if (work / name).is_dir():
                    save(work / name)
        else:
            parser.error(f"there is no part {part!r}; choose from tiny, {', '.join(models)}, save")


if __name__ == "__main__":
    main()
