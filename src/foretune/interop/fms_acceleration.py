"""Benchmarks of IBM's fms-acceleration on A100s of 80 GB: CSV files, a row a finetuning of some hundred steps.

They were made for seconds, tokens a second and peak memory; the only score is the mean loss of the training steps,
`train_loss`. `foretune fit` learns no ranking from it. A row without figures is a run that has *run out of memory*.

Rows of the source give no dataset, batch size or method in our words, so these follow from its scenario files:

- The dataset follows from the name of the file. Files of packed rows have 4,096 tokens a row (2,048 where the model
  takes no more); a run's tokens are those of all accelerators.
- batch size = rows a device and micro-batch * accelerators * micro-batches a step.
- LoRA on weights in 4 bits, by bitsandbytes or GPTQ, is `qlora`. `variant` is the source's name of the kernels.
- All runs recompute activations (gradient checkpointing).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from foretune.errors import InteropError
from foretune.interop.adapters import adapter_settings
from foretune.interop.documents import LINE, files_in, positive, read_csv
from foretune.interop.options import ImportOptions
from foretune.interop.origin import figures_of
from foretune.interop.recorded import Imported, RecordedRun, task_of
from foretune.interop.resample import ImportedSlice
from foretune.types import Status, Value

HARDWARE = "NVIDIA A100 80GB"
_PACKED = ("alpaca-cleaned (packed)", "instructions")
_DATASETS = {
    "a100_80gb": _PACKED,
    "a100_80gb_granite": _PACKED,
    "a100_80gb_liger": _PACKED,
    "a100_80gb_moe": ("alpaca-cleaned", "instructions"),
    "a100_80gb_mp": ("orca-math-word-problems", "math"),
    "a100_80gb_pf": ("orca-math-word-problems", "math"),
}
_COLUMNS = ("framework_config", "num_gpus", "per_device_train_batch_size", "train_runtime", "train_loss")
_QUANTIZED = ("bnb", "gptq")
_ABSENT = "no CSV file at {}; give benchmarks of fms-acceleration, such as a100_80gb.csv"
_LOST = "the source has no figures of this run, which it does where memory ran out"
_NOTE = "the loss of fms-acceleration is of training: its runs tell costs, and nothing about configurations"


def fms_acceleration_runs(paths: Sequence[str], options: ImportOptions) -> Imported:
    """Benchmarks of fms-acceleration, from CSV files or folders of them: a run a row that names its model.

    Raises:
        InteropError: naming the file, the line and the expectation.
    """
    runs, notes = list[RecordedRun](), [_NOTE]
    for file in files_in(paths, "*.csv", _ABSENT):
        rows = _rows(file)
        named = [row for row in rows if options.model or row.get("model_name_or_path")]
        figures = figures_of(file.parent, options)
        runs += [_run(row, file, figures, options) for row in named]
        if left := len(rows) - len(named):
            notes.append(f"{left} rows of {file.name} are left out, for they do not name the model")
    return Imported(runs, notes)


def _rows(file: Path) -> list[dict[str, str]]:
    names, rows = read_csv(file)
    if absent := [name for name in _COLUMNS if name not in names]:
        raise InteropError(f"{file} lacks the columns {', '.join(absent)}; give benchmarks of fms-acceleration")
    return rows


def _run(row: Mapping[str, str], file: Path, figures: Mapping[str, str], options: ImportOptions) -> RecordedRun:
    gpus, micro = (int(_needed(row, name, file)) for name in ("num_gpus", "per_device_train_batch_size"))
    batch = micro * gpus * _micro_batches(row, micro * gpus, file)
    lost = not row["train_runtime"]
    (dataset, family), model = _DATASETS.get(file.stem, ("", "")), row.get("model_name_or_path", "")
    peak = _number(row, "mem_peak_torch_mem_alloc_in_bytes", file)
    return RecordedRun(
        f"{file.stem}-line{row[LINE]}",
        task_of(options, {}, dataset, model, "train_loss", "minimize", family=family, sized=True),
        {**_settings(row, file), "batch_size": batch, "micro_batch_size": micro, "gradient_checkpointing": True},
        [] if lost else [_slice(row, gpus, batch, file)],
        status=Status.OUT_OF_MEMORY if lost else Status.OK,
        message=_LOST if lost else "",
        facts={
            **figures,
            "hardware": f"{gpus} x {HARDWARE}" if gpus > 1 else HARDWARE,
            "peak_memory_bytes": int(peak) if peak else None,
        },
    )


def _micro_batches(row: Mapping[str, str], rows: int, file: Path) -> int:
    """Of a step, with so many rows each on all accelerators: as stated, else by the speeds, else 1."""
    names = ("gradient_accumulation_steps", "train_samples_per_second", "train_steps_per_second")
    stated, samples, steps = (_number(row, name, file) for name in names)
    return round(stated or (samples / steps / rows if samples and steps else 1.0))


def _slice(row: Mapping[str, str], gpus: int, batch: int, file: Path) -> ImportedSlice:
    """All of a run. Samples a second have more digits than steps a second; tokens a second are of one accelerator."""
    seconds, loss = (_needed(row, name, file) for name in ("train_runtime", "train_loss"))
    samples, tokens = (_number(row, f"train_{name}_per_second", file) for name in ("samples", "tokens"))
    steps = round(samples * seconds / batch) if samples else None
    return ImportedSlice(loss, seconds, steps=steps, tokens=round(tokens * seconds * gpus) if tokens else None)


def _settings(row: Mapping[str, str], file: Path) -> dict[str, Value]:
    kernels, rate = row["framework_config"], _number(row, "learning_rate", file)
    found: dict[str, Any] = {"method": "full"}
    if row.get("peft_method"):
        found = adapter_settings(
            {
                "peft_type": row["peft_method"],
                "r": _number(row, "r", file),
                "lora_alpha": _number(row, "lora_alpha", file),
                "lora_dropout": _number(row, "lora_dropout", file),
                "target_modules": _modules(row),
            }
        )
    if found["method"] == "lora" and any(kind in kernels for kind in _QUANTIZED):
        found["method"] = "qlora"
    mixed = [name for name in ("fp16", "bf16") if row.get(name)]
    more = {
        "learning_rate": rate,
        "variant": None if kernels == "none" else kernels,
        "dtype": row.get("torch_dtype"),
        "mixed_precision": mixed[0] if mixed else None,
    }
    return {**found, **{name: value for name, value in more.items() if value}}


def _modules(row: Mapping[str, str]) -> list[str]:
    """The modules that the model has: `c_attn` is that of GPT-BigCode alone, the others are of all others."""
    listed, bigcode = row["target_modules"].split(), "bigcode" in row.get("model_name_or_path", "")
    return [name for name in listed if (name == "c_attn") == bigcode] or listed


def _number(row: Mapping[str, str], name: str, file: Path) -> float | None:
    return _needed(row, name, file) if row.get(name) else None


def _needed(row: Mapping[str, str], name: str, file: Path) -> float:
    return positive(row[name], f"{file}, line {row[LINE]}: {name!r}")
