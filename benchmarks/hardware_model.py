"""How far predicted seconds and memory of real language models are from recorded ones.

`python benchmarks/hardware_model.py` prints the ratios of what `foretune.recommendation.hardware` predicts to what
others have recorded: the runs of LoRA and its variants in PEFT's comparison (Llama-3.2-3B on an L40S, from the shipped
table), and the profiles of Qwen-7B and Qwen-14B in Qwen's README (an A100 of 80 GB, gradient checkpointing, rows of 256
to 8,192 tokens). The two constants of time are round numbers that were set with all three in view, so nothing is held
out there; memory was fitted to nothing. Seconds.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np
from transformers import LlamaConfig

from foretune.finetuning.memory import Split
from foretune.finetuning.shape import shape_of_config
from foretune.metadata import MetaDataset, read_meta_dataset
from foretune.recommendation.accelerators import Accelerator, find_accelerator
from foretune.recommendation.hardware import PlannedRun, Trainer, peak_memory_bytes, run_seconds
from foretune.recommendation.shape import ModelShape
from foretune.recommendation.workload import Workload
from foretune.types import Configuration

TABLE = Path(str(resources.files("foretune"))) / "data" / "meta_datasets" / "public-llm-v2"
TASK = "MetaMathQA@20000:Llama-3.2-3B"
LORA_LIKE = {"lora", "rslora", "dora", "bdlora", "mica"}

# huggingface/peft, method_comparison/MetaMathQA/results: 5,000 steps of 4 rows; `train total tokens`, `max_seq_length`.
PEFT_ROWS, PEFT_BATCH, PEFT_TOKENS, PEFT_LONGEST = 20_000, 4, 4_198_051, 768
# config.json of each; Qwen's feed-forward width is half of its `intermediate_size`.
LLAMA_3B = {
    "hidden_size": 3072,
    "num_hidden_layers": 28,
    "num_attention_heads": 24,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "intermediate_size": 8192,
    "vocab_size": 128256,
    "tie_word_embeddings": True,
}
QWEN = {
    "Qwen-7B": {
        "hidden_size": 4096,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "intermediate_size": 11008,
        "vocab_size": 151936,
        "tie_word_embeddings": False,
    },
    "Qwen-14B": {
        "hidden_size": 5120,
        "num_hidden_layers": 40,
        "num_attention_heads": 40,
        "intermediate_size": 13696,
        "vocab_size": 152064,
        "tie_word_embeddings": False,
    },
}
# README of QwenLM/Qwen, "Profiling of Memory and Speed", LoRA: tokens a row -> GB and seconds of 8 rows, one by one.
QWEN_PROFILE = {
    "Qwen-7B": {
        256: (20.1, 1.2),
        512: (20.4, 1.5),
        1024: (21.5, 2.8),
        2048: (23.8, 5.2),
        4096: (29.7, 10.1),
        8192: (36.6, 21.3),
    },
    "Qwen-14B": {
        256: (34.6, 1.6),
        512: (35.1, 2.4),
        1024: (35.3, 4.4),
        2048: (37.4, 8.4),
        4096: (42.5, 17.0),
        8192: (55.2, 36.0),
    },
}


def peft_ratios(table: MetaDataset) -> dict[str, tuple[float, float]]:
    """Run -> predicted over recorded seconds (20 times the median slice, evaluation aside) and bytes."""
    shape, card = shape_of_config(LlamaConfig(**LLAMA_3B)), find_accelerator("l40s")
    rows = np.full(PEFT_ROWS, PEFT_TOKENS // PEFT_ROWS)
    rows[:PEFT_BATCH] = PEFT_LONGEST
    recorded = table.runs.set_index("run")["peak_memory_bytes"]
    slices = table.curves.groupby("run")["train_seconds"]
    found = {}
    for run in table.runs_of(TASK):
        values = table.configurations[run].values
        if values["method"] in LORA_LIKE:
            kept = {name: values[name] for name in ("rank", "target_modules", "dropout", "batch_size")}
            configuration = Configuration({**kept, "method": "lora", "epochs": 1})
            planned = PlannedRun(shape, Workload(rows, rows, 0), configuration, trainer=Trainer(autocast=False))
            seconds = float(slices.median()[run] * slices.count()[run])
            ratios = run_seconds(planned, card) / seconds, peak_memory_bytes(planned) / recorded[run]
            found[f"{values['method']} {values['variant']}"] = ratios
    return found


def qwen_ratios(name: str) -> dict[str, tuple[float, float]]:
    """Tokens a row -> predicted over recorded seconds and bytes."""
    shape, card = shape_of_config(LlamaConfig(**QWEN[name])), find_accelerator("a100-80gb")
    return {f"{tokens} tokens": _qwen(shape, card, tokens, *said) for tokens, said in QWEN_PROFILE[name].items()}


def _qwen(shape: ModelShape, card: Accelerator, tokens: int, gigabytes: float, seconds: float) -> tuple[float, float]:
    rows = np.full(8, tokens)
    values = {"method": "lora", "rank": 64, "target_modules": "all", "dropout": 0.05, "batch_size": 1, "epochs": 1}
    planned = PlannedRun(shape, Workload(rows, rows, 0), Configuration(values), split=Split(checkpointing=True))
    return run_seconds(planned, card) / seconds, peak_memory_bytes(planned) / (1e9 * gigabytes)


def show(name: str, ratios: dict[str, tuple[float, float]]) -> None:
    for place, what in enumerate(("seconds", "memory")):
        values = {run: pair[place] for run, pair in ratios.items()}
        worst = max(values, key=lambda run: abs(np.log(values[run])))
        middle = np.median(list(values.values()))
        print(f"{name}, {what:7s}: median {middle:.2f}, worst {values[worst]:.2f} ({worst}), of {len(values)}")


def main() -> None:
    print("predicted over recorded")
    show("Llama-3.2-3B on l40s", peft_ratios(read_meta_dataset(TABLE)))
    for name in QWEN:
        show(f"{name} on a100-80gb", qwen_ratios(name))


if __name__ == "__main__":
    main()
