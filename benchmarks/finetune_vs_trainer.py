"""Our training loop against the Hugging Face Trainer, on the same work.

    python benchmarks/finetune_vs_trainer.py [--rows 320] [--epochs 2] [--model foretune-tiny]

Both train the same LoRA for the same number of steps on the same pre-tokenized rows, and evaluate the same validation
rows eight times. The Trainer gets what makes it fast: length-bucketed batches, no reports, no checkpoints (ours saves
its resume state eight times). Prints processor time, which a busy machine distorts least, wall time, their ratios, and
the two validation losses; they differ by the noise of initial values and data order (0.015-0.06 over seeds).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from transformers import Trainer, TrainingArguments

from foretune.finetuning.adapters import target_modules
from foretune.finetuning.base import fresh_model
from foretune.finetuning.data import Example, Message, Splits, TokenizedSplits, Tokens, tokenize
from foretune.finetuning.ending import find_ending
from foretune.finetuning.model import load_model, load_tokenizer
from foretune.finetuning.optim import SLICES
from foretune.finetuning.train import finetune
from foretune.types import Configuration, Trial

SETTINGS = {
    "method": "lora",
    "rank": 8,
    "alpha_over_rank": 2.0,
    "dropout": 0.05,
    "target_modules": "all",
    "learning_rate": 5e-3,
    "batch_size": 8,
    "schedule": "linear",
    "warmup": 0.0,
    "weight_decay": 0.01,
    "optimizer": "adamw",
}


def sums(rows: int) -> tuple[Example, ...]:
    """Questions of varied length with short answers."""
    rng = np.random.default_rng(rows)
    fillers = ("Add up", "What do you get if you add together", "A farmer counts his sheep twice a day. Now add")
    examples: list[Example] = []
    for number in range(rows):
        terms = rng.integers(1, 50, size=rng.integers(2, 9))
        question = f"{number}. {fillers[number % 3]} {' and '.join(map(str, terms))}."
        examples.append(Example((Message("user", question), Message("assistant", f"The sum is {terms.sum()}"))))
    return tuple(examples)


def tokenized(model: str, rows: int) -> TokenizedSplits:
    examples = sums(rows + 200)
    splits = Splits("sums", examples[:rows], examples[rows : rows + 100], examples[rows + 100 :])
    tokenizer = load_tokenizer(model)
    return tokenize(splits, tokenizer, 256, end_token_id=find_ending(load_model(model), tokenizer).token)


def labeled(tokens: Tokens) -> list[dict[str, list[int]]]:
    rows: list[dict[str, list[int]]] = []
    for ids, start in zip(tokens.input_ids, tokens.completion_starts, strict=True):
        listed = [int(token) for token in ids]
        rows.append({"input_ids": listed, "labels": [-100] * int(start) + listed[start:]})
    return rows


def collate(rows: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
    width = max(len(row["input_ids"]) for row in rows)

    def padded(name: str, value: int) -> torch.Tensor:
        return torch.tensor([row[name] + [value] * (width - len(row[name])) for row in rows])

    ids = padded("input_ids", 0)
    mask = torch.tensor([[1] * len(row["input_ids"]) + [0] * (width - len(row["input_ids"])) for row in rows])
    return {"input_ids": ids, "labels": padded("labels", -100), "attention_mask": mask}


def by_trainer(model_name: str, data: TokenizedSplits, epochs: int, folder: Path) -> float:
    model = fresh_model(model_name, device=device(), dtype=torch.float32)
    rank = SETTINGS["rank"]
    lora = LoraConfig(
        task_type="CAUSAL_LM",
        r=rank,
        lora_alpha=SETTINGS["alpha_over_rank"] * rank,
        lora_dropout=SETTINGS["dropout"],
        target_modules=target_modules(model, "all"),
    )
    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=SETTINGS["batch_size"],
        per_device_eval_batch_size=len(data.validation),
        num_train_epochs=epochs,
        learning_rate=SETTINGS["learning_rate"],
        lr_scheduler_type=SETTINGS["schedule"],
        weight_decay=SETTINGS["weight_decay"],
        train_sampling_strategy="group_by_length",
        eval_strategy="steps",
        eval_steps=1 / SLICES,
        prediction_loss_only=True,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=not torch.cuda.is_available(),
        seed=0,
    )
    rows = {name: labeled(getattr(data, name)) for name in ("train", "validation")}
    trainer = Trainer(
        get_peft_model(model, lora),
        arguments,
        data_collator=collate,
        train_dataset=rows["train"],
        eval_dataset=rows["validation"],
    )
    trainer.train()
    losses = [entry["eval_loss"] for entry in trainer.state.log_history if "eval_loss" in entry]
    return float(losses[-1])


def by_foretune(model_name: str, data: TokenizedSplits, epochs: int, folder: Path) -> float:
    trial = Trial(0, Configuration({**SETTINGS, "epochs": epochs}), SLICES)
    report = finetune(trial, data, model_name, folder, device=device(), test=False)
    assert not report.message, report.message
    return -float(report.curve.scores[-1])


def device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def timed(run: Callable[[], float]) -> tuple[float, float, float]:
    processor, wall = time.process_time(), time.perf_counter()
    loss = run()
    return time.process_time() - processor, time.perf_counter() - wall, loss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="foretune-tiny")
    parser.add_argument("--rows", type=int, default=320)
    parser.add_argument("--epochs", type=int, default=2)
    given = parser.parse_args()
    data = tokenized(given.model, given.rows)
    with tempfile.TemporaryDirectory() as folder:
        runs = {"foretune": by_foretune, "Trainer": by_trainer}
        for name, run in runs.items():  # first calls import and warm up what both need
            run(given.model, tokenized(given.model, 16), 1, Path(folder, f"{name}-warm"))
        taken = {
            name: timed(partial(run, given.model, data, given.epochs, Path(folder, name))) for name, run in runs.items()
        }
    for name, (processor, wall, loss) in taken.items():
        print(f"{name:<9} {processor:7.2f} processor-seconds {wall:7.2f} wall-seconds  validation loss {loss:.4f}")
    ours, theirs = taken["foretune"], taken["Trainer"]
    print(f"foretune is {theirs[0] / ours[0]:.2f}x as fast by processor time, {theirs[1] / ours[1]:.2f}x by wall time")


if __name__ == "__main__":
    main()
