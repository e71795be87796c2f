from __future__ import annotations

import json
import shutil
from importlib import resources
from pathlib import Path

import pytest
from typer.testing import CliRunner

from foretune.cli import commands
from foretune.errors import ConfigurationError, ModelError

LLAMA_3B = {
    "model_type": "llama",
    "hidden_size": 3072,
    "num_hidden_layers": 28,
    "num_attention_heads": 24,
    "num_key_value_heads": 8,
    "intermediate_size": 8192,
    "vocab_size": 128256,
    "tie_word_embeddings": True,
}
ROWS = [{"prompt": f"What is {i} plus {i}?", "completion": str(2 * i)} for i in range(120)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "sums.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def recommend(*arguments: object) -> str:
    result = CliRunner().invoke(commands, ["recommend", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_configurations_for_the_shipped_model(data):
    advice = json.loads(recommend(data, "--top", 3, "--candidates", 12, "--json"))
    assert advice["basis"] == "surrogates"
    assert len(advice["recommendations"]) == 3
    assert all(one["seconds"] > 0 and one["memory_bytes"] > 1e8 for one in advice["recommendations"])
    assert advice["warnings"] == []


def test_reasons_from_another_table_than_the_predictions_are_said_to_be(data, tmp_path):
    shipped = resources.files("foretune") / "data"
    folder, table = tmp_path / "own", str(shipped / "meta_datasets" / "foretune-tiny-v1")
    shutil.copytree(str(shipped / "surrogates" / "foretune-tiny-v1"), folder)
    description = json.loads((folder / "surrogates.json").read_text())
    description["card"]["data_sha256"] = ["0" * 64]
    (folder / "surrogates.json").write_text(json.dumps(description))
    asked = (data, "--surrogates", folder, "--top", 1, "--candidates", 4, "--json")
    (note,) = json.loads(recommend(*asked))["warnings"]
    assert "give what they learned from: --learned-from" in note
    (note,) = json.loads(recommend(*asked, "--learned-from", table))["warnings"]
    assert f"not fitted on {table} as it is now" in note


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
    config = {"model_type": "llama", "hidden_size": 2048, "num_hidden_layers": 4, "num_attention_heads": 8}
    folder = tmp_path / "middle"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({**config, "intermediate_size": 4096, "vocab_size": 1000}))
    advice = json.loads(recommend(data, "--model", folder, "--json"))
    assert advice["basis"] == "rule"
    assert advice["recommendations"][0]["configuration"]["learning_rate"] == pytest.approx(5e-4 * 2000 / 2048, rel=0.01)


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """The configuration of a real model, without weights and tokenizer."""
    folder = tmp_path / "Llama-3.2-3B"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(LLAMA_3B))
    return folder


def test_memory_of_a_real_model_needs_no_hardware_and_a_budget_does(data, real):
    advice = json.loads(recommend(data, "--model", real, "--top", 3, "--budget", "2h", "--json"))
    assert len(advice["recommendations"]) == 3
    assert all(6e9 < one["memory_bytes"] < 12e9 for one in advice["recommendations"])
    assert all(one["seconds"] is None for one in advice["recommendations"])
    assert "--budget needs --hardware" in advice["warnings"][-1]


def test_hardware_gives_seconds_and_a_budget_leaves_out_what_is_too_slow(data, real):
    asked = (data, "--model", real, "--top", 2, "--hardware", "rtx-4090", "--json")
    advice = json.loads(recommend(*asked, "--budget", "2h"))
    assert len(advice["recommendations"]) == 2
    assert all(1.0 < one["seconds"] < 60.0 for one in advice["recommendations"])
    advice = json.loads(recommend(*asked, "--budget", "1s"))
    assert advice["recommendations"] == []
    assert any("left out" in warning and "the budget is" in warning for warning in advice["warnings"])


def test_what_does_not_fit_is_left_out(data):
    output = recommend(data, "--model", "Qwen/Qwen3-32B", "--hardware", "rtx-4090")
    assert "even a batch of 1 needs" in output
    assert "with qlora" in output


def test_the_usual_rule_has_memory_and_seconds_too(data, tmp_path):
    folder = tmp_path / "middle"
    folder.mkdir()
    small = {**LLAMA_3B, "hidden_size": 2048, "num_hidden_layers": 4, "intermediate_size": 4096, "vocab_size": 1000}
    (folder / "config.json").write_text(json.dumps({**small, "num_attention_heads": 8}))
    advice = json.loads(recommend(data, "--model", folder, "--hardware", "l4", "--json"))
    assert advice["basis"] == "rule"
    assert advice["recommendations"][0]["seconds"] > 0
    assert advice["recommendations"][0]["memory_bytes"] > 5e8


def test_models_of_a_size_seen_keep_the_seconds_of_the_recorded_runs(data):
    advice = json.loads(recommend(data, "--top", 1, "--candidates", 4, "--hardware", "h100", "--json"))
    assert advice["warnings"] == ["--hardware is ignored: the times are those of the machine of the recorded runs"]


def test_unknown_hardware_is_an_error_that_names_the_known(data):
    result = CliRunner().invoke(commands, ["recommend", str(data), "--model", "Qwen/Qwen3-8B", "--hardware", "abacus"])
    assert isinstance(result.exception, ConfigurationError)
    assert "choose one of t4, " in str(result.exception)


def test_a_folder_that_is_not_there_is_no_hub_name(data, tmp_path):
    result = CliRunner().invoke(commands, ["recommend", str(data), "--model", str(tmp_path / "nothing-8B")])
    assert isinstance(result.exception, ModelError)
    assert "no model folder at" in str(result.exception)
