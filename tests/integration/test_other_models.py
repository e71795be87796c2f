"""Searches on base models that are no Llama: what they lack is said, and no trial is lost on it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, BertConfig, GPT2Config, MixtralConfig, PretrainedConfig

import foretune.cli
from foretune.journal import read_journal
from foretune.types import Status

ROWS = [{"prompt": f"What comes after {number}?", "completion": str(number + 1)} for number in range(40)]
SMALL = {"vocab_size": 300, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "counting.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def base(config: PretrainedConfig, tiny_model: Path, folder: Path) -> Path:
    shutil.copytree(tiny_model, folder, ignore=shutil.ignore_patterns("config.json", "*.safetensors", "generation*"))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return folder


def tune(data: Path, model: Path, output: Path, *options: object) -> int:
    arguments = [
        "tune",
        data,
        "--model",
        model,
        "--output",
        output,
        "--budget",
        "1h",
        "--optimizer",
        "random",
        *options,
    ]
    with pytest.raises(SystemExit) as stop:
        foretune.cli.app([str(argument) for argument in arguments])
    return int(stop.value.code or 0)


def test_a_mixture_is_searched_without_what_it_lacks(data, tiny_model, tmp_path, capsys) -> None:
    mixture = MixtralConfig(**SMALL, intermediate_size=32, num_key_value_heads=2, num_local_experts=4)
    model, output = base(mixture, tiny_model, tmp_path / "mixtral"), tmp_path / "run"
    assert tune(data, model, output, "--candidates", 12, "--max-slices", 3) == 0
    said = capsys.readouterr().out
    assert said.count("note: MixtralForCausalLM has no mlp layers that can be adapted: none is searched") == 1
    assert said.count("note: the experts of MixtralForCausalLM, ") == 1
    history = read_journal(output / "journal.jsonl").history
    assert {report.status for report in history} == {Status.OK}
    assert "mlp" not in {report.trial.configuration.values["target_modules"] for report in history}
    assert (output / "adapter" / "adapter_model.safetensors").exists()


@pytest.mark.parametrize(
    ("config", "options", "message"),
    [
        (BertConfig(**SMALL, intermediate_size=64), (), "BertLMHeadModel is not causal"),
        (
            GPT2Config(vocab_size=300, n_embd=32, n_layer=1, n_head=4, n_positions=16),
            ("--max-length", 200),
            " tokens, the model has 16 positions; give --max-length 16 or less",
        ),
        (
            GPT2Config(vocab_size=200, n_embd=32, n_layer=1, n_head=4),
            (),
            "of the tokenizer's 300 is used, but the model's embedding has 200 rows; give the tokenizer",
        ),
    ],
    ids=["looks-ahead", "too-long", "too-many-tokens"],
)
def test_what_cannot_work_is_said_in_a_line_before_anything_is_trained(
    config, options, message, data, tiny_model, tmp_path, capsys
) -> None:
    model, output = base(config, tiny_model, tmp_path / "base"), tmp_path / "run"
    assert tune(data, model, output, *options) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("foretune: ")]
    assert len(said) == 1
    assert message in said[0]
    assert not (output / "journal.jsonl").exists()
