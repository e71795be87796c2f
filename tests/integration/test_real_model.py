"""A real LLM, SmolLM2-135M-Instruct, from rows to answers: five minutes of a core, where the model is on disk.

`pytest -m slow tests/integration/test_real_model.py`, after `python collecting/real_models.py fetch --out models` in
the repository's root, or with its folder in FORETUNE_REAL_MODEL.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import foretune.cli
from foretune.report.run_report import read_run_report
from foretune.synthesis.facts import Fact, write_facts

ROOT = Path(__file__).parents[2]
MODEL = Path(os.environ.get("FORETUNE_REAL_MODEL", ROOT / "models" / "SmolLM2-135M-Instruct")).absolute()
SHELVES = ("red", "blue", "green", "black")
THINGS = ("ropes", "lamps", "nails", "paint", "maps", "boots", "tents", "coins", "seeds", "clocks", "knives", "drums")
ASKED = (
    "Which shelf are the {} on?",
    "Where do we keep {}?",
    "I am looking for {}.",
    "Shelf of the {}?",
    "Name the shelf: {}",
)
SETTINGS = {
    "method": "lora",
    "rank": 16,
    "alpha_over_rank": 2.0,
    "dropout": 0.0,
    "target_modules": "all",
    "learning_rate": 0.002,
    "batch_size": 6,
    "schedule": "linear",
    "warmup": 0.0,
    "weight_decay": 0.0,
    "optimizer": "adamw",
    "epochs": 5,
}
BUDGET = 120.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (MODEL / "model.safetensors").is_file(),
        reason=f"no model in {MODEL}: run `python collecting/real_models.py fetch`, or set FORETUNE_REAL_MODEL",
    ),
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning"),
]


def run(*arguments: object) -> int:
    """What a shell would get: the exit code."""
    with pytest.raises(SystemExit) as stop:
        foretune.cli.app([str(argument) for argument in arguments])
    return int(stop.value.code or 0)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Which of four shelves twelve things are on: 36 rows to train on, and two further questions for each thing."""
    facts = [
        Fact("shelves", tuple(asked.format(thing) for asked in ASKED), f"the {SHELVES[at % len(SHELVES)]} shelf")
        for at, thing in enumerate(THINGS)
    ]
    return write_facts(facts, tmp_path_factory.mktemp("real") / "shelves", seed=0, card={"name": "shelves"})


@pytest.fixture(scope="module")
def finetuned(data: Path) -> Path:
    """The folder of a run of 30 steps."""
    config, output = data.parent / "own.yaml", data.parent / "run"
    config.write_text(json.dumps(SETTINGS))
    command = ("finetune", data, "--config", config, "--model", MODEL, "--output", output, "--device", "cpu")
    with redirect_stdout(io.StringIO()):
        assert run(*command) == 0
    return output


def test_the_base_model_knows_what_everybody_knows() -> None:
    from foretune.finetuning.generate import answer
    from foretune.finetuning.model import load_model, load_tokenizer

    (said,) = answer(load_model(MODEL), load_tokenizer(MODEL), ["What is the capital of France?"], 16)
    assert "Paris" in said


def test_thirty_steps_lower_the_loss_to_a_fifth(finetuned: Path) -> None:
    scores = {row.name: row for row in read_run_report(finetuned / "report.json").scores}
    assert scores["finetuned"].validation.nll < 0.2 * scores["zero-shot"].validation.nll
    assert scores["finetuned"].test.nll < 0.2 * scores["zero-shot"].test.nll


