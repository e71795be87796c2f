""""""

from __future__ import annotations

import json
import re
import shutil
from importlib import resources
from pathlib import Path

import pytest
import yaml
from asked_advice import ROWS, recommend, write_sums
from typer.testing import CliRunner

from foretune.cli import commands
from foretune.cli.recommend import _target
from foretune.errors import ConfigurationError, InteropError, ModelError
from foretune.session.exporting import Exported, export

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


UNLIKE = "predictions are guesses: this dataset and model are unlike all that they were learned from"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_sums(tmp_path)


@pytest.fixture
def long_data(tmp_path: Path) -> Path:
    path = tmp_path / "long.jsonl"
    path.write_text("".join(json.dumps({**row, "prompt": row["prompt"] * 90}) + "\n" for row in ROWS))
    return path


def test_configurations_for_the_shipped_model(data):
    advice = json.loads(recommend(data, "--top", 3, "--candidates", 12, "--json"))
    assert advice["basis"] == "surrogates"
    assert len(advice["recommendations"]) == 3
    assert all(one["seconds"] > 0 and one["memory_bytes"] > 1e8 for one in advice["recommendations"])
    carved = "took 24 rows for validation and 24 rows for test from train by prompt (seed 0), 72 left"
    assert advice["warnings"] == [carved, UNLIKE]
    zero_shot = advice["zero_shot"]
    assert (zero_shot["rows"], zero_shot["of_rows"]) == (24, 24)
    assert 0 < zero_shot["nll_error"] < zero_shot["nll"]


def test_reasons_from_another_table_than_the_predictions_are_said_to_be(data, tmp_path):
    shipped = resources.files("foretune") / "data"
    folder, table = tmp_path / "own", str(shipped / "meta_datasets" / "foretune-tiny-v1")
    shutil.copytree(str(shipped / "surrogates" / "foretune-tiny-v1"), folder)
    description = json.loads((folder / "surrogates.json").read_text())
    description["card"]["data_sha256"] = ["0" * 64]
    (folder / "surrogates.json").write_text(json.dumps(description))
    asked = (data, "--surrogates", folder, "--top", 1, "--candidates", 4, "--json")
    _, note, _ = json.loads(recommend(*asked))["warnings"]
    assert "give what they learned from: --learned-from" in note
    _, note, _ = json.loads(recommend(*asked, "--learned-from", table))["warnings"]
    assert f"not fitted on {table} as it is now" in note


def test_the_weights_need_not_be_there(data, tmp_path):
    from foretune.finetuning.model import shipped_model

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
    config = {"model_type": "llama", "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4}
    folder = tmp_path / "minute"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({**config, "intermediate_size": 64, "vocab_size": 1000}))
    advice = json.loads(recommend(data, "--model", folder, "--json"))
    assert advice["basis"] == "rule"
    assert advice["recommendations"][0]["configuration"]["learning_rate"] == pytest.approx(5e-4 * 2000 / 32, rel=0.01)


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
    assert "even a row at a time with gradient checkpointing takes " in output
    assert "it would fit with qlora (--space peft-and-qlora: " in output
    assert " or on h100 (74.5 GiB)" in output


def test_a_card_too_small_for_the_batch_keeps_it_and_says_how_it_is_computed(long_data, tmp_path):
    path = tmp_path / "pick.yaml"
    asked = (long_data, "--model", "Qwen/Qwen3-8B", "--top", 1, "--hardware", "rtx-4090", "--export", path)
    (pick,) = json.loads(recommend(*asked, "--json"))["recommendations"]
    settings = {
        "per_device_train_batch_size": 2,
        "gradient_accumulation_steps": 4,
        "gradient_checkpointing": True,
    }
    assert pick["at_once"] == {"in_words": "2 rows, checkpointing", **settings}
    assert pick["configuration"]["batch_size"] == 8
    assert pick["memory_bytes"] < 24e9
    said = "per_device_train_batch_size: 2, gradient_accumulation_steps: 4, gradient_checkpointing: true"
    comment = f"# computed at once on rtx-4090: 2 rows, checkpointing; other trainers: {said}"
    assert path.read_text().splitlines()[-1] == comment
    assert yaml.safe_load(path.read_text())["configuration"] == pick["configuration"]
    output = recommend(*asked[:-2])
    assert "2 rows, checkpointing" in output
    assert f"; other trainers: {said}" in output


