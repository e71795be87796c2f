"""The folder of a short search, written as `tune` writes it, for the tests of pages."""

import json
from pathlib import Path

from finished_search import ENTRIES, IA3, LORA

from foretune.journal import append_entry, create_journal
from foretune.report.run_report import RunReport, write_run_report

HEADER = {
    "settings": {"data": "facts.jsonl", "model": "foretune-tiny", "seed": 7, "space": "peft", "optimizer": "transfer"},
    "task": {"id": "facts", "max_fidelity": 8},
    "rows": {"train": 60, "validation": 20, "test": 20},
    "zero_shot": {split: {"nll": 4.0, "token_accuracy": 0.25, "exact_match": 0.0} for split in ("validation", "test")},
    "versions": {"foretune": "0.1.0", "torch": "2.13.0"},
    "memory": {"free_bytes": 3 * 2**30},
    "metric": {"name": "nll"},
    "setup_seconds": 10.0,
    "budget_seconds": 20.0,
    "default": dict(IA3.values),
    "command": "foretune tune facts.jsonl --output run-again --budget 20s",
}
SLICES = {LORA.key: 2, IA3.key: 1}


def slice_line(number: int) -> str:
    values = {"fidelity": number, "tokens": 100 * number, "validation_nll": 3.0 - number, "train_seconds": 1.5}
    return json.dumps({**values, "evaluation_seconds": 0.5})


def write_run(folder: Path, configuration: dict, slices: int) -> None:
    """What training leaves: the slices, and where they were trained."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(slice_line(number) + "\n" for number in range(1, slices + 1))
    (folder / "slices.jsonl").write_text(lines)
    run = {"configuration": configuration, "peak_memory_bytes": 2**30, "hardware": "a processor"}
    (folder / "run.json").write_text(json.dumps({**run, "started": "2026-02-27T10:00:00+00:00"}))


def write_folder(folder: Path, report: RunReport | None = None, *, entries=ENTRIES, header=None) -> Path:
    """A search with its trials; one that has ended if there is a report."""
    folder.mkdir(parents=True, exist_ok=True)
    create_journal(folder / "journal.jsonl", header or HEADER)
    for entry in entries:
        append_entry(folder / "journal.jsonl", entry)
    for configuration in {entry.report.trial.configuration for entry in entries}:
        write_run(folder / "trials" / configuration.key, dict(configuration.values), SLICES[configuration.key])
    if report is not None:
        write_run_report(report, folder / "report.json")
    return folder
