"""What finetuning makes of the datasets of facts, from zero-shot to the best of several configurations.

    python benchmarks/fact_datasets.py --out FOLDER [--only NAME ...]

Makes the datasets of `foretune synthesize --from facts:all`, and collects runs of foretune-tiny on them, in this
process, as `foretune collect` does: FOLDER/table is a meta-dataset, and a second call goes on where the first was. The
table has, for each dataset, the share of the most common answer and exact match on the test split: of the base model,
and the worst, the median and the best of the configurations. Each run is judged at the slice that its validation loss
chooses.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from foretune.collect import CollectionProgress, collect
from foretune.execution.jobs import Answer, Job
from foretune.execution.worker import run_job
from foretune.finetuning.model import load_model, load_tokenizer
from foretune.finetuning.optim import SLICES
from foretune.finetuning.task import describe_source
from foretune.metadata import MetaDataset
from foretune.metadata.collection import Collection
from foretune.metadata.source import TaskSource
from foretune.space import load_space
from foretune.synthesis.facts import DATASETS, make_dataset
from foretune.types import Configuration

MODEL, MAX_LENGTH = "foretune-tiny", 256
CHANGES = (
    {"method": "loraplus", "learning_rate": 0.0015, "loraplus_ratio": 16.0, "epochs": 12, "batch_size": 16},
    {"learning_rate": 0.008, "rank": 8, "epochs": 15, "batch_size": 16},
    {},
    {"learning_rate": 0.002, "rank": 4, "epochs": 8, "batch_size": 16},
    {"learning_rate": 0.02, "rank": 32, "epochs": 8, "batch_size": 32},
    {"method": "rslora", "learning_rate": 0.006, "rank": 64, "epochs": 12, "batch_size": 32},
)
"""What each configuration has in the place of a value of the default."""


def configurations() -> list[Configuration]:
    default = load_space("peft").default().values
    return [Configuration({**default, **changes}) for changes in CHANGES]


def collect_runs(folder: Path, names: list[str]) -> MetaDataset:
    """The datasets, and every configuration on each."""
    sources: list[TaskSource] = []
    for name in names:
        make_dataset(name, folder / name)
        sources.append(TaskSource(folder / name))
    model, tokenizer, given = load_model(MODEL), load_tokenizer(MODEL), configurations()
    collection = Collection(
        sources, MODEL, load_space("peft"), configurations=len(given), given=given, max_length=MAX_LENGTH
    )
    describe = partial(
        describe_source,
        model_name=MODEL,
        model=model,
        tokenizer=tokenizer,
        max_length=MAX_LENGTH,
        max_fidelity=SLICES,
    )
    return collect(collection, folder / "table", describe=describe, start_runner=_here, observe=_show)


@contextmanager
def _here() -> Iterator[Callable[[Job], Answer]]:
    yield run_job


def _show(progress: CollectionProgress) -> None:
    print(f"{progress.finished}/{progress.planned} {progress.seconds:.0f} s {progress.last}", flush=True)


def exact_match(table: MetaDataset, task: str) -> np.ndarray:
    """Of each configuration on the test split, at the slice with the least validation loss."""
    found = list[float]()
    for run in table.runs_of(task):
        curve = table.curves[table.curves["run"] == run]
        found.append(curve.loc[curve["validation_value"].idxmin(), "test_exact_match"])
    return np.sort(found)


def row(table: MetaDataset, folder: Path, name: str) -> str:
    """A line of the table."""
    task = TaskSource(folder / name).task(MODEL)
    said = table.tasks.set_index("task").loc[task]
    answers = [
        json.loads(line)["completion"] for line in (folder / name / "test.jsonl").read_text("utf-8").splitlines()
    ]
    common = Counter(answers).most_common(1)[0][1] / len(answers)
    found = exact_match(table, task)
    sizes = " / ".join(str(said[f"n_{split}"]) for split in ("train", "validation", "test"))
    shares = (common, said["zero_shot_test_exact_match"], found[0], np.median(found), found[-1])
    return (
        f"| `{name}` | {DATASETS[name].kind} | {sizes} | "
        + " | ".join(f"{100 * share:.0f} %" for share in shares)
        + " |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=list(DATASETS), default=list(DATASETS))
    given = parser.parse_args()
    table = collect_runs(given.out, given.only)
    print("| Dataset | Kind | Training / validation / test rows | Most common | Zero-shot | Worst | Median | Best |")
    print("|---|---|---|---|---|---|---|---|")
    for name in given.only:
        print(row(table, given.out, name))


if __name__ == "__main__":
    main()
