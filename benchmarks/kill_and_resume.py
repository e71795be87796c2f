"""Kill -9 a `foretune tune` at random moments and resume it: the end must equal the uninterrupted run's.

Run: python benchmarks/kill_and_resume.py [--kills 10] [--slices 12] [--optimizer transfer] [--data DATA] [--model M]

Searches end with their slices, not with their seconds, so that the end does not depend on how busy the machine is.
Compared are every report (configuration, slices, status, scores), the incumbent, the table on the test split, and the
bytes of the adapter; what differs by nature are seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from foretune.errors import ForetuneError
from foretune.journal import read_journal
from foretune.synthesis.facts import make_facts
from foretune.tuner import incumbent_of


def command(arguments: argparse.Namespace, data: Path, output: Path, *, resume: bool) -> list[str]:
    search = ["--model", arguments.model, "--optimizer", arguments.optimizer, "--seed", str(arguments.seed)]
    size = ["--train-rows", str(arguments.train_rows), "--max-slices", str(arguments.slices), "--budget", "24h"]
    verb = [sys.executable, "-m", "foretune.cli", "tune", str(data), "--output", str(output)]
    return [*verb, *search, *size, *(["--resume"] if resume else [])]


def start(arguments: argparse.Namespace, data: Path, output: Path, *, resume: bool = False) -> subprocess.Popen[bytes]:
    log = output.with_suffix(".log").open("ab")
    return subprocess.Popen(
        command(arguments, data, output, resume=resume), stdout=log, stderr=log, start_new_session=True
    )


def finish(arguments: argparse.Namespace, data: Path, output: Path, *, resume: bool = False) -> None:
    if start(arguments, data, output, resume=resume).wait() != 0:
        sys.exit(f"the search failed:\n{output.with_suffix('.log').read_text(encoding='utf-8')}")


def outcome(output: Path) -> dict[str, Any]:
    """All that must be equal, as JSON values."""
    history = read_journal(output / "journal.jsonl").history
    incumbent = incumbent_of(history)
    report = json.loads((output / "report.json").read_text(encoding="utf-8"))
    reports = [
        [one.trial.configuration.key, one.trial.resumes_from, one.trial.fidelity, one.status, one.curve.scores.tolist()]
        for one in history
    ]
    return {
        "reports": reports,
        "incumbent": incumbent and [incumbent.configuration.key, incumbent.fidelity, incumbent.score],
        "table": report["scores"],
        "adapter": (output / "adapter" / "adapter_model.safetensors").read_bytes().hex(),
    }


def state_at_kill(output: Path) -> str:
    try:
        return f"{len(read_journal(output / 'journal.jsonl').entries)} reports in the journal"
    except (OSError, ForetuneError):
        return "no journal yet"


def kill_once(arguments: argparse.Namespace, data: Path, output: Path, seconds: float) -> str:
    process = start(arguments, data, output)
    time.sleep(seconds)
    ended = process.poll() is not None
    if not ended:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return "had already ended" if ended else f"killed after {seconds:.1f} s, {state_at_kill(output)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--slices", type=int, default=12)
    parser.add_argument("--optimizer", default="transfer")
    parser.add_argument("--data", type=Path, help="by default the demo's facts")
    parser.add_argument("--model", default="foretune-tiny")
    parser.add_argument("--train-rows", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        data = arguments.data or make_facts(folder / "facts")
        began = time.monotonic()
        finish(arguments, data, folder / "whole")
        length = time.monotonic() - began
        whole = outcome(folder / "whole")
        print(
            f"uninterrupted: {length:.0f} s, {len(whole['reports'])} reports, incumbent {whole['incumbent']}",
            flush=True,
        )
        equal = 0
        for number, seconds in enumerate(rng.uniform(0.05 * length, 0.85 * length, arguments.kills)):
            output = folder / f"killed-{number}"
            what = kill_once(arguments, data, output, float(seconds))
            finish(arguments, data, output, resume=output.is_dir())
            resumed = outcome(output)
            different = [name for name in whole if resumed[name] != whole[name]]
            equal += not different
            print(f"{what}; resumed: {'different ' + ', '.join(different) if different else 'equal'}", flush=True)
    print(
        f"{equal} of {arguments.kills} resumed searches equal the uninterrupted one in every report, score and weight"
    )
    sys.exit(equal != arguments.kills)


if __name__ == "__main__":
    main()
