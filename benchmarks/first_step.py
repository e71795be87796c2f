"""Seconds between a command and its first training step, by phase: of the clock, and of the processor.

Run: python benchmarks/first_step.py rows.jsonl --model FOLDER [--rows 200]

Starts `foretune tune` as a process of its own, which is ended after the first training step of its first trial. Where
other programs use the machine, too, the processor's seconds say more.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LIBRARIES = "importing libraries"


class Phases:
    """Notes when each phase has ended, and ends the process after the last one."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.ends: dict[str, tuple[float, float]] = {}

    def end(self, phase: str) -> None:
        """Only the first end of a phase counts."""
        from foretune.cli.start import seconds_since_start

        self.ends.setdefault(phase, (seconds_since_start(), time.process_time()))

    def ends_at(self, phase: str, owner: Any, function: str, *, entry: bool = False, last: bool = False) -> None:
        """Let a phase end where a function is left, or entered."""
        call: Callable[..., Any] = getattr(owner, function)

        def marked(*given: Any, **named: Any) -> Any:
            """The function, with a note."""
            if entry:
                self.end(phase)
            result = call(*given, **named)
            if not entry:
                self.end(phase)
            if last:
                self.file.write_text(json.dumps(self.ends), encoding="utf-8")
                os._exit(0)
            return result

        setattr(owner, function, marked)

    def watch(self) -> None:
        """Mark the phases; what is imported for that would have been next."""
        from foretune.finetuning import base, pace, slices
        from foretune.session import measuring

        self.ends_at(LIBRARIES, base, "fresh_model", entry=True)
        self.ends_at("reading and checking the model", measuring.Reader, "read", entry=True)
        self.ends_at("reading and tokenizing the data", measuring.Measuring, "measure", entry=True)
        self.ends_at("timing evaluation and steps", pace, "measure_effort")
        self.ends_at("scoring the base model", pace, "timed_zero_shot")
        self.ends_at("choosing the first trial", slices, "prepare_run", entry=True)
        self.ends_at("putting the adapter on", slices, "prepare_run")
        self.ends_at("the first training step", slices, "take_step", last=True)


def command(file: Path, arguments: list[str]) -> None:
    """What `foretune` does, with a note at the end of each phase."""
    from foretune.cli import app
    from foretune.session import search

    phases = Phases(file)
    phases.ends_at("checking the arguments", search, "check_settings")
    choose = search.on_this_machine

    def watched(settings: search.TuneOptions) -> search.TuneOptions:
        """Torch is imported here."""
        chosen = choose(settings)
        phases.watch()
        return chosen

    search.on_this_machine = watched
    app(arguments)


def measure(arguments: list[str]) -> dict[str, tuple[float, float]]:
    """Seconds of the clock and of the processor by phase."""
    with tempfile.TemporaryDirectory() as folder:
        file, output = Path(folder) / "phases.json", Path(folder) / "search"
        child = [sys.executable, __file__, "--inside", str(file), "tune", *arguments, "--output", str(output)]
        done = subprocess.run([*child, "--budget", "1h"], capture_output=True, text=True, check=False)
        if not file.exists():
            sys.exit(f"the command did not get to its first training step:\n{done.stdout}{done.stderr}")
        ends: dict[str, tuple[float, float]] = json.loads(file.read_text(encoding="utf-8"))
    before, seconds = (0.0, 0.0), {}
    for phase, end in ends.items():
        seconds[phase] = (end[0] - before[0], end[1] - before[1])
        before = end
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="foretune-tiny")
    parser.add_argument("--rows", type=int, default=200)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.jsonl"
        lines = given.data.read_text(encoding="utf-8").splitlines(keepends=True)[: given.rows]
        rows.write_text("".join(lines), encoding="utf-8")
        seconds = measure([str(rows), "--model", given.model])
    print(f"{'':<34} {'clock':>6} {'processor':>9}   seconds")
    for phase, (clock, processor) in seconds.items():
        print(f"{phase:<34} {clock:>6.1f} {processor:>9.1f}")
    totals = [sum(one[at] for one in seconds.values()) for at in (0, 1)]
    print(f"{'together':<34} {totals[0]:>6.1f} {totals[1]:>9.1f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        command(Path(sys.argv[2]), sys.argv[3:])
    else:
        main()
