"""How long each kind of mistake takes until its line of error is there, and whether torch was loaded on the way.

Every mistake is a process of its own, begun in an empty folder with a good dataset beside it; what it leaves on disk is
listed, for a start that failed should leave nothing. No network is asked for by name: the process is told where the
hub is not.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

TUNE = ("tune", "good.jsonl", "--output", "run", "--budget", "1m")
RECIPE = ("finetune", "good.jsonl", "--output", "run", "--config")
MISTAKES: Mapping[str, Sequence[str]] = {
    "a verb": ("tuen", "good.jsonl"),
    "an option": (*TUNE, "--optimiser", "random"),
    "tune: optimizer": (*TUNE, "--optimizer", "randon"),
    "tune: space": (*TUNE, "--space", "pefd"),
    "tune: device": (*TUNE, "--device", "cudo"),
    "tune: budget": (*TUNE[:-1], "soon"),
    "tune: model": (*TUNE, "--model", "foretune-tny"),
    "tune: model folder": (*TUNE, "--model", "./models/mine"),
    "tune: surrogates": (*TUNE, "--surrogates", "surogates"),
    "tune: no such data": ("tune", "god.jsonl", *TUNE[2:]),
    "tune: broken data": ("tune", "broken.jsonl", *TUNE[2:]),
    "tune: output is a file": ("tune", "good.jsonl", "--output", "good.jsonl", "--budget", "1m"),
    "tune: nothing to resume": (*TUNE, "--resume"),
    "finetune: name in the file": (*RECIPE, "name.yaml"),
    "finetune: value in the file": (*RECIPE, "value.yaml"),
    "finetune: output is a file": ("finetune", "good.jsonl", "--output", "good.jsonl", "--config", "recipe.yaml"),
    "finetune: no such data": ("finetune", "god.jsonl", *RECIPE[2:], "recipe.yaml"),
    "demo: optimizer": ("demo", "--output", "run", "--optimizer", "randon"),
    "demo: output is a file": ("demo", "--output", "good.jsonl"),
    "recommend: no such data": ("recommend", "god.jsonl"),
    "recommend: space": ("recommend", "good.jsonl", "--space", "pefd"),
    "recommend: hardware": ("recommend", "good.jsonl", "--hardware", "h10"),
    "collect: no such task": ("collect", "--tasks", "god.jsonl", "--out", "meta"),
    "collect: space": ("collect", "--tasks", "good.jsonl", "--out", "meta", "--space", "pefd"),
    "collect: out is a file": ("collect", "--tasks", "good.jsonl", "--out", "good.jsonl"),
    "fit: no such meta-dataset": ("fit", "foretune-tiny", "--out", "run"),
    "fit: out is a file": ("fit", "foretune-tiny-v1", "--out", "good.jsonl"),
    "replay: no such meta-dataset": ("replay", "foretune-tiny", "--out", "run"),
    "replay: method": ("replay", "foretune-tiny-v1", "--methods", "randon", "--out", "run"),
    "replay: out is a file": ("replay", "foretune-tiny-v1", "--out", "good.jsonl"),
    "generate: dataset": ("generate", "run", "--only", "unit"),
    "generate: out is a file": ("generate", "good.jsonl"),
    "metadata describe: none": ("metadata", "describe", "foretune-tiny"),
    "metadata verify: none": ("metadata", "verify", "foretune-tiny"),
    "metadata gate: none": ("metadata", "gate", "foretune-tiny"),
    "metadata merge: none": ("metadata", "merge", "foretune-tiny", "public-llm-v2", "--out", "run"),
    "metadata import: kind": ("metadata", "import", "csw", "good.jsonl", "--out", "run"),
    "metadata export: kind": ("metadata", "export", "csw", "foretune-tiny-v1", "--out", "run"),
}
RECIPE_LINES = """method: lora
rank: 8
alpha_over_rank: 2.0
dropout: 0.0
target_modules: all
learning_rate: 0.001
batch_size: 8
schedule: linear
warmup: 0.1
weight_decay: 0.0
optimizer: adamw
epochs: 1
"""
PROGRAM = """
import sys
from foretune.cli import app
try:
    app()
finally:
    print("\\nLOADED", "torch" in sys.modules, file=sys.stderr)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="processes of each mistake; the median is shown")
    parser.add_argument("--only", default="", help="only mistakes with this in their name")
    arguments = parser.parse_args()
    print("| mistake | seconds | torch loaded | exit | left behind | what it says |")
    print("|---|---:|---|---:|---|---|")
    for name, command in MISTAKES.items():
        if arguments.only in name:
            print(row(name, command, arguments.repeats), flush=True)


def row(name: str, command: Sequence[str], repeats: int) -> str:
    taken: list[float] = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            before = furnish(Path(folder))
            begun = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-c", PROGRAM, *command],
                cwd=folder,
                env={**os.environ, "COLUMNS": "300"},
                capture_output=True,
                text=True,
                check=False,
            )
            taken.append(time.perf_counter() - begun)
            left = sorted({path.name for path in Path(folder).iterdir()} - before)
    said, _, loaded = done.stderr.rpartition("\nLOADED ")
    lines = [line.strip(" │╭╰─╮╯") for line in said.splitlines() if line.strip(" │╭╰─╮╯")]
    words = lines[-1].replace("|", "\\|") if lines else ""
    torch = "yes" if loaded.strip() == "True" else "no"
    return f"| {name} | {statistics.median(taken):.1f} | {torch} | {done.returncode} | {', '.join(left)} | {words} |"


def furnish(folder: Path) -> set[str]:
    rows = [{"prompt": f"What comes after {number}?", "completion": str(number + 1)} for number in range(60)]
    lines = [json.dumps(row) for row in rows]
    (folder / "good.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (folder / "broken.jsonl").write_text("\n".join([*lines[:9], '{"prompt": "What', *lines[9:]]), encoding="utf-8")
    (folder / "recipe.yaml").write_text(RECIPE_LINES, encoding="utf-8")
    (folder / "name.yaml").write_text(RECIPE_LINES.replace("dropout", "droput"), encoding="utf-8")
    (folder / "value.yaml").write_text(RECIPE_LINES.replace("linear", "linar"), encoding="utf-8")
    return {path.name for path in folder.iterdir()}


if __name__ == "__main__":
    main()