def test_a_trainer_is_given_the_same_split_of_the_batch(long_data, tmp_path, monkeypatch):
    asked = []

    def export_pick(*given):
        asked.append(given)
        return Exported((), tmp_path, (), ())

    monkeypatch.setattr("foretune.session.exporting.export_pick", export_pick)
    file = tmp_path / "trl.yaml"
    recommend(long_data, "--model", "Qwen/Qwen3-8B", "--hardware", "rtx-4090", "--export", f"trl:{file}")
    ((written, *given),) = asked
    assert (written["model"], written["data"]) == ("Qwen/Qwen3-8B", str(long_data))
    settings = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4, "gradient_checkpointing": True}
    assert given == ["trl", file, settings]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("llamafactory:x.yaml", "no trainer is called 'llamafactory' .did you mean llama-factory"),
        ("trl:{0}/old.yaml", "old.yaml already exists; give another file to --export"),
        ("trl:{0}/x.yaml", "x-data already exists; give another file to --export"),
        ("trl:{0}/no/x.yaml", "in a folder that does not exist"),
        ("unsloth:{0}/unsloth.py", "in place of the library of that name"),
    ],
)
def test_a_trainer_and_its_files_are_checked_before_the_work(data, tmp_path, monkeypatch, target, message):
    monkeypatch.setattr("foretune.session.advising.RecommendRequest.advice", None)
    (tmp_path / "old.yaml").write_text("mine")
    (tmp_path / "x-data").mkdir()
    result = CliRunner().invoke(commands, ["recommend", str(data), "--export", target.format(tmp_path)])
    assert isinstance(result.exception, InteropError)
    assert re.search(message, str(result.exception))


def test_a_file_may_have_a_colon_in_its_name():
    assert _target("./a:b.yaml") == ("", Path("./a:b.yaml"))
    assert _target(r"C:\pick.yaml") == ("", Path(r"C:\pick.yaml"))


def test_without_a_card_the_usual_sizes_are_told(long_data):
    cards = json.loads(recommend(long_data, "--model", "Qwen/Qwen3-8B", "--json"))["cards"]
    words = {card["gigabytes"]: card["at_once"] and card["at_once"]["in_words"] for card in cards}
    assert words == {8: None, 16: None, 24: "2 rows, checkpointing", 48: "5 rows", 80: "whole batch"}
    output = recommend(long_data, "--model", "Qwen/Qwen3-8B")
    assert "Pick 1, by the memory of the card" in output
    assert "does not fit" in output


def test_the_usual_rule_has_memory_and_seconds_too(data):
    advice = json.loads(recommend(data, "--model", "gpt2", "--hardware", "l4", "--json"))
    assert advice["basis"] == "rule"
    assert advice["recommendations"][0]["seconds"] > 0
    assert advice["recommendations"][0]["memory_bytes"] > 5e8


def test_models_of_a_size_seen_keep_the_seconds_of_the_recorded_runs(data):
    advice = json.loads(recommend(data, "--top", 1, "--candidates", 4, "--hardware", "h100", "--json"))
    note = "--hardware is ignored: the times are those of the machine of the recorded runs"
    assert advice["warnings"][1:] == [note, UNLIKE]
    assert advice["recommendations"][0]["dollars"] is None


def test_unknown_hardware_is_an_error_that_names_the_known(data):
    result = CliRunner().invoke(commands, ["recommend", str(data), "--model", "Qwen/Qwen3-8B", "--hardware", "abacus"])
    assert isinstance(result.exception, ConfigurationError)
    assert "choose one of t4, " in str(result.exception)


