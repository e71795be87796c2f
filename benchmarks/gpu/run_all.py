"""All measurements of this folder in order, as far as the time goes; each figure is saved as soon as it is known.

    python benchmarks/gpu/run_all.py --minutes 12 --out DIR --model models/SmolLM2-135M-Instruct --data tasks/a tasks/b
    python benchmarks/gpu/run_all.py --tiny --minutes 10 --out DIR --model foretune-tiny --data tasks/a

Writes `DIR/results.jsonl`. A second call with the same folder goes on with the stages that have not ended well.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from workload import append

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Stage:
    """A measurement.

    Attributes:
        name: of the stage.
        minutes: that it may take at most.
        script: in this folder.
        arguments: of the script.
    """

    name: str
    minutes: float
    script: str
    arguments: tuple[str, ...]


def stages(given: argparse.Namespace) -> Iterator[Stage]:
    """Most wanted first."""
    large = ("--shape", "qwen3-4b")
    trainers = ("foretune", "trl-checkpointed", "foretune-checkpointed")
    yield Stage("throughput", 5, "throughput.py", (*large, "--lengths", "512", "2048", "--engines", *trainers))
    yield Stage("out of memory", 3, "out_of_memory.py", ())
    if given.model and given.data:
        yield Stage("live search", 5, "live_search.py", ("--model", given.model, "--data", *given.data))
    yield Stage("several adapters", 3, "several_adapters.py", ("--adapters", "4", "12"))
    quantized = ("foretune-checkpointed-4bit", "trl-checkpointed-4bit")
    yield Stage("qlora", 3, "throughput.py", (*large, "--lengths", "512", "--engines", *quantized))
    yield Stage(
        "several adapters, 4B", 3, "several_adapters.py", (*large, "--adapters", "3", "--ways", "mps", "stacked")
    )
    yield Stage("throughput, Phi-3-mini", 2, "throughput.py", ("--shape", "phi-3-mini", "--lengths", "512"))


def tiny_stages(given: argparse.Namespace) -> Iterator[Stage]:
    """The same scripts on a CPU."""
    tiny = ("--shape", "tiny", "--device", "cpu")
    yield Stage("throughput", 3, "throughput.py", (*tiny, "--lengths", "32", "--steps", "2"))
    few = ("--rows", "32", "--batch-size", "16", "--length", "32")
    yield Stage("out of memory", 4, "out_of_memory.py", (*tiny, *few))
    if given.model and given.data:
        short = ("--budget", "15", "--train-rows", "60", "--device", "cpu")
        yield Stage("live search", 4, "live_search.py", ("--model", given.model, "--data", *given.data, *short))
    yield Stage(
        "several adapters", 4, "several_adapters.py", (*tiny, "--length", "16", "--adapters", "2", "--seconds", "1")
    )


def run(stage: Stage, out: Path, seconds: float) -> int:
    """Run a stage for so long at most, with all its processes; returns its exit code, -1 where it was ended."""
    command = [sys.executable, str(HERE / stage.script), *stage.arguments, "--out", str(out)]
    process = subprocess.Popen(command, start_new_session=True)
    try:
        return process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGINT)  # lets it end what it started
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
        return -1
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def ended_well(out: Path) -> set[str]:
    lines = out.read_text(encoding="utf-8").splitlines() if out.is_file() else []
    found = [one for one in map(json.loads, lines) if one["measurement"] == "stage"]
    return {one["name"] for one in found if one["code"] == 0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=12, help="for everything")
    parser.add_argument("--out", type=Path, required=True, help="folder for results.jsonl")
    parser.add_argument("--model", help="real LLM for the live search, which is left out without it")
    parser.add_argument("--data", nargs="+", default=[], help="datasets for the live search, a minute and a half each")
    parser.add_argument("--only", nargs="+", help="names of stages")
    parser.add_argument("--tiny", action="store_true", help="the same on a CPU, to see that it runs")
    given = parser.parse_args()
    begun, out = time.monotonic(), given.out / "results.jsonl"
    done = ended_well(out)
    for stage in (tiny_stages if given.tiny else stages)(given):
        left = 60 * given.minutes - (time.monotonic() - begun)
        if stage.name in done or (given.only and stage.name not in given.only):
            continue
        if left < 30:
            print(f"== {stage.name}: no time left", flush=True)
            continue
        print(f"== {stage.name}, with {left / 60:.1f} minutes left", flush=True)
        started = time.monotonic()
        code = run(stage, out, min(left, 60 * stage.minutes))
        seconds = time.monotonic() - started
        append(out, {"measurement": "stage", "name": stage.name, "code": code, "seconds": seconds})
        print(
            f"== {stage.name}: {'done' if code == 0 else f'exit code {code}'} after {seconds:.0f} seconds", flush=True
        )


if __name__ == "__main__":
    main()