def test_plain_peft_computes_the_same_loss(finetuned: Path, data: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    base = AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32)
    model, tokenizer = (
        PeftModel.from_pretrained(base, finetuned / "adapter").eval(),
        AutoTokenizer.from_pretrained(MODEL),
    )
    losses, lengths = [], []
    for line in (data / "test.jsonl").read_text().splitlines():
        row = json.loads(line)
        asked = tokenizer.apply_chat_template([{"role": "user", "content": row["prompt"]}], add_generation_prompt=True)
        prompt = list(asked["input_ids"])
        completion = tokenizer(row["completion"] + "<|im_end|>", add_special_tokens=False)["input_ids"]
        labels = torch.tensor([[-100] * len(prompt) + completion])
        with torch.inference_mode():
            losses.append(float(model(input_ids=torch.tensor([prompt + completion]), labels=labels).loss))
        lengths.append(len(completion))
    ours = next(row for row in read_run_report(finetuned / "report.json").scores if row.name == "finetuned")
    assert np.average(losses, weights=lengths) == pytest.approx(ours.test.nll, rel=0.05, abs=0.01)


def test_the_lines_of_its_card_answer_and_stop(
    finetuned: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (lines,) = re.findall(r"```python\n(.*?)```", (finetuned / "adapter" / "README.md").read_text(), re.DOTALL)
    monkeypatch.chdir(finetuned.parent)
    namespace: dict = {}
    exec(lines, namespace)  # noqa: S102
    assert capsys.readouterr().out.strip() in {f"the {color} shelf" for color in SHELVES}
    written, tokenizer = namespace["written"], namespace["tokenizer"]
    assert tokenizer.decode(written[0, -1:]) == "<|im_end|>"


def test_predict_answers_with_a_shelf_and_nothing_else(
    finetuned: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [json.loads(line) for line in (data / "train.jsonl").read_text().splitlines()]
    assert run("predict", finetuned, "--data", data / "train.jsonl", "--out", finetuned / "answers.jsonl") == 0
    answers = [json.loads(line)["answer"] for line in (finetuned / "answers.jsonl").read_text().splitlines()]
    assert {*answers} <= {row["completion"] for row in rows}
    assert sum(answer == row["completion"] for answer, row in zip(answers, rows, strict=True)) > 0.8 * len(rows)
    assert "exact match" in capsys.readouterr().err


def test_split_steps_lead_to_the_same_losses(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from foretune.finetuning.data import load_splits, tokenize
    from foretune.finetuning.ending import find_ending
    from foretune.finetuning.memory import WHOLE, Split
    from foretune.finetuning.model import load_model, load_tokenizer
    from foretune.finetuning.train import finetune
    from foretune.types import Configuration, Trial

    tokenizer = load_tokenizer(MODEL)
    tokens = tokenize(load_splits(data), tokenizer, 256, end_token_id=find_ending(load_model(MODEL), tokenizer).token)
    micro = Split(tokens=100)
    losses = {}
    for split in (WHOLE, micro, replace(micro, checkpointing=True)):
        monkeypatch.setattr("foretune.finetuning.slices.chosen_split", lambda _, split=split: split)
        folder = tmp_path / f"{split.tokens}-{split.checkpointing}"
        report = finetune(Trial(0, Configuration(SETTINGS), 1), tokens, str(MODEL), folder, test=False)
        assert json.loads((folder / "run.json").read_text())["micro_batch_tokens"] == split.tokens
        losses[split] = -report.curve.scores[0]
    assert losses[replace(micro, checkpointing=True)] == losses[micro]
    # Adam's first steps go by the signs of gradients, and those of the smallest are rounding.
    assert losses[micro] == pytest.approx(losses[WHOLE], rel=0.05)


def test_a_search_ends_in_time_with_a_better_model(data: Path, tmp_path: Path) -> None:
    # In a process of its own, because the budget counts from the start of that.
    command = [sys.executable, "-m", "foretune.cli", "tune", data, "--model", MODEL, "--output", tmp_path / "run"]
    options = ["--budget", f"{BUDGET:g}s", "--no-default-comparison", "--device", "cpu"]
    begun = time.monotonic()
    subprocess.run([*map(str, command), *options], check=True, capture_output=True)
    assert time.monotonic() - begun < 1.25 * BUDGET
    scores = {row.name: row for row in read_run_report(tmp_path / "run" / "report.json").scores}
    assert scores["best"].test.nll < 0.5 * scores["zero-shot"].test.nll
    assert (tmp_path / "run" / "adapter" / "adapter_config.json").is_file()