def test_a_folder_that_is_not_there_is_no_hub_name(data, tmp_path):
    result = CliRunner().invoke(commands, ["recommend", str(data), "--model", str(tmp_path / "nothing-8B")])
    assert isinstance(result.exception, ModelError)
    assert "no model folder at" in str(result.exception)


@pytest.mark.parametrize(
    ("model", "billions", "basis"),
    [
        ("gpt2", "0.124", "rule"),
        ("microsoft/phi-4", "14.66", "published sweeps"),
        ("mistralai/Mixtral-8x7B-v0.1", "46.7", "published sweeps"),
        ("google/gemma-3n-E4B-it", "6.87", "published sweeps"),
        ("TinyLlama/TinyLlama_v1.1", "1.1", "published sweeps"),
        ("someone/wonder", "7", "published sweeps"),
    ],
)
def test_no_name_is_an_error_and_the_first_note_says_what_is_taken(data, model, billions, basis):
    advice = json.loads(recommend(data, "--model", model, "--hardware", "h200", "--json"))
    assert advice["basis"] == basis
    assert f"{billions} billion parameters" in advice["warnings"][0]
    assert all(one["seconds"] > 0 and one["memory_bytes"] > 5e8 for one in advice["recommendations"])


def test_the_learning_rate_of_the_rule_is_for_the_width_of_the_model_of_that_name(data):
    (only,) = json.loads(recommend(data, "--model", "gpt2", "--json"))["recommendations"]
    assert only["configuration"]["learning_rate"] == pytest.approx(5e-4 * 2000 / 768, rel=0.01)


def test_a_space_with_four_bits_has_them_among_the_advice(data):
    asked = (data, "--model", "Qwen/Qwen3-14B", "--space", "peft-and-qlora", "--top", 20, "--json")
    found = json.loads(recommend(*asked))["recommendations"]
    memory = {one["configuration"]["method"]: one["memory_bytes"] for one in found}
    assert set(memory) == {"lora", "qlora"}
    assert memory["qlora"] < memory["lora"] / 2
    assert all(one["configuration"]["rank"] <= 64 for one in found)  # the space has no more
    small = json.loads(recommend(*asked, "--hardware", "rtx-4090"))["recommendations"]
    assert {one["configuration"]["method"] for one in small} == {"qlora"}


def test_times_of_four_bits_are_predicted(data):
    asked = (data, "--model", "Qwen/Qwen3-14B", "--top", 1, "--hardware", "rtx-4090", "--space", "peft-and-qlora")
    (pick,) = json.loads(recommend(*asked, "--json"))["recommendations"]
    assert pick["configuration"]["method"] == "qlora"
    assert pick["seconds"] > 1.0
    assert "not predicted" not in recommend(*asked)


def test_a_price_tells_what_each_pick_costs(data, real):
    asked = (data, "--model", real, "--top", 2, "--hardware", "a100-80gb", "--price-per-hour", "1.8")
    advice = json.loads(recommend(*asked, "--json"))
    assert [one["dollars"] for one in advice["recommendations"]] == [
        pytest.approx(1.8 * one["seconds"] / 3600) for one in advice["recommendations"]
    ]
    assert set(advice["four_of_five_within"]) == {"seconds", "memory"}
    output = recommend(*asked)
    assert "dollars" in output
    assert "of the predicted seconds" in output


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--price-per-hour", "1.8"), "none is named; add --hardware"),
        (("--price-per-hour", "1,800", "--hardware", "h100"), "without thousand separators"),
        (("--price-per-hour", "-2", "--hardware", "h100"), "a positive number"),
    ],
)
def test_a_price_that_is_none_is_an_error(data, asked, said):
    result = CliRunner().invoke(commands, ["recommend", str(data), "--model", "Qwen/Qwen3-8B", *asked])
    assert isinstance(result.exception, ConfigurationError)
    assert said in str(result.exception)


