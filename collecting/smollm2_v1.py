"""Collect the meta-dataset `smollm2-v1`: a real LLM, SmolLM2-135M-Instruct, finetuned on public datasets.

    python collecting/smollm2_v1.py WORK --tasks TASKS --model FOLDER [--workers 2] [--parts first ...]

TASKS is the folder of the public datasets, FOLDER what `collecting/real_models.py fetch` left. One resumable command:
killed and started again, it goes on where it was. A new WORK begins with the shipped table, which has all runs of
`first`, `more` and `noise`. All parts are of one table, WORK/smollm2, and are collected in this order:

- first: 4 datasets of 4 families, all 24 configurations, round by round: complete early, and enough for a comparison;
- more: 8 further datasets and 5 further families, short enough for a CPU, too;
- large: 4 datasets with more rows, for an accelerator or patience;
- noise: the first 4 configurations on 2 datasets with two further seeds, three in all;
- save: the datasets that are complete become the shipped table (below);
- estimate (if asked for): prints what each part takes by TRAINED and SCORED tokens a second, and trains nothing.

The 24 configurations were chosen by the rules below, before any result was seen, and are the same for all datasets:

- the default of the search space at this width;
- what practitioners use (RULES), whatever the space's ranges are;
- 12 that the tasks of `foretune-tiny-v1` share (the first of at most 10 epochs, at rates relative to the width): with
  these, losses of the two tables compare configuration by configuration;
- 7 that fill up what these have little of, methods above all (FILLED): each value of a list goes to one of them, in an
  order drawn by seed, and the rates are drawn from the ranges of the methods, one from each equal part of a range.

No limit of tokens replaces any of them: sizes are such that a run takes about four minutes of a core. Slices
are scored on 50 validation and 50 test rows, as few as foretune ever takes; the same ones for all runs of a dataset,
whose comparison they serve. Datasets that are not listed here are left for live comparisons.

On an accelerator that many processes share (NVIDIA's MPS started, `nvidia-cuda-mps-control -d`), all parts at once:

    python collecting/smollm2_v1.py WORK --tasks TASKS --model FOLDER --device cuda --workers 14

Runs of most steps come first then, so that no worker is left with a long one, and each finished run is a line of
WORK/smollm2/runs.jsonl at once, so that whatever ends the command loses only what is under way. Seconds of a run among
13 others tell nothing of costs.

A table that has grown is shipped by these commands; the last three print what the documentation says of it
(docs/meta-datasets.md, docs/real-llms.md, docs/decisions/tables.md):

    python collecting/smollm2_v1.py WORK --tasks TASKS --model FOLDER --parts save
    foretune metadata verify smollm2-v1
    foretune fit foretune-tiny-v1 smollm2-v1 --out src/foretune/data/surrogates/smollm2-v1 --overwrite
    foretune metadata describe smollm2-v1 --plots FIGURES
    python benchmarks/real_llm.py --out DIR
    python benchmarks/real_llm.py --out DIR --tasks tiny
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from foretune.finetuning.data import load_splits, tokenize
from foretune.finetuning.model import load_tokenizer
from foretune.finetuning.optim import SLICES, plan
from foretune.metadata import read_meta_dataset, write_meta_dataset
from foretune.metadata.source import TaskSource
from foretune.optimizer.rules import rule_configuration
from foretune.space import SearchSpace, load_space
from foretune.types import VALIDATION_NLL, Configuration, Task

FIRST = "hwu64@100 snips_slots@70 clinc_paraphrase@80 sql_wikisql@60"
MORE = """
trivia_category@100 svamp@60 trivia_open@80 boolq_closed_book@100 winogrande@70 snips_intent@50 paper_topic@120
e2e_text_to_data@60
"""
LARGE = "snips_intent@400 hwu64@300 trivia_category@300 trivia_open@200"
NOISE = "hwu64@100 snips_slots@70"
NOISE_CONFIGURATIONS, FURTHER_SEEDS = 4, 2
WIDTH, SHARED, MOST_EPOCHS = 576, 12, 10

RULES = ("unsloth", "llama-factory", "tinker", "constant")
"""Of `foretune.optimizer.rules`; tinker's 100 steps are those of 80 rows."""
FILLED: Mapping[str, Sequence[str | int | float]] = {
    "method": ("rslora", "rslora", "rslora", "dora", "dora", "loraplus", "ia3"),
    "rank": (2, 4, 8, 16, 16, 32, 64),
    "alpha_over_rank": (0.5, 1.0, 1.0, 2.0, 2.0, 2.0, 4.0),
    "dropout": (0.0, 0.0, 0.0, 0.05, 0.05, 0.1, 0.2),
    "target_modules": ("all", "all", "all", "all", "attention", "attention", "mlp"),
    "batch_size": (4, 8, 8, 8, 8, 16, 16),
    "schedule": ("constant", "linear", "linear", "linear", "cosine", "cosine", "cosine"),
    "warmup": (0.0, 0.0, 0.03, 0.03, 0.1, 0.1, 0.2),
    "weight_decay": (0.0, 0.0, 0.0, 0.01, 0.01, 0.01, 0.1),
    "optimizer": ("adamw", "adamw", "adamw", "adamw", "adamw", "adafactor", "adafactor"),
    "epochs": (1, 1, 2, 2, 5, 5, 10),
}
NOT_OF_IA3 = ("rank", "alpha_over_rank", "dropout")
TRAINED, SCORED = 140, 500
"""Tokens a second on one core (EPYC with avx512_bf16), about."""
SCORED_ROWS, SCORINGS = 50, 13
"""Rows of each scoring, and how many there are of both splits together: the test split is scored where validation has
improved."""
LIMITS = "--seed 0 --max-length 256 --validation-tokens 1 --test-tokens 1 --timeout 60m"
SHIPPED = Path(__file__).parents[1] / "src" / "foretune" / "data" / "meta_datasets" / "smollm2-v1"


