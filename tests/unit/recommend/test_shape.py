from __future__ import annotations

import pytest

from foretune.errors import ModelError
from foretune.recommend.shape import shape_of_config, shape_of_size

LLAMA_3B = {
    "hidden_size": 3072,
    "num_hidden_layers": 28,
    "num_attention_heads": 24,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "intermediate_size": 8192,
    "vocab_size": 128256,
    "tie_word_embeddings": True,
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
    "tie_word_embeddings": False,
}


def test_parameters_are_those_that_the_model_has():
    """PEFT's results count 3,212,749,824 in this model, norms included."""
    shape = shape_of_config(LLAMA_3B)
    assert shape.parameters == pytest.approx(3_212_749_824, rel=1e-4)
    assert shape.layers * shape.layer_parameters + shape.embeddings == shape.parameters


def test_a_mixture_holds_all_experts_and_computes_with_some():
    shape = shape_of_config(QWEN3_30B_A3B)
    assert shape.parameters == pytest.approx(30.5e9, rel=0.01)
    assert shape.layers * shape.layer_parameters + shape.embeddings == pytest.approx(3.3e9, rel=0.05)


def test_the_text_part_of_a_model_of_images_counts():
    assert shape_of_config({"text_config": LLAMA_3B, "tie_word_embeddings": True}) == shape_of_config(LLAMA_3B)


def test_older_names_are_known():
    shape = shape_of_config({"n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50257})
    assert (shape.width, shape.inner, shape.queries, shape.pairs) == (768, 3072, 768, 768)


def test_what_lacks_is_named():
    with pytest.raises(ModelError, match="none of num_hidden_layers, n_layer"):
        shape_of_config({"hidden_size": 64})


@pytest.mark.parametrize(
    ("billions", "layers", "width"),
    [(1.2, 16, 2048), (3.2, 28, 3072), (8.0, 32, 4096), (14.8, 40, 5120), (70.6, 80, 8192)],
)
def test_a_guess_by_size_is_near_the_real_shapes(billions, layers, width):
    """Llama 3.2 and 3.1, and Qwen3-14B."""
    shape = shape_of_size("some-model", billions)
    assert shape.parameters == billions * 1e9
    assert shape.layers * shape.width == pytest.approx(layers * width, rel=0.32)
    assert shape.layers * shape.layer_parameters == pytest.approx(shape.parameters, rel=0.05)


def test_a_guess_for_a_mixture_has_the_shape_of_its_active_part():
    shape = shape_of_size("Qwen/Qwen3-30B-A3B", 30.0)
    assert shape.parameters == 30e9
    assert shape.layers * shape.layer_parameters == pytest.approx(3e9, rel=0.05)


def test_modules_are_named_by_share_or_one_by_one():
    shape = shape_of_config(LLAMA_3B)
    assert len(shape.modules("all")) == 7
    assert set(shape.modules("attention")) | set(shape.modules("mlp")) == set(shape.modules("all"))
    assert shape.modules("q_proj+v_proj") == {"q_proj": (3072, 3072), "v_proj": (3072, 1024)}