def test_a_space_without_lora_gets_its_own_default(data, tmp_path):
    text = (resources.files("foretune") / "data" / "spaces" / "peft.yaml").read_text()
    space = yaml.safe_load(text)
    space["hyperparameters"][0] = {"name": "method", "type": "constant", "value": "dora", "meta": None}
    kept = ("rank", "alpha_over_rank", "dropout", "learning_rate:lora")
    names = {entry["name"] for entry in space["hyperparameters"]}
    gone = {name for name in names if name.startswith(("learning_rate:", "loraplus"))} - set(kept)
    space["hyperparameters"] = [entry for entry in space["hyperparameters"] if entry["name"] not in gone]
    space["conditions"] = []
    path = tmp_path / "dora.yaml"
    path.write_text(yaml.safe_dump(space))
    advice = json.loads(recommend(data, "--model", "Qwen/Qwen3-14B", "--space", path, "--json"))
    assert [one["configuration"]["method"] for one in advice["recommendations"]] == ["dora"]
    assert any("the published sweeps are of LoRA, at rates and ranks that" in warning for warning in advice["warnings"])


def test_picks_that_cannot_be_told_apart_share_a_rank_and_the_quickest_is_first(data):
    asked = (data, "--model", "microsoft/phi-4", "--hardware", "h100", "--top", 4)
    found = json.loads(recommend(*asked, "--json"))["recommendations"]
    assert [one["rank"] for one in found] == sorted(one["rank"] for one in found)
    first = [one for one in found if one["rank"] == 1]
    assert len(first) > 1
    # the times of ranks differ by a few percent, which leaves the best prediction in front
    assert first[0]["configuration"]["rank"] == 128
    assert first[0]["seconds"] == max(one["seconds"] for one in first) < 1.1 * min(one["seconds"] for one in first)
    output = recommend(*asked)
    assert "1 =" in output
    assert "quicker ones come first, if by a fifth or more" in output


