"""Shapes are read off modules and tensors, whatever a configuration calls them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import (
    AutoModelForCausalLM,
    Gemma3Config,
    GPT2Config,
    GPTNeoConfig,
    LlamaConfig,
    MambaConfig,
    MixtralConfig,
    OPTConfig,
    PretrainedConfig,
    Qwen3MoeConfig,
)

from foretune.errors import ModelError
from foretune.finetuning.model import load_model, shipped_model
from foretune.finetuning.shape import read_shape, shape_of, shape_of_config
from foretune.metadata import read_meta_dataset
from foretune.metadata.features import model_features

SHARED = Path(__file__).resolve().parents[4] / "shared" / "models"
LLAMA_3B = {
    "hidden_size": 3072,
    "num_hidden_layers": 28,
    "num_attention_heads": 24,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "intermediate_size": 8192,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
}
QWEN3_30B_A3B = {
    "hidden_size": 2048,
    "num_hidden_layers": 48,
    "num_attention_heads": 32,
    "num_key_value_heads": 4,
    "head_dim": 128,
    "intermediate_size": 6144,
    "moe_intermediate_size": 768,
    "num_experts": 128,
    "num_experts_per_tok": 8,
    "vocab_size": 151936,
}


def by_formula(config: dict[str, Any]) -> float:
    """L (2 h d a + 2 h d k + 3 h f), which the shipped surrogates were fitted on."""
    width, heads = config["hidden_size"], config["num_attention_heads"]
    size = config.get("head_dim") or width // heads
    pairs, inner = config.get("num_key_value_heads") or heads, config["intermediate_size"]
    return config["num_hidden_layers"] * width * (2 * size * heads + 2 * size * pairs + 3 * inner)


@pytest.mark.parametrize("folder", [shipped_model(), SHARED / "stories260K", SHARED / "babyllama-tok105-940K"])
def test_shipped_tables_keep_their_features(folder: Path) -> None:
    if not folder.is_dir():
        pytest.skip("this model is not there")
    shape = shape_of(load_model(folder))
    assert shape == read_shape(folder)
    assert shape.matrices == by_formula(json.loads((folder / "config.json").read_text()))
    tasks = read_meta_dataset("foretune-tiny-v1").tasks
    recorded = tasks[tasks["model"] == folder.name].iloc[0]
    assert {name: recorded[f"feature.{name}"] for name in model_features(shape)} == model_features(shape)


def test_parameters_are_those_that_the_model_has() -> None:
    """PEFT's results count 3,212,749,824 in this model."""
    shape = shape_of_config(LlamaConfig(**LLAMA_3B, tie_word_embeddings=True))
    assert shape.parameters == 3_212_749_824
    assert (shape.inner, shape.queries, shape.pairs) == (8192, 3072, 1024)
    assert shape.embeddings == 128256 * 3072
    assert shape.positions == 131072


def test_a_mixture_holds_all_experts_and_computes_with_some() -> None:
    shape = shape_of_config(Qwen3MoeConfig(**QWEN3_30B_A3B, tie_word_embeddings=False))
    assert shape.parameters == pytest.approx(30.5e9, rel=0.01)
    assert shape.matrices + shape.embeddings == pytest.approx(3.3e9, rel=0.05)
    assert (shape.queries, shape.pairs) == (4096, 512)


SMALL = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2}
GPT = 3 * (4 * 16 * 16 + 2 * 16 * 64)


@pytest.mark.parametrize(
    ("config", "width", "layers", "positions", "matrices"),
    [
        (GPT2Config(vocab_size=50, n_embd=16, n_layer=3, n_head=2, n_positions=40), 16, 3, 40, GPT),
        (
            GPTNeoConfig(
                vocab_size=50,
                hidden_size=16,
                num_layers=3,
                num_heads=2,
                attention_types=[[["global", "local", "global"], 1]],
                max_position_embeddings=40,
            ),
            16,
            3,
            40,
            GPT,
        ),
        # The embedding is narrower than the layers, as in OPT-350m, and its table of positions has two rows more.
        (OPTConfig(**SMALL, ffn_dim=64, word_embed_proj_dim=8, max_position_embeddings=40), 16, 3, 40, GPT),
        (MambaConfig(vocab_size=50, hidden_size=16, num_hidden_layers=3, state_size=4), 16, 3, None, None),
        (
            MixtralConfig(**SMALL, intermediate_size=8, num_local_experts=4, num_key_value_heads=2),
            16,
            3,
            131072,
            3 * (4 * 16 * 16 + 2 * 3 * 16 * 8 + 4 * 16),  # two experts of the four, and the router
        ),
        (
            Gemma3Config(
                text_config={**SMALL, "intermediate_size": 8, "num_key_value_heads": 2, "head_dim": 8},
                vision_config={"hidden_size": 24, "intermediate_size": 8, "num_hidden_layers": 5},
            ),
            16,
            3,
            131072,
            3 * (4 * 16 * 16 + 3 * 16 * 8),
        ),
    ],
    ids=["gpt2", "gpt-neo", "opt", "mamba", "mixtral", "gemma3"],
)
def test_names_do_not_matter(
    config: PretrainedConfig, width: int, layers: int, positions: int | None, matrices: int | None
) -> None:
    model = AutoModelForCausalLM.from_config(config)
    shape = shape_of(model)
    assert shape == shape_of_config(config)
    assert (shape.width, shape.layers, shape.vocabulary, shape.positions) == (width, layers, 50, positions)
    assert shape.parameters == model.num_parameters()
    if matrices is not None:
        assert shape.matrices == pytest.approx(matrices)


def test_what_is_no_language_model_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "vit"}))
    with pytest.raises(ModelError, match=r"cannot build .* from its config.json: .*give the folder") as told:
        read_shape(tmp_path)
    assert "\n" not in str(told.value)
