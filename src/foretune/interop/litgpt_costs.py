"""LitGPT's table of finetunings on Alpaca2k: Markdown, a row a run of a file in `config_hub/finetune` on A10Gs.

The table has minutes, GB of memory and the validation loss; `OOM` stands for runs out of memory. It leaves to the files
of `config_hub` what this reader has from them: the learning rate (2e-4 in all), rank, alpha 16, dropout, the modules
with adapters, and the batch size. Dollars are left out: they are the minutes times a price that has changed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from foretune.errors import InteropError
from foretune.interop.documents import LINE, files_in, positive, read_text
from foretune.interop.options import ImportOptions
from foretune.interop.origin import figures_of
from foretune.interop.recorded import Imported, RecordedRun, task_of
from foretune.interop.resample import ImportedSlice
from foretune.types import Status, Value

ROWS = 1900
"""Training rows: Alpaca2k has 2,000, of which LitGPT keeps 5 % for validation; some configurations keep 77 rows."""
_FACTS: Mapping[str, Any] = {"rows": ROWS, "family": "instructions", "sized": True}
_OUT_OF_MEMORY = "OOM"
_COLUMNS = (
    *("Config", "Model", "Epochs", "Micro batch size", "Machine", "Training runtime", "Peak memory"),
    "Validation loss",
)
_NAMES = {"gemma2-2b": "gemma-2-2b", "gemma2b": "gemma-2-2b", "tiny-llama": "TinyLlama-1.1B"}
"""Folders of `config_hub` whose model the table names wrongly or not in full."""
_MACHINE = re.compile(r"(\d+)x(\w+)")
_CONFIG = re.compile(r"([\w.-]+)/(full|lora|qlora)\.yaml")
_RATE, _ALPHA = 2e-4, 16.0
_FULL_BATCHES = {"gemma-2b": 16, "llama": 64, "phi": 8, "stablelm": 8, "tiny-llama": 32}
_FULL_STEPS = {"gemma-2b": 50, "phi-2": 100}
"""Models whose full finetuning ends after so many steps, before its first epoch does."""
_ALL = {"gemma-2b/lora": 8, "gemma2-2b/lora": 8, "gemma": 16, "phi": 8, "tiny-llama": 32}
"""Beginnings of configurations with adapters on all modules -> rank; the longest counts. Others: 32, on q and v."""


def litgpt_runs(paths: Sequence[str], options: ImportOptions) -> Imported:
    """LitGPT's table, from a Markdown file or a folder with one: a run a row.

    Raises:
        InteropError: naming the file, the line and the expectation.
    """
    files = files_in(paths, "*.md", "no Markdown file at {}; give LitGPT's config_hub/finetune/README.md")
    return Imported(
        [_run(row, file, figures_of(file.parent, options), options) for file in files for row in _rows(file)]
    )


def _rows(file: Path) -> list[dict[str, str]]:
    lines = enumerate(read_text(file).splitlines(), start=1)
    cells = [(number, [cell.strip() for cell in line.strip().strip("|").split("|")]) for number, line in lines]
    header = next((row for _, row in cells if set(_COLUMNS) <= set(row)), None)
    if header is None:
        message = f"{file} has no table with the columns {', '.join(_COLUMNS)}; give LitGPT's config_hub README"
        raise InteropError(message)
    return [
        {**dict(zip(header, row, strict=True)), LINE: str(number)}
        for number, row in cells
        if len(row) == len(header) and ".yaml" in row[0]
    ]


def _run(row: Mapping[str, str], file: Path, figures: Mapping[str, str], options: ImportOptions) -> RecordedRun:
    where = f"{file}, line {row[LINE]}"
    config, machine = _CONFIG.fullmatch(row["Config"]), _MACHINE.fullmatch(row["Machine"])
    if config is None or machine is None:
        message = f"{where}: {row['Config']!r} on {row['Machine']!r}, expected MODEL/METHOD.yaml on COUNTxNAME"
        raise InteropError(message)
    lost = row["Training runtime"] == _OUT_OF_MEMORY
    epochs, micro = (int(_number(row, name, where)) for name in ("Epochs", "Micro batch size"))
    slices: list[ImportedSlice] = []
    if not lost:
        minutes, loss = (_number(row, name, where) for name in ("Training runtime", "Validation loss"))
        steps = _FULL_STEPS.get(config[1]) if config[2] == "full" else None
        slices = [ImportedSlice(loss, 60 * minutes, steps=steps, epochs=None if steps else epochs)]
    model = _NAMES.get(config[1], row["Model"])
    card = f"NVIDIA {machine[2]}"
    return RecordedRun(
        f"{config[2]}-line{row[LINE]}",
        task_of(options, {}, "alpaca2k", model, "validation_loss", "minimize", **_FACTS),
        {**_settings(config[1], config[2]), "epochs": epochs, "micro_batch_size": micro},
        slices,
        status=Status.OUT_OF_MEMORY if lost else Status.OK,
        message="the source says OOM" if lost else "",
        facts={
            **figures,
            "hardware": card if machine[1] == "1" else f"{machine[1]} x {card}",
            "peak_memory_bytes": None if lost else round(1e9 * _number(row, "Peak memory", where)),
        },
    )


def _settings(model: str, method: str) -> dict[str, Value]:
    """What the file `MODEL/METHOD.yaml` says."""
    found: dict[str, Value] = {"method": method, "learning_rate": _RATE}
    if method == "full":
        limits = {"batch_size": _of_beginning(_FULL_BATCHES, model), "max_steps": _FULL_STEPS.get(model)}
        return found | {name: value for name, value in limits.items() if value is not None}
    everywhere = _of_beginning(_ALL, f"{model}/{method}")
    rank, gemma = everywhere or 32, model.startswith("gemma")
    return {
        **found,
        "rank": rank,
        "alpha_over_rank": _ALPHA / rank,
        "dropout": 0.1 if gemma else 0.05,
        "target_modules": "all" if everywhere else "q_proj+v_proj",
        "batch_size": 6 if gemma else 8,
    }


def _of_beginning(known: Mapping[str, int], name: str) -> int | None:
    return next((known[start] for start in sorted(known, key=len, reverse=True) if name.startswith(start)), None)


def _number(row: Mapping[str, str], name: str, where: str) -> float:
    return positive(row[name].removesuffix(" min").removesuffix(" GB").strip(), f"{where}: {name!r}")
