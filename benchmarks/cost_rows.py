"""Recorded runs of two public tables of costs, as `foretune.recommendation.hardware` plans runs.

`fms_acceleration_costs/` has CSV files of IBM's fms-acceleration (`scripts/benchmarks/refs`): A100s of 80 GB, gradient
checkpointing, LoRA on q, k, v and o with dropout 0.1. Rows are packed to 4,096 tokens. In one file they are shorter,
and their length follows from tokens and samples a second; their longest row is unknown, so their memory is left out.
Several devices are FSDP. "Fused" are kernels that keep logits in 16 bits ("foak") or none at all ("liger").

`litgpt_costs/table.md` is `config_hub/finetune/README.md` of LitGPT: one A10G of 24 GB, bfloat16, micro-batches
without checkpointing. The data is Alpaca2k: 2,000 rows of Alpaca, cut at 512 tokens, 1,923 of them for training. Their
lengths are not published with the table. Logs of axolotl on the same rows give 188 tokens a row with Llama 3's
tokenizer (its issue 1644) and 215 to 227 with Mistral's (issue 971). So the mean is taken to be 200, the logarithm to
be normal with a deviation of 0.6, and rows to be padded to the longest of their micro-batch.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import lognorm

from foretune.finetuning.memory import Split
from foretune.recommendation.accelerators import Accelerator, find_accelerator
from foretune.recommendation.hardware import PlannedRun, Trainer
from foretune.recommendation.names import guess_model
from foretune.recommendation.shape import ModelShape
from foretune.recommendation.workload import Workload
from foretune.types import Configuration

FMS_FILES = ("a100_80gb.csv", "a100_80gb_granite.csv", "a100_80gb_liger.csv", "a100_80gb_pf.csv")
FMS_TOKENS, _STEPS = 4096, 8
_LOGITS = {"": 16.0, "foak": 8.0, "liger": 0.0}
"""Bytes of a logit at the peak: in float32 with its log-probability and the gradients of both; in 16 bits; none."""
_FSDP_BACKWARD = 2.75
"""What computing a layer again takes under FSDP, over what the layer keeps; set with these runs in view."""
ALPACA_ROWS, ALPACA_TOKENS, ALPACA_DEVIATION, LITGPT_TOKENS = 1923, 200, 0.6, 512
# config_hub/finetune/*/{lora,qlora}.yaml of LitGPT: ranks of those that adapt all matrices; others q and v at 32.
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
    """A run that was recorded.

    Attributes:
        kind: of runs that are summed up together.
        plain: whether it is as foretune runs it: one device and no fused kernels.
        planned: the run.
        card: accelerator.
        memory: bytes at the peak; None where it ran out or where the peak can't be predicted.
        seconds: of the planned run; None where it ran out of memory.
    """

    kind: str
    plain: bool
    planned: PlannedRun
    card: Accelerator
    memory: float | None
    seconds: float | None

    @property
    def ran_out(self) -> bool:
        """Of memory."""
        return self.seconds is None


def read_rows(tables: Path, alpaca_tokens: int = ALPACA_TOKENS) -> tuple[list[Recorded], Counter[str]]:
    """All runs that can be predicted, and how many are left out for which reason."""
    left_out: Counter[str] = Counter()
    folder = tables / "fms_acceleration_costs"
    rows = [*_fms(folder, left_out), *_litgpt(tables / "litgpt_costs" / "table.md", alpaca_tokens, left_out)]
    left_out["IBM, the model is not named"] = len(pd.read_csv(folder / "a100_80gb_mp.csv"))
    left_out["IBM, mixtures in loops or kernels of their own"] = len(pd.read_csv(folder / "a100_80gb_moe.csv"))
    return rows, left_out


def _known_shape(name: str) -> ModelShape | None:
    guess = guess_model(re.sub(r"-GPTQ$", "", name))
    return guess.shape if "as published" in guess.note else None


def _fms(folder: Path, left_out: Counter[str]) -> Iterator[Recorded]:
    for name in FMS_FILES:
        for row in pd.read_csv(folder / name).to_dict("records"):
            found = _fms_run(row, packed=not name.endswith("_pf.csv"))
            if found is None:
                left_out["the shape of the model is not known"] += 1
            else:
                yield found


def _fms_run(row: dict[str, Any], *, packed: bool) -> Recorded | None:
    shape = _known_shape(row["model_name_or_path"])
    if shape is None:
        return None
    batch, devices, done = int(row["per_device_train_batch_size"]), int(row["num_gpus"]), row["train_runtime"] > 0
    way: str = row["framework_config"]
    quantized = next((kind for kind in ("bnb", "gptq") if kind in way), "")
    method = "qlora" if quantized else "lora" if row["peft_method"] == "lora" else "full"
    kernels = next((kind for kind in ("liger", "foak") if kind in way), "")
    pace = row["train_tokens_per_second"]  # of a device
    tokens = FMS_TOKENS if packed or not done else round(pace * devices / row["train_samples_per_second"])
    mixed = pd.notna(row.get("bf16")) or pd.notna(row["fp16"])
    trainer = Trainer(
        autocast=mixed,
        half=devices == 1 or not mixed,
        wide=way == "baseline-peft-bnb" and devices == 1,  # others load weights in a way of their own
        logit_bytes=_LOGITS[kernels],
        backward=_FSDP_BACKWARD if devices > 1 else Trainer().backward,
        devices=devices,
    )
    lengths = np.full(_STEPS * batch, tokens)
    adapter = {"rank": 16, "target_modules": "attention", "dropout": 0.1, "batch_size": batch, "epochs": 1}
    planned = PlannedRun(
        shape,
        Workload(lengths, lengths, 0),
        Configuration({"method": method, **adapter}),
        Split(checkpointing=True),
        trainer,
    )
    words = (
        "IBM",
        method,
        quantized,
        "fused" if kernels else "",
        "FSDP" if devices > 1 else "",
        "" if packed else "short",
    )
    memory = float(row["mem_peak_torch_mem_alloc_in_bytes"]) if done and packed else None
    seconds = _STEPS * batch * tokens / pace if done else None
    plain = devices == 1 and not kernels
    return Recorded(" ".join(filter(None, words)), plain, planned, find_accelerator("a100-80gb"), memory, seconds)


def _litgpt(path: Path, tokens: int, left_out: Counter[str]) -> Iterator[Recorded]:
    for line in path.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) < 9 or not cells[5].endswith("xA10G"):
            continue
        if cells[5] != "1xA10G":
            left_out["LitGPT on four A10Gs: the same runs again, or limited in steps"] += 1
            continue
        yield _litgpt_run(cells, tokens)


def _litgpt_run(cells: list[str], tokens: int) -> Recorded:
    config, epochs, batch = cells[0].removesuffix(".yaml"), int(cells[2]), int(cells[4])
    model, method = config.split("/")
    shape = _known_shape(LITGPT_NAMES.get(model, model))
    assert shape is not None, config
    lengths = _padded(batch, tokens)
    adapter = {"rank": LITGPT_ALL.get(config, 32), "dropout": 0.05, "epochs": epochs, "batch_size": batch}
    targets = "all" if config in LITGPT_ALL else "q_proj+v_proj"
    planned = PlannedRun(
        shape,
        Workload(lengths, lengths, 0),
        Configuration({"method": method, **adapter, "target_modules": targets}),
        trainer=Trainer(half=True, logit_bytes=_LOGITS["foak"]),
    )
    ran_out = cells[8] == "OOM"
    memory = None if ran_out else 1e9 * float(cells[8].removesuffix(" GB"))
    if method == "full" and memory is not None and memory < 8 * shape.parameters:
        memory = None  # less than parameters, gradients and moments in 16 bits: not the optimizer that it says
    seconds = None if ran_out else 60 * float(cells[6].removesuffix(" min"))
    return Recorded(f"LitGPT {method}", True, planned, find_accelerator("a10g"), memory, seconds)


@lru_cache
def _padded(batch: int, tokens: int) -> np.ndarray:
    """Tokens of Alpaca's rows, padded to the longest of a micro-batch."""
    middle = tokens * np.exp(-(ALPACA_DEVIATION**2) / 2)
    places = (np.arange(ALPACA_ROWS) + 0.5) / ALPACA_ROWS
    drawn = lognorm.ppf(places, ALPACA_DEVIATION, scale=middle).clip(max=LITGPT_TOKENS).round().astype(int)
    drawn = np.random.default_rng(0).permutation(drawn)
    longest = np.maximum.reduceat(drawn, np.arange(0, ALPACA_ROWS, batch))
    return np.repeat(longest, batch)[:ALPACA_ROWS]
