"""Training tokens a second and peak memory at the shape of a 4B LLM: our engine against TRL's SFTTrainer.

    python benchmarks/gpu/throughput.py [--shape qwen3-4b] [--lengths 512 2048] [--out FILE]
    python benchmarks/gpu/throughput.py --shape tiny --lengths 32 --device cpu

All train the same LoRA on the same rows of one length (so that no trainer pads), with random weights in bfloat16 and a
learned second half of each row. Each case runs in a process of its own, and its line is written as soon as it is known:

    foretune                as the engine chooses by itself
    foretune-checkpointed   with gradient checkpointing
    trl-checkpointed        SFTTrainer with gradient checkpointing, which is its default
    trl                     SFTTrainer without
    *-4bit                  QLoRA: the same with the base in 4 bits (bitsandbytes), from a folder in --scratch

The aim: foretune-checkpointed, or what the engine chooses, at 1.1 times the tokens a second of trl-checkpointed or
more, and at 0.8 times its peak of memory or less.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, PreTrainedModel
from workload import (
    RANK,
    SHAPES,
    append,
    case_given,
    in_fresh_process,
    random_model,
    random_rows,
    report,
    request_of,
    synchronize,
)

from foretune.finetuning import provenance
from foretune.finetuning.adapters import target_modules
from foretune.finetuning.data import TokenizedSplits, Tokens
from foretune.finetuning.memory import Split, Splitting
from foretune.finetuning.model import default_dtype, load_tokenizer
from foretune.finetuning.slices import prepare_run
from foretune.finetuning.step import take_step

ENGINES = ("foretune", "foretune-checkpointed", "trl-checkpointed", "trl")
QUANTIZED = ("foretune-checkpointed-4bit", "trl-checkpointed-4bit")
LEARNED = 0.5
UNTIMED = 2
"""Steps before the clock starts: kernels are loaded and memory is set aside."""

Case = dict[str, Any]


def cases(given: argparse.Namespace) -> Iterator[Case]:
    """What to measure, most wanted first."""
    for length in given.lengths:
        for engine in given.engines:
            yield {
                "engine": engine,
                "shape": given.shape,
                "length": length,
                "batch_size": given.batch_size,
                "steps": given.steps,
                "device": given.device,
                "scratch": str(given.scratch),
            }


def measure(case: Case) -> None:
    """Train, and report; in this process."""
    device, engine = case["device"], case["engine"]
    provenance.reset_peak_memory(device)
    model = quantized_model(case) if engine.endswith("4bit") else random_model(case["shape"], device)
    rows = case["batch_size"] * (UNTIMED + case["steps"])
    data = random_rows(case["shape"], rows, case["length"], learned=LEARNED)
    at_rest = provenance.peak_memory_bytes(device)
    provenance.reset_peak_memory(device)
    train = by_foretune if engine.startswith("foretune") else by_trl
    figures = train(case, model, data)
    report(
        {
            **figures,
            "tokens_per_second": case["steps"] * case["batch_size"] * case["length"] / figures["seconds"],
            "peak_gib": provenance.peak_memory_bytes(device) / 2**30,
            "model_gib": at_rest / 2**30,
            "hardware": provenance.hardware(device),
            "versions": provenance.versions(),
        }
    )


def by_foretune(case: Case, model: PreTrainedModel, data: TokenizedSplits) -> Case:
    """Seconds of the timed steps, the last loss, and how steps were split."""
    method = "qlora" if case["engine"].endswith("4bit") else "lora"
    request = request_of(data, case["device"], case["batch_size"], method=method)
    forced = Splitting(Split(checkpointing=True)) if "checkpointed" in case["engine"] else None
    run = prepare_run(request, model, splitting=forced)
    size, begun, loss = case["batch_size"], 0.0, torch.zeros(())
    for step in range(UNTIMED + case["steps"]):
        if step == UNTIMED:
            synchronize(case["device"])
            begun = time.perf_counter()
        run.rates.set(step)
        loss = take_step(run, np.arange(step * size, (step + 1) * size), step)
    synchronize(case["device"])
    return {"seconds": time.perf_counter() - begun, "loss": float(loss), **run.splitting.to_json()}


def by_trl(case: Case, model: PreTrainedModel, data: TokenizedSplits) -> Case:
    """Seconds of the timed steps, and their mean loss."""
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import PrinterCallback, TrainerCallback
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    class Clock(TrainerCallback):
        def __init__(self) -> None:
            self.ends: list[float] = []

        def on_step_end(self, *_: Any, **__: Any) -> None:
            if len(self.ends) + 1 in {UNTIMED, UNTIMED + case["steps"]}:  # elsewhere, do not make the device wait
                synchronize(case["device"])
            self.ends.append(time.perf_counter())

    cuda = case["device"].startswith("cuda")
    arguments = SFTConfig(
        output_dir=case["scratch"],
        per_device_train_batch_size=case["batch_size"],
        max_steps=UNTIMED + case["steps"],
        learning_rate=1e-4,
        lr_scheduler_type="constant",
        gradient_checkpointing="checkpointed" in case["engine"],
        bf16=cuda and torch.cuda.is_bf16_supported(),
        max_length=None,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=not cuda,
    )
    lora = LoraConfig(
        task_type="CAUSAL_LM",
        r=RANK,
        lora_alpha=2 * RANK,
        lora_dropout=0.0,
        target_modules=target_modules(model, "all"),
    )
    clock = Clock()
    trainer = SFTTrainer(
        model,
        arguments,
        train_dataset=Dataset.from_list(labeled(data.train)),
        processing_class=load_tokenizer("foretune-tiny"),  # pads, and there is nothing to pad
        peft_config=lora,
        callbacks=[clock],
    )
    trainer.remove_callback(PrinterCallback)
    loss = trainer.train().training_loss
    return {"seconds": clock.ends[-1] - clock.ends[UNTIMED - 1], "loss": loss}


def labeled(tokens: Tokens) -> list[dict[str, list[int]]]:
    return [
        {"input_ids": row.tolist(), "labels": [-100] * int(start) + row[start:].tolist()}
        for row, start in zip(tokens.input_ids, tokens.completion_starts, strict=True)
    ]


def quantized_model(case: Case) -> PreTrainedModel:
    """The random model in 4 bits, by way of a folder, since only what is loaded is quantized."""
    folder, device = Path(case["scratch"]) / case["shape"], case["device"]
    if not (folder / "config.json").is_file():
        random_model(case["shape"], device).save_pretrained(folder)
        provenance.reset_peak_memory(device)
    dtype = default_dtype(device)
    four_bit = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=dtype,
        bnb_4bit_use_double_quant=True,
    )
    return AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, quantization_config=four_bit, device_map={"": device}
    )


def show(line: Case) -> None:
    head = f"{line['engine']:<28} {line['length']:>6}"
    if "error" in line:
        print(f"{head}   {line['error'][:120]}", flush=True)
        return
    figures = f"{line['tokens_per_second']:>10,.0f} {line['peak_gib']:>9.2f} {line['model_gib']:>9.2f}"
    print(f"{head} {figures} {line['loss']:>8.3f}   {split_of(line)}", flush=True)


def split_of(line: Case) -> str:
    """How our engine computed a step; empty for TRL."""
    if "micro_batch_tokens" not in line:
        return ""
    tokens = line["micro_batch_tokens"]
    pieces = "whole batches" if tokens is None else f"at most {tokens} tokens at a time"
    return pieces + ", checkpointed" * line["gradient_checkpointing"]


def compare(lines: list[Case]) -> None:
    """Every case of ours over TRL's with gradient checkpointing, where both were measured."""
    measured = {(line["engine"], line["length"]): line for line in lines if "error" not in line}
    for (engine, length), ours in measured.items():
        theirs = measured.get(("trl-checkpointed" + "-4bit" * engine.endswith("4bit"), length))
        if engine.startswith("foretune") and theirs:
            speed, memory = (ours[name] / theirs[name] for name in ("tokens_per_second", "peak_gib"))
            against = f"{speed:.2f}x the speed of {theirs['engine']}, {memory:.2f}x its memory"
            print(f"{engine} at {length} tokens a row: {against}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="qwen3-4b")
    parser.add_argument("--lengths", type=int, nargs="+", default=[512, 2048], help="tokens of a row")
    parser.add_argument("--engines", nargs="+", choices=ENGINES + QUANTIZED, default=ENGINES)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--steps", type=int, default=6, help="that are timed")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds-each", type=float, default=120)
    parser.add_argument("--scratch", type=Path, help="holds the model that QLoRA loads; by default a temporary folder")
    parser.add_argument("--out", type=Path, help="JSONL, a line for each case")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        given.scratch = given.scratch or Path(temporary)
        print(f"{given.shape}, batches of {given.batch_size}, {given.steps} steps timed")
        print(f"{'engine':<28} {'length':>6} {'tokens/s':>10} {'peak GiB':>9} {'model GiB':>9} {'loss':>8}")
        lines: list[Case] = []
        for case in cases(given):
            lines.append(in_fresh_process(__file__, case, seconds=given.seconds_each))
            append(given.out, {"measurement": "throughput", **lines[-1]})
            show(lines[-1])
        compare(lines)
    sys.exit(any("error" in line for line in lines))


if __name__ == "__main__":
    if case := case_given():
        measure(case)
    else:
        main()