def write_rows(folder: Path, count: int) -> Path:
    path = folder / f"rows{count}.jsonl"
    answer = "The answer to this question is long enough to be a sentence of text."
    rows = [{"prompt": f"Question {place}?", "completion": f"{answer} It is {place}."} for place in range(count)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def first_pick(data: Path, model: str, *options: object) -> dict:
    return json.loads(recommend(data, "--model", model, "--top", 1, "--json", *options))["recommendations"][0]


@pytest.mark.parametrize(("rows", "epochs", "steps"), [(60, 20, 100), (1_000, 4, 400), (12_000, 2, 2_750)])
def test_epochs_and_rate_follow_from_the_rows(tmp_path, rows, epochs, steps):
    found = first_pick(write_rows(tmp_path, rows), "Qwen/Qwen3-8B")
    assert (found["configuration"]["epochs"], found["steps"]) == (epochs, steps)
    # the sweeps' 1e-3 at batch 128 and 780 steps
    assert found["configuration"]["learning_rate"] == pytest.approx(1e-3 / 4 * (steps / 780) ** -0.2, rel=0.03)
    assert f"batch 8 and {steps:,} steps" in found["reason"]


def test_families_want_rates_of_their_own(data):
    rates = {
        name: first_pick(data, f"{name}-7B")["configuration"]["learning_rate"]
        for name in ("Mistral", "gemma", "Llama-3", "Qwen2.5", "wonder")
    }
    assert rates["Mistral"] / rates["Qwen2.5"] == pytest.approx(0.2, rel=0.03)
    assert rates["gemma"] / rates["Qwen2.5"] == pytest.approx(0.38, rel=0.03)
    assert rates["wonder"] == rates["Llama-3"] == rates["Qwen2.5"]


def test_the_family_of_a_folder_is_read_from_its_config(data, tmp_path):
    config = {**LLAMA_3B, "model_type": "mistral", "vocab_size": 32_000, "tie_word_embeddings": False}
    folder = tmp_path / "mine-3B"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    advice = json.loads(recommend(data, "--model", folder, "--json"))
    assert any(warning.startswith("Mistral wants lower learning rates") for warning in advice["warnings"])


def test_a_space_with_full_finetuning_gets_its_rate_beside_lora(data):
    asked = (data, "--model", "Qwen/Qwen2.5-7B", "--space", "peft-and-full")
    advice = json.loads(recommend(*asked, "--json"))
    lora, full = advice["recommendations"][:2]
    assert (lora["configuration"]["method"], full["configuration"]["method"]) == ("lora", "full")
    assert full["configuration"]["learning_rate"] == pytest.approx(4.2e-5)  # 4.4e-5 by the root of 7 / 7.616
    assert (full["rank"], full["steps"]) == (1, lora["steps"])
    assert "LoRA or full: LoRA first." in advice["lora_or_full"]
    assert advice["lora_or_full"] in recommend(*asked)
    phi = json.loads(recommend(data, "--model", "microsoft/phi-4", "--space", "peft-and-full", "--json"))
    assert {one["configuration"]["method"] for one in phi["recommendations"]} == {"lora"}
    assert any(one.startswith("no rate of full finetuning is published for Phi") for one in phi["warnings"])


def test_a_rate_below_the_space_is_moved_and_said_to_be(data):
    found = first_pick(data, "mistralai/Mistral-7B-v0.3", "--space", "peft")
    assert found["configuration"]["learning_rate"] == 3.75e-5
    assert found["reason"].endswith("; 3.75e-05 is the nearest in the search space")


def test_what_to_expect_is_told_for_long_answers(tmp_path):
    path = write_rows(tmp_path, 1_000)
    found = json.loads(recommend(path, "--model", "Qwen/Qwen3-8B", "--json"))
    assert found["train_rows"] == 800
    assert found["outlook"]["after"]["low"] < found["outlook"]["after"]["middle"] < found["outlook"]["after"]["high"]
    expected, more = found["outlook"]["in_words"]
    assert expected.startswith("Expect 0.74 times the loss before training (0.51 to 1.04 in four of five cases)")
    assert more.startswith("More data or more search? More search: on recorded datasets with long answers twice the")
    assert recommend(path, "--model", "Qwen/Qwen3-8B").endswith(f"{expected}\n{more}\n")


def test_a_pick_is_written_for_a_trainer_with_the_columns_that_were_asked_for(tiny_model, tmp_path):
    rows = [{"Q": f"What is {n}?", "A": f"yen {n}", "id": n} for n in range(40)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    columns = ("--columns", "prompt=Q,completion=A", "--model", tiny_model, "--top", 1, "--candidates", 1)
    recommend(tmp_path / "rows.jsonl", *columns, "--export", tmp_path / "pick.yaml")
    pick = yaml.safe_load((tmp_path / "pick.yaml").read_text())
    assert pick["columns"] == "prompt=Q,completion=A"
    recommend(tmp_path / "rows.jsonl", *columns, "--export", f"trl:{tmp_path / 'trl.yaml'}")
    written = yaml.safe_load((tmp_path / "trl.yaml").read_text())
    assert written["learning_rate"] == pick["configuration"]["learning_rate"]
    (first, *_) = (tmp_path / "trl-data" / "train.jsonl").read_text().splitlines()
    assert json.loads(first)["completion"][0]["content"].startswith("yen ")


def test_what_was_exported_finetunes(data, tiny_model, tmp_path):
    path, output = tmp_path / "pick.yaml", tmp_path / "run"
    asked = ("--model", tiny_model, "--top", 1, "--candidates", 1, "--train-rows", 30)
    recommend(data, *asked, "--export", path)
    result = CliRunner().invoke(commands, ["finetune", str(data), "--config", str(path), "--output", str(output)])
    assert result.exit_code == 0, result.output
    assert (output / "adapter" / "adapter_model.safetensors").exists()
    assert json.loads((output / "run.json").read_text())["model"] == str(tiny_model)
    given, kept = (yaml.safe_load(one.read_text()) for one in (path, output / "best.yaml"))
    assert given.items() <= kept.items()  # which export and merge read
    assert kept["train_rows"] == 30
    lines = (export(output, "trl").data / "train.jsonl").read_text().splitlines()
    assert len(lines) == 30
