"""What names tell of models: published ones to the digit, stated sizes by rule, others by assumption."""

from __future__ import annotations

from importlib import resources

import pytest
import yaml

from foretune.recommendation.names import ASSUMED, billions_of, guess_model, known_models

ROWS = yaml.safe_load((resources.files("foretune") / "data" / "known_models.yaml").read_text())["models"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_the_shape_of_a_published_model_adds_up_to_its_parameters(row):
    size = row.get("size", row["width"] / row["heads"])
    attention = 2 * size * (row["heads"] + row.get("kv", row["heads"]))
    feed_forward = row.get("matrices", 3) * (row["inner"] * row.get("experts", 1) + row.get("shared", 0))
    embeddings = row["vocabulary"] * row["width"] * (1 if row["tied"] else 2)
    counted = row["layers"] * row["width"] * (attention + feed_forward) + embeddings
    if row["name"].startswith("gemma-3n"):  # each layer has embeddings of its own: 262,144 of width 256
        counted += row["layers"] * 262_144 * 256
    # Positions, norms and biases are not counted; of Gemma 3n neither are its smaller parts.
    assert counted / 1e9 == pytest.approx(row["billions"], rel=0.025 if "3n" in row["name"] else 0.013)


def test_all_published_models_are_read():
    assert len(known_models()) == len(ROWS) == 103


@pytest.mark.parametrize(
    ("name", "layers", "width", "billions"),
    [
        ("gpt2", 12, 768, 0.124),
        ("openai-community/gpt2-xl", 48, 1600, 1.558),
        ("microsoft/phi-4", 40, 5120, 14.66),
        ("microsoft/Phi-4-mini-instruct", 32, 3072, 3.836),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", 32, 4096, 46.7),
        ("google/gemma-3n-E4B-it", 35, 2048, 6.87),
        ("TinyLlama/TinyLlama_v1.1", 22, 2048, 1.1),
        ("Qwen/Qwen3-14B", 40, 5120, 14.77),
        ("Qwen/Qwen3-1.7B-Base", 28, 2048, 1.72),
        ("unsloth/Meta-Llama-3.1-8B-bnb-4bit", 32, 4096, 8.03),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", 28, 3584, 7.616),
        ("HuggingFaceTB/SmolLM2-135M-Instruct", 30, 576, 0.1345),
    ],
)
def test_published_models_are_known_by_name(name, layers, width, billions):
    found = guess_model(name)
    assert (found.shape.layers, found.shape.width, found.billions) == (layers, width, billions)
    assert found.shape.parameters == pytest.approx(1e9 * billions)
    assert "taken to be as published" in found.note


def test_a_mixture_computes_on_the_experts_that_a_token_passes():
    shape = guess_model("mistralai/Mixtral-8x7B-v0.1").shape
    active = shape.layers * shape.layer_parameters + shape.embeddings
    assert active == pytest.approx(12.88e9, rel=0.001)
    assert shape.parameters == pytest.approx(46.7e9)


def test_mixtures_that_nobody_knows_are_estimated_from_their_name():
    found = guess_model("someone/Frankenmoe-8x7B")
    assert found.billions == pytest.approx(45.2, abs=0.1)
    assert found.shape.layers * found.shape.layer_parameters == pytest.approx(12.5e9, rel=0.05)
    assert "a mixture of about 45.2 billion parameters, 12.5 of which a token passes" in found.note


def test_effective_sizes_compute_like_they_say_and_hold_more():
    found = guess_model("someone/new-E3B")
    assert found.billions == 6.0
    assert found.shape.layers * found.shape.layer_parameters == pytest.approx(3e9, rel=0.05)


def test_a_name_that_says_nothing_is_assumed_to_be_of_the_usual_size():
    found = guess_model("someone/wonder")
    assert found.billions == ASSUMED
    assert "nothing tells how large someone/wonder is" in found.note
    assert "7 billion parameters are assumed" in found.note


def test_a_stated_size_gives_the_usual_shape():
    found = guess_model("someone/Wonder-9B")
    assert found.shape.parameters == 9e9
    assert "the usual shape of 9 billion parameters" in found.note
    assert "hf download someone/Wonder-9B config.json" in found.note


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("Qwen/Qwen3-8B", 8.0),
        ("Qwen3.5-397B-A17B", 397.0),
        ("SmolLM2-1.7b-instruct", 1.7),
        ("moonshotai/Kimi-K2-Thinking", 1000.0),
        ("deepseek-ai/DeepSeek-R1", 671.0),
        ("EleutherAI/pythia-410m", 0.41),
        ("Qwen2.5-7B-Instruct-1M", 7.0),
        ("Phi-3-mini-128k-instruct", None),
        ("gpt2", None),
        ("Model-8Bit", None),
    ],
)
def test_sizes_are_read_from_names(name, billions):
    assert billions_of(name) == billions
