"""Our engine against the Hugging Face Trainer and TRL's SFTTrainer, on the same work.

    OMP_NUM_THREADS=1 python benchmarks/finetune_vs_trainers.py [--model FOLDER] [--data FOLDER] [--rows 64]
        [--rounds 1] [--only foretune Trainer ...]

All train the same LoRA for the same number of steps on the same tokenized rows, and score the same validation rows
after each eighth of the run. The others get what makes them fast: batches of rows that are alike in length, in training
and evaluation; no reports, no checkpoints (ours saves its state and its best adapter); no gradient checkpointing, no
full logits where TRL can do without. Each is measured as it comes, in float32, and, where it says bf16, with a base
model in bfloat16 under autocast, which is faster on CPUs with instructions for it. TRL comes with
`pip install 'foretune[bench]'`.

Prints processor seconds, which a busy machine distorts least, of the whole run, of training and of evaluation alone,
the wall seconds of the whole, and the last validation loss, then the ratios of the first run named to the others. The
losses differ by the noise of initial values, dropout and the order of the rows.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PrinterCallback, Trainer, TrainingArguments
from trl import SFTConfig, SFTTrainer

from foretune.finetuning.adapters import target_modules
from foretune.finetuning.base import fresh_model
from foretune.finetuning.data import Example, Message, Splits, TokenizedSplits, Tokens, load_splits, tokenize
from foretune.finetuning.ending import find_ending
from foretune.finetuning.model import load_model, load_tokenizer
from foretune.finetuning.optim import SLICES
from foretune.finetuning.train import finetune
from foretune.types import Configuration, Trial

SETTINGS = {
    "method": "lora",
    "rank": 16,
    "alpha_over_rank": 2.0,
    "dropout": 0.05,
    "target_modules": "all",
    "batch_size": 8,
    "schedule": "linear",
    "warmup": 0.0,
    "weight_decay": 0.01,
    "optimizer": "adamw",
}


@dataclass(frozen=True)
class Work:
    """What all are to do: `evaluation_batch` is for those that do not choose it themselves."""

    model: str
    data: TokenizedSplits
    epochs: int
    learning_rate: float
    evaluation_batch: int


@dataclass(frozen=True)
class Taken:
    """Processor seconds of a run, and its last validation loss."""

    training: float
    evaluation: float
    loss: float
    whole: float = 0.0
    wall: float = 0.0


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


def tokenized(model: str, folder: str | None, rows: int, validation_rows: int) -> TokenizedSplits:
    if folder:
        splits = load_splits(folder, seed=0, train_rows=rows, validation_rows=validation_rows)
    else:
        examples = sums(rows + validation_rows)
        splits = Splits("sums", examples[:rows], examples[rows:], examples[rows:])
    tokenizer = load_tokenizer(model)
    return tokenize(splits, tokenizer, 256, end_token_id=find_ending(load_model(model), tokenizer).token)


def labeled(tokens: Tokens) -> list[dict[str, list[int]]]:
    rows: list[dict[str, list[int]]] = []
    for number, ids in enumerate(tokens.input_ids):
        labels = np.where(tokens.learned(number), ids, -100)
        rows.append({"input_ids": ids.tolist(), "labels": labels.tolist()})
    return rows


def collate(rows: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
    width = max(len(row["input_ids"]) for row in rows)

    def padded(name: str, value: int) -> torch.Tensor:
        return torch.tensor([row[name] + [value] * (width - len(row[name])) for row in rows])

    ids = padded("input_ids", 0)
    mask = torch.tensor([[1] * len(row["input_ids"]) + [0] * (width - len(row["input_ids"])) for row in rows])
    return {"input_ids": ids, "labels": padded("labels", -100), "attention_mask": mask}


def by_foretune(work: Work, folder: Path) -> Taken:
    values = {**SETTINGS, "learning_rate": work.learning_rate, "epochs": work.epochs}
    trial = Trial(0, Configuration(values), SLICES)
    report = finetune(trial, work.data, work.model, folder, device=device(), test=False, processor_time=True)
    assert not report.message, report.message
    lines = [json.loads(line) for line in (folder / "slices.jsonl").read_text().splitlines()]
    training, evaluation = (sum(line[f"{part}_seconds"] for line in lines) for part in ("train", "evaluation"))
    return Taken(training, evaluation, lines[-1]["validation_nll"])


def adapted(work: Work, *, bf16: bool) -> PeftModel:
    model = fresh_model(work.model, device=device(), dtype=torch.bfloat16 if bf16 else torch.float32)
    lora = LoraConfig(
        task_type="CAUSAL_LM",
        r=SETTINGS["rank"],
        lora_alpha=SETTINGS["alpha_over_rank"] * SETTINGS["rank"],
        lora_dropout=SETTINGS["dropout"],
        target_modules=target_modules(model, "all"),
    )
    return get_peft_model(model, lora)


def arguments(work: Work, folder: Path, *, bf16: bool) -> dict[str, Any]:
    return {
        "output_dir": str(folder),
        "per_device_train_batch_size": SETTINGS["batch_size"],
        "per_device_eval_batch_size": work.evaluation_batch,
        "num_train_epochs": work.epochs,
        "learning_rate": work.learning_rate,
        "lr_scheduler_type": SETTINGS["schedule"],
        "weight_decay": SETTINGS["weight_decay"],
        "train_sampling_strategy": "group_by_length",
        "eval_strategy": "steps",
        "eval_steps": 1 / SLICES,
        "prediction_loss_only": True,
        "save_strategy": "no",
        "logging_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "gradient_checkpointing": False,
        "bf16": bf16,
        "use_cpu": not torch.cuda.is_available(),
        "seed": 0,
    }


def by_trainer(work: Work, folder: Path, *, bf16: bool) -> Taken:
    trainer = Trainer(
        adapted(work, bf16=bf16),
        TrainingArguments(**arguments(work, folder, bf16=bf16)),
        data_collator=collate,
        train_dataset=labeled(work.data.train),
        eval_dataset=labeled(work.data.validation),
    )
    return trained(trainer)


def by_sft_trainer(work: Work, folder: Path, *, bf16: bool, padding_free: bool = False) -> Taken:
    config = SFTConfig(
        **arguments(work, folder, bf16=bf16),
        padding_free=padding_free,
        max_length=None,
        dataset_kwargs={"skip_prepare_dataset": True},  # the rows are tokenized, the loss is of completions only
    )
    trainer = SFTTrainer(
        adapted(work, bf16=bf16),
        config,
        train_dataset=Dataset.from_list(labeled(work.data.train)),
        eval_dataset=Dataset.from_list(labeled(work.data.validation)),
        processing_class=load_tokenizer(work.model),
    )
    return trained(trainer)


def trained(trainer: Trainer) -> Taken:
    trainer.remove_callback(PrinterCallback)
    evaluation, evaluate = 0.0, trainer.evaluate

    def timed_evaluation(*given: Any, **named: Any) -> dict[str, float]:
        nonlocal evaluation
        begun = time.process_time()
        scores = evaluate(*given, **named)
        evaluation += time.process_time() - begun
        return scores

    trainer.evaluate = timed_evaluation
    begun = time.process_time()
    trainer.train()
    both = time.process_time() - begun
    losses = [entry["eval_loss"] for entry in trainer.state.log_history if "eval_loss" in entry]
    assert len(losses) == SLICES, losses
    return Taken(both - evaluation, evaluation, float(losses[-1]))


RUNS: dict[str, Callable[[Work, Path], Taken]] = {
    "foretune": by_foretune,
    "Trainer": partial(by_trainer, bf16=False),
    "Trainer bf16": partial(by_trainer, bf16=True),
    "SFTTrainer": partial(by_sft_trainer, bf16=False),
    "SFTTrainer bf16": partial(by_sft_trainer, bf16=True),
    "SFTTrainer bf16, padding-free": partial(by_sft_trainer, bf16=True, padding_free=True),
}


def device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def measured(run: Callable[[Work, Path], Taken], work: Work) -> Taken:
    few = Work("foretune-tiny", tokenized("foretune-tiny", None, 1, 1), SLICES, work.learning_rate, 1)
    with tempfile.TemporaryDirectory() as folder:
        run(few, Path(folder, "first"))  # imports what is needed
        processor, wall = time.process_time(), time.perf_counter()
        taken = run(work, Path(folder, "run"))
        whole, clock = time.process_time() - processor, time.perf_counter() - wall
    return Taken(taken.training, taken.evaluation, taken.loss, whole, clock)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="foretune-tiny")
    parser.add_argument("--data", help="a dataset; by default sums are made up")
    parser.add_argument("--rows", type=int, default=64, help="a multiple of 64: the trainers' slices are whole steps")
    parser.add_argument("--validation-rows", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--evaluation-batch", type=int, default=8, help="rows, for the trainers; ours chooses itself")
    parser.add_argument("--rounds", type=int, default=1, help="of all in turns; ratios are medians over them")
    parser.add_argument("--only", nargs="+", default=list(RUNS), choices=list(RUNS))
    given = parser.parse_args()
    data = tokenized(given.model, given.data, given.rows, given.validation_rows)
    work = Work(given.model, data, given.epochs, given.learning_rate, given.evaluation_batch)
    threads = torch.get_num_threads()
    print(f"{data.train.total} tokens to train on, {data.validation.total} to validate on, {threads} threads")
    print(
        f"{'processor seconds':<30} {'run':>7} {'training':>9} {'evaluation':>11} {'wall':>7} {'loss':>8}", flush=True
    )
    runs: dict[str, list[Taken]] = {name: [] for name in given.only}
    for _ in range(given.rounds):
        for name, taken in runs.items():
            one = measured(RUNS[name], work)
            taken.append(one)
            figures = f"{one.whole:7.1f} {one.training:9.1f} {one.evaluation:11.1f} {one.wall:7.1f} {one.loss:8.4f}"
            print(f"{name:<30} {figures}", flush=True)
    ours, *others = runs
    for name in others:
        ratios = (
            median(
                getattr(mine, part) / getattr(theirs, part) for mine, theirs in zip(runs[ours], runs[name], strict=True)
            )
            for part in ("whole", "training", "evaluation")
        )
        whole, training, evaluation = (f"{ratio:.2f}" for ratio in ratios)
        print(f"{ours} takes {whole} of the time of {name} (training {training}, evaluation {evaluation})")


if __name__ == "__main__":
    main()