def configurations() -> list[Configuration]:
    """The 24, those of the noise first."""
    space = load_space("peft", hidden_size=WIDTH)
    shared = [one for one in space.sample(39, np.random.default_rng(0)) if one.values["epochs"] <= MOST_EPOCHS]
    task = Task("", VALIDATION_NLL, {"model_log_width": math.log10(WIDTH)}, SLICES, rows=80)
    rules = [rule_configuration(name, task) for name in RULES]
    filled = fill(space, np.random.default_rng(0))
    return [space.default(), rules[0], shared[0], filled[-1], *shared[1:SHARED], *rules[1:], *filled[:-1]]


def fill(space: SearchSpace, rng: np.random.Generator) -> list[Configuration]:
    """One configuration for each place of the lists of FILLED."""
    places = range(len(FILLED["method"]))
    columns = {name: [values[at] for at in rng.permutation(places)] for name, values in FILLED.items()}
    drawn = {method: iter(rates(space, method, columns["method"].count(method), rng)) for method in FILLED["method"]}
    found: list[Configuration] = []
    for at in places:
        values = {name: column[at] for name, column in columns.items()}
        values |= {"learning_rate": next(drawn[str(values["method"])])}
        if values["method"] == "loraplus":
            values |= {"loraplus_ratio": 8.0}
        if values["method"] == "ia3":
            values = {name: value for name, value in values.items() if name not in NOT_OF_IA3}
        space.check(Configuration(values))
        found.append(Configuration(values))
    return found


def rates(space: SearchSpace, method: str, count: int, rng: np.random.Generator) -> list[float]:
    """Learning rates of a method: one from each of `count` equal parts of its range, on a logarithmic axis."""
    known = space.space[f"learning_rate:{'lora' if method == 'dora' else method}"]
    shares = (rng.permutation(count) + rng.random(count)) / count
    return [float(f"{known.lower * (known.upper / known.lower) ** share:.3g}") for share in shares]


