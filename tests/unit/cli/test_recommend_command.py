from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from foretune.cli import commands

ROWS = [{"prompt": f"What is {i} plus {i}?", "completion": str(2 * i)} for i in range(120)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "sums.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def recommend(*arguments: object) -> str:
    result = CliRunner().invoke(commands, ["recommend", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.output


def test_configurations_for_the_shipped_model(data):
    advice = json.loads(recommend(data, "--top", 3, "--candidates", 12, "--json"))
    assert advice["basis"] == "surrogates"
    assert len(advice["recommendations"]) == 3
    assert all(one["seconds"] > 0 and one["memory_bytes"] > 1e8 for one in advice["recommendations"])
    assert advice["warnings"] == []


def test_the_weights_need_not_be_there(data, tmp_path):
    from foretune.finetune.model import shipped_model

    folder = tmp_path / "bare"
    folder.mkdir()
    for file in shipped_model().iterdir():
        if file.suffix != ".safetensors":
            shutil.copy(file, folder)
    advice = json.loads(recommend(data, "--model", folder, "--top", 2, "--candidates", 12, "--json"))
    assert advice["basis"] == "surrogates"
    assert "taken to be" in advice["warnings"][0]


def test_a_real_model_is_known_by_its_name(data):
    output = recommend(data, "--model", "Qwen/Qwen3-8B", "--top", 2)
    assert "by published sweeps" in output
    assert "0.001" in output
    assert "tulu3" in output


def test_a_model_of_no_known_size_gets_the_rule(data, tmp_path):
    config = {"model_type": "llama", "hidden_size": 512, "num_hidden_layers": 2, "num_attention_heads": 8}
    folder = tmp_path / "middle"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({**config, "intermediate_size": 2048, "vocab_size": 1000}))
    advice = json.loads(recommend(data, "--model", folder, "--json"))
    assert advice["basis"] == "rule"
    assert advice["recommendations"][0]["configuration"]["learning_rate"] == pytest.approx(5e-4 * 2000 / 512, rel=0.01)
