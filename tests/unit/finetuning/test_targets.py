"""Which layers are adapted, in architectures that call them by other names."""

from __future__ import annotations

import pytest
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    FalconConfig,
    Gemma3Config,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    MambaConfig,
    MixtralConfig,
    MptConfig,
    OPTConfig,
    PhimoeConfig,
    Qwen3MoeConfig,
    XGLMConfig,
)

from foretune.errors import ConfigurationError, ModelError
from foretune.finetuning.model import load_model
from foretune.finetuning.targets import available_targets, frozen_experts, short_names, target_modules, target_notes

SMALL = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
MIXTURE = {**SMALL, "intermediate_size": 8, "num_key_value_heads": 2, "head_dim": 8}
SEPARATE = "q_proj k_proj v_proj o_proj"
FUSED = ("query_key_value dense", "dense_h_to_4h dense_4h_to_h")


def last_names(model, share: str) -> set[str]:
    return {name.rsplit(".", 1)[-1] for name in target_modules(model, share)}


@pytest.mark.parametrize(
    ("config", "attention", "mlp"),
    [
        (LlamaConfig(**SMALL, intermediate_size=32), SEPARATE, "gate_proj up_proj down_proj"),
        (GPT2Config(vocab_size=50, n_embd=16, n_layer=1, n_head=2), "c_attn c_proj", "c_fc c_proj"),
        (OPTConfig(**SMALL, ffn_dim=32, word_embed_proj_dim=16), "q_proj k_proj v_proj out_proj", "fc1 fc2"),
        (GPTNeoXConfig(**SMALL, intermediate_size=32), *FUSED),
        (BloomConfig(vocab_size=50, hidden_size=16, n_layer=1, n_head=2), *FUSED),
        (FalconConfig(**SMALL, new_decoder_architecture=True, num_kv_heads=2), *FUSED),
        (MptConfig(vocab_size=50, d_model=16, n_layers=1, n_heads=2), "Wqkv out_proj", "up_proj down_proj"),
        (
            XGLMConfig(vocab_size=50, d_model=16, num_layers=1, attention_heads=2, ffn_dim=32),
            "q_proj k_proj v_proj out_proj",
            "fc1 fc2",
        ),
    ],
    ids=["llama", "gpt2", "opt", "gpt-neox", "bloom", "falcon", "mpt", "xglm"],
)
def test_target_modules_follow_from_where_layers_sit(config, attention, mlp) -> None:
    model = AutoModelForCausalLM.from_config(config)
    assert last_names(model, "attention") == set(attention.split())
    assert last_names(model, "mlp") == set(mlp.split())
    assert set(target_modules(model, "all")) == {*target_modules(model, "attention"), *target_modules(model, "mlp")}
    assert available_targets(model) == ("all", "attention", "mlp")
    assert target_notes(model) == ()


def test_phi3_has_four_kinds_of_linear_layer_and_the_head_is_none(tiny_model) -> None:
    model = load_model(tiny_model)
    assert last_names(model, "all") == {"qkv_proj", "o_proj", "gate_up_proj", "down_proj"}
    with pytest.raises(ConfigurationError, match="unknown target_modules 'head'; choose all, attention or mlp"):
        target_modules(model, "head")


@pytest.mark.parametrize(
    ("config", "experts"),
    [
        (MixtralConfig(**MIXTURE, num_local_experts=4), 4 * 3 * 16 * 8),
        (Qwen3MoeConfig(**MIXTURE, moe_intermediate_size=8, num_experts=4), 4 * 3 * 16 * 8),
        (PhimoeConfig(**MIXTURE, num_local_experts=4), 4 * 3 * 16 * 8),
    ],
    ids=["mixtral", "qwen3-moe", "phi-moe"],
)
def test_a_mixture_says_that_its_experts_stay_frozen_and_how_much_that_is(config, experts) -> None:
    model = AutoModelForCausalLM.from_config(config)
    name, share = type(model).__name__, experts / model.num_parameters()
    assert last_names(model, "all") == set(SEPARATE.split())  # the router is none of them
    assert available_targets(model) == ("all", "attention")
    assert frozen_experts(model) == share
    assert target_notes(model) == (
        f"{name} has no mlp layers that can be adapted: none is searched",
        f"the experts of {name}, {share:.0%} of its parameters, stay frozen: adapters are on the rest",
    )


def test_a_state_is_mixed_in_place_of_attention_and_what_peft_refuses_is_left_out() -> None:
    model = AutoModelForCausalLM.from_config(MambaConfig(vocab_size=50, hidden_size=16, num_hidden_layers=1))
    assert available_targets(model) == ("all", "attention")
    assert last_names(model, "attention") == {"in_proj", "x_proj", "dt_proj"}
    assert target_notes(model) == ("MambaForCausalLM has no mlp layers that can be adapted: none is searched",)


def test_only_the_text_of_a_model_of_images_is_adapted() -> None:
    vision = {"hidden_size": 24, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = AutoModelForCausalLM.from_config(Gemma3Config(text_config=MIXTURE, vision_config=vision))
    assert len(target_modules(model, "all")) == 7
    assert all(".language_model.layers.0." in name for name in target_modules(model, "all"))


def test_a_model_without_such_layers_says_so(tiny_model) -> None:
    from torch import nn

    model = load_model(tiny_model)
    for layer in model.model.layers:
        layer.mlp = nn.Identity()
    with pytest.raises(ModelError, match=r"Phi3ForCausalLM has no linear layer .*mlp"):
        target_modules(model, "mlp")
    model.model.layers = nn.ModuleList()
    with pytest.raises(ModelError, match="no linear layer that PEFT could adapt; give another base model"):
        available_targets(model)


def test_short_names_are_used_where_they_mean_the_same_layers():
    model = AutoModelForCausalLM.from_config(LlamaConfig(**{**SMALL, "num_hidden_layers": 2}, intermediate_size=32))
    attention = target_modules(model, "attention")
    assert short_names(model, attention) == ["k_proj", "o_proj", "q_proj", "v_proj"]
    of_one_layer = [name for name in attention if ".0." in name]
    assert short_names(model, of_one_layer) == of_one_layer
