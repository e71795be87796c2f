"""How far predicted memory and seconds are from those of two public tables, which neither was fitted to.

`python benchmarks/public_costs.py TABLES` reads, from a folder, `fms_acceleration_costs/` (CSV files of IBM's
fms-acceleration, one A100 of 80 GB: seconds, peak of torch's allocations, runs out of memory) and
`litgpt_costs/table.md` (LitGPT's `config_hub/finetune/README.md`, one A10G of 24 GB: peak memory, runs out of memory;
micro-batches without checkpointing). Of both, LoRA on frozen weights in 16 bits and in 4 bits (bitsandbytes), on one
accelerator. Shapes are those that `foretune recommend` knows by the name of a model; others are left out.

A run is foretold to be out of memory if its predicted peak is above the memory of the accelerator. Seconds are of
IBM's runs in 16 bits; LitGPT's table does not say how long its rows are. "Fused" are kernels that keep less of logits
and norms than transformers does, so that predictions must be above. A minute of one core at most.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from foretune.finetuning.memory import Split
from foretune.recommendation.accelerators import Accelerator, find_accelerator
from foretune.recommendation.hardware import PlannedRun, peak_memory_bytes, run_seconds
from foretune.recommendation.names import guess_model
from foretune.recommendation.shape import ModelShape
from foretune.recommendation.workload import Workload
from foretune.types import Configuration

# scripts/benchmarks of fms-acceleration: packed rows, gradient checkpointing, q, k, v and o of attention, dropout 0.1.
FMS_FILES = ("a100_80gb.csv", "a100_80gb_granite.csv", "a100_80gb_liger.csv")
FMS_KINDS = {
    "none": "lora",
    "foak-fast-kernels": "lora",
    "baseline-peft-bnb": "qlora",
    "accelerated-peft-bnb": "qlora",
    "accelerated-peft-bnb-foak": "qlora",
}
FMS_TOKENS = 4096
_STEPS = 8
# config_hub/finetune/*/{lora,qlora}.yaml of LitGPT: rank and targets; bfloat16, dropout 0.05, rows cut at 512 tokens.
LITGPT_TOKENS, LITGPT_BATCH = 512, 8
LITGPT_ALL = {
    "gemma-2b/lora": 8,
    "gemma-2b/qlora": 16,
    "gemma-7b/lora": 16,
    "gemma-7b/qlora": 16,
    "gemma2-2b/lora": 8,
    "gemma2b/qlora": 16,
    "gemma2-9b/lora": 16,
    "gemma2-9b/qlora": 16,
    "phi-2/lora": 8,
    "phi-2/qlora": 8,
    "phi-3/lora": 8,
    "phi-3/qlora": 8,
    "tiny-llama/lora": 32,
    "tiny-llama/qlora": 32,
}
LITGPT_NAMES = {
    "gemma2-2b": "gemma-2-2b",
    "gemma2b": "gemma-2-2b",
    "gemma2-9b": "gemma-2-9b",
    "phi-3": "Phi-3-mini-4k-instruct",
    "tiny-llama": "TinyLlama-1.1B",
}


@dataclass(frozen=True)
class Recorded:
    """A run that was recorded; `memory` (bytes) is None where that ran out, `seconds` (of a step) where not known."""

    kind: str
    planned: PlannedRun
    memory: float | None
    seconds: float | None


def known_shape(name: str) -> ModelShape | None:
    """Of a published model; none of weights in other formats, whose names say so."""
    guess = guess_model(name)
    return guess.shape if "as published" in guess.note and "GPTQ" not in name else None


def fms(folder: Path) -> Iterator[Recorded]:
    """The runs of IBM's tables."""
    for name in FMS_FILES:
        table = pd.read_csv(folder / name)
        for row in table[(table["num_gpus"] == 1) & (table["peft_method"] == "lora")].to_dict("records"):
            method = FMS_KINDS.get(row["framework_config"])
            shape = known_shape(row["model_name_or_path"])
            if method is None or shape is None:
                continue
            batch, done = int(row["per_device_train_batch_size"]), row["train_runtime"] > 0
            tokens = np.full(_STEPS * batch, FMS_TOKENS)
            values = {"method": method, "rank": int(row["r"]), "target_modules": "attention", "dropout": 0.1}
            planned = PlannedRun(
                shape,
                Workload(tokens, tokens, 0),
                Configuration({**values, "batch_size": batch, "epochs": 1}),
                split=Split(checkpointing=True),
                autocast=pd.notna(row["fp16"]) or pd.notna(row["bf16"]),
            )
            fused = ", fused" if "foak" in row["framework_config"] else ""
            memory = row["mem_peak_torch_mem_alloc_in_bytes"] if done else None
            yield Recorded(f"fms {method}{fused}", planned, memory, 1 / row["train_steps_per_second"] if done else None)


def litgpt(path: Path) -> Iterator[Recorded]:
    """The runs of LitGPT's table."""
    for line in path.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) < 9 or cells[5] != "1xA10G" or "lora" not in cells[0]:
            continue
        config, rows = cells[0].removesuffix(".yaml"), int(cells[4])
        model, method = config.split("/")
        shape = known_shape(LITGPT_NAMES.get(model, model))
        if shape is None:
            continue
        values = {"method": method, "rank": LITGPT_ALL.get(config, 32), "dropout": 0.05, "epochs": 1}
        targets = "all" if config in LITGPT_ALL else "q_proj+v_proj"
        tokens = np.full(LITGPT_BATCH, LITGPT_TOKENS)
        planned = PlannedRun(
            shape,
            Workload(tokens, tokens, 0),
            Configuration({**values, "target_modules": targets, "batch_size": LITGPT_BATCH}),
            split=Split(rows * LITGPT_TOKENS),
        )
        memory = None if cells[8] == "OOM" else 1e9 * float(cells[8].removesuffix(" GB"))
        yield Recorded(f"litgpt {method}", planned, memory, None)


def show(runs: list[Recorded], card: Accelerator) -> None:
    for kind in sorted({run.kind for run in runs}):
        these = [run for run in runs if run.kind == kind]
        memory = [(peak_memory_bytes(run.planned), run.memory) for run in these]
        _ratios(f"{kind}, memory", [said / was for said, was in memory if was])
        seconds = [(run_seconds(run.planned, card), run.seconds) for run in these]
        _ratios(f"{kind}, seconds", [said / _STEPS / was for said, was in seconds if said and was])
        _foretold(kind, memory, card)


def _foretold(kind: str, memory: list[tuple[float, float | None]], card: Accelerator) -> None:
    said = [peak > card.memory_bytes for peak, _ in memory]
    ran_out = [was is None for _, was in memory]
    right = sum(one and other for one, other in zip(said, ran_out, strict=True))
    print(f"{kind}, out of memory: {right} of {sum(ran_out)} foretold, {sum(said) - right} of the others, too")


def _ratios(name: str, ratios: list[float]) -> None:
    if ratios:
        low, middle, high = np.quantile(ratios, [0.05, 0.5, 0.95])
        print(f"{name}: median {middle:.2f}, 90 % in {low:.2f} to {high:.2f}, of {len(ratios)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path)
    folder: Path = parser.parse_args().tables
    print("predicted over recorded")
    show(list(fms(folder / "fms_acceleration_costs")), find_accelerator("a100-80gb"))
    show(list(litgpt(folder / "litgpt_costs" / "table.md")), find_accelerator("a10g"))


if __name__ == "__main__":
    main()
