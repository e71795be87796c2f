"""What the GPU measurements share: models of a known shape with random weights, rows of one length, fresh processes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, Phi3Config, PreTrainedConfig, PreTrainedModel, Qwen3Config

from foretune.finetuning.data import TokenizedSplits, Tokens
from foretune.finetuning.run import RunRequest
from foretune.types import Configuration, Trial, Value

SHAPES = ("tiny", "smollm2-135m", "qwen3-4b", "phi-3-mini")

RANK = 16
"""Of all adapters."""

_RESULT = "RESULT "


def config_of(shape: str) -> PreTrainedConfig:
    """The configuration of a model of `SHAPES`, as its makers published it; `tiny` runs anywhere."""
    if shape == "tiny":
        return Qwen3Config(
            vocab_size=512, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
            intermediate_size=192, head_dim=16, tie_word_embeddings=True,
        )  # fmt: skip
    if shape == "smollm2-135m":
        return LlamaConfig(
            vocab_size=49_152, hidden_size=576, num_hidden_layers=30, num_attention_heads=9, num_key_value_heads=3,
            intermediate_size=1_536, max_position_embeddings=8_192, tie_word_embeddings=True,
        )  # fmt: skip
    if shape == "qwen3-4b":
        return Qwen3Config(
            vocab_size=151_936, hidden_size=2_560, num_hidden_layers=36, num_attention_heads=32, num_key_value_heads=8,
            intermediate_size=9_728, head_dim=128, max_position_embeddings=40_960, tie_word_embeddings=True,
        )  # fmt: skip
    if shape == "phi-3-mini":
        return Phi3Config(
            vocab_size=32_064, hidden_size=3_072, num_hidden_layers=32, num_attention_heads=32, num_key_value_heads=32,
            intermediate_size=8_192, max_position_embeddings=4_096, tie_word_embeddings=False,
        )  # fmt: skip
    raise ValueError(f"unknown shape {shape!r}; choose one of {', '.join(SHAPES)}")


def random_model(shape: str, device: str) -> PreTrainedModel:
    """A frozen model with random weights, built on the device: bfloat16 on a GPU, else float32."""
    dtype = torch.bfloat16 if device.startswith("cuda") else torch.float32
    torch.manual_seed(0)
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(config_of(shape), dtype=dtype)
    return model.requires_grad_(False).eval()


def random_rows(shape: str, rows: int, length: int, *, learned: float) -> TokenizedSplits:
    """Rows of random tokens that are all equally long, so that no trainer pads; the last share `learned` is learned."""
    tokens = np.random.default_rng(0).integers(10, config_of(shape).vocab_size, size=(rows, length), dtype=np.int32)
    starts = np.full(rows, max(1, round(length * (1 - learned))))
    few = Tokens(tuple(tokens[:2]), starts[:2])
    return TokenizedSplits("random", Tokens(tuple(tokens), starts), few, few)


def request_of(data: TokenizedSplits, device: str, batch_size: int, **changes: Value) -> RunRequest:
    """For `prepare_run`: a LoRA on all layers, trained for an epoch, but for the changes; nothing is saved."""
    values: dict[str, Value] = {
        "method": "lora",
        "rank": RANK,
        "alpha_over_rank": 2.0,
        "dropout": 0.0,
        "target_modules": "all",
        "learning_rate": 1e-4,
        "batch_size": batch_size,
        "epochs": 1,
        "schedule": "constant",
        "optimizer": "adamw",
        **changes,
    }
    return RunRequest(Trial(0, Configuration(values), 1), data, "random", device)


def synchronize(device: str) -> None:
    """Wait until the device has done what it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def in_fresh_process(script: str, case: Mapping[str, Any], *, seconds: float) -> dict[str, Any]:
    """The case, measured by `script --case JSON` in a process of its own, whose peak of memory is its alone.

    Args:
        script: prints its figures with `report`.
        case: what to measure.
        seconds: after which the process is ended.

    Returns:
        The case and its figures or, under `error`, why there are none.
    """
    command = [sys.executable, script, "--case", json.dumps(case)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return {**case, "error": f"not done after {seconds:g} seconds"}
    for line in done.stdout.splitlines():
        if line.startswith(_RESULT):
            return {**case, **json.loads(line.removeprefix(_RESULT))}
    return {**case, "error": " | ".join(done.stderr.strip().splitlines()[-3:]) or f"exit code {done.returncode}"}


def case_given() -> dict[str, Any] | None:
    """The case that `in_fresh_process` gave this process; None where a user started it."""
    return json.loads(sys.argv[2]) if sys.argv[1:2] == ["--case"] else None


def report(figures: Mapping[str, Any]) -> None:
    """Hand figures to `in_fresh_process`."""
    print(_RESULT + json.dumps(figures), flush=True)


def append(out: Path | None, line: Mapping[str, Any]) -> None:
    """Add a line to a JSONL file, as soon as it is known."""
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        with out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