def collect(work: Path, names: str, arguments: argparse.Namespace, *options: object) -> None:
    """All runs of some datasets that are not there yet."""
    folder, listed = work / "smollm2", work / "configurations.jsonl"
    if not folder.exists():
        shutil.copytree(SHIPPED, folder)
    work.mkdir(parents=True, exist_ok=True)
    listed.write_text("".join(json.dumps(dict(one.values)) + "\n" for one in configurations()), encoding="utf-8")
    tasks = [part for name in names.split() for part in ("--tasks", arguments.tasks / name)]
    given = ("--model", arguments.model, "--configurations-from", listed, *LIMITS.split(), *options)
    chosen = ("--workers", arguments.workers, "--device", arguments.device, "--out", folder)
    foretune("collect", *tasks, *given, *chosen)


def foretune(*arguments: object) -> None:
    """Run one verb, or fail."""
    subprocess.run([sys.executable, "-m", "foretune.cli", *map(str, arguments)], check=True)


def save(folder: Path) -> None:
    """Finish the table that is being collected, and ship its tasks that all configurations were run on."""
    foretune("collect", "--out", folder, "--finish")
    meta, wanted = read_meta_dataset(folder), len(configurations())
    tried = {task: {run.split("/")[-2] for run in meta.runs_of(task)} for task in meta.task_ids}
    whole = meta.select([task for task, keys in tried.items() if len(keys) == wanted])
    names = {task.split(":")[0] for task in whole.task_ids}
    commands = [one for one in whole.provenance["commands"] if names & set(one.split())]
    write_meta_dataset(replace(whole, provenance={**whole.provenance, "commands": commands}), SHIPPED)


def seconds(tokens: float, rows: int, configuration: Configuration) -> tuple[float, float]:
    """What training and scoring a run take, about.

    Args:
        tokens: of a row.
        rows: to train on.
        configuration: of the run.
    """
    trained = plan(configuration, rows).steps / plan(configuration, rows).steps_per_epoch * rows * tokens
    return trained / TRAINED, SCORINGS * SCORED_ROWS * tokens / SCORED


def estimate(names: str, arguments: argparse.Namespace) -> None:
    """Print what the runs of some datasets take."""
    tokenizer = load_tokenizer(arguments.model)
    for name in names.split():
        source = TaskSource.parse(str(arguments.tasks / name))
        data = tokenize(load_splits(source.path, train_rows=source.rows), tokenizer, 256, end_token_id=0)
        rows = len(data.train)
        each = np.array([seconds(data.train.total / rows, rows, one) for one in configurations()])
        took, longest = each.mean(axis=0), each.sum(axis=1).max()
        line = f"{took.sum():4.0f} s a run, {took[1]:3.0f} of them scoring, {longest:4.0f} the longest"
        sys.stdout.write(f"{source.id:<22} {data.train.total / rows:4.0f} tokens a row  {line}\n")


def main() -> None:
    """Parse, and do the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--tasks", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--parts", nargs="*", choices=["first", "more", "large", "noise", "save", "estimate"])
    arguments = parser.parse_args()
    datasets = {"first": FIRST, "more": MORE, "large": LARGE}
    seeds = ("--configurations", NOISE_CONFIGURATIONS, "--repeats", FURTHER_SEEDS)
    if arguments.device != "cpu" and arguments.parts is None:
        collect(arguments.work, " ".join(datasets.values()), arguments, "--longest-first")
        arguments.parts = ["noise"]
    for part in arguments.parts or [*datasets, "noise", "save"]:
        if part in datasets:
            collect(arguments.work, datasets[part], arguments)
        elif part == "noise":
            collect(arguments.work, NOISE, arguments, *seeds)
        elif part == "save":
            save(arguments.work / "smollm2")
        else:
            estimate(" ".join(datasets.values()), arguments)


if __name__ == "__main__":
    main()
