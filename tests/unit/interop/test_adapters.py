"""The settings of an adapter in this library's words."""

import pytest

from foretune.interop.adapters import adapter_settings


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (None, {"method": "full"}),
        (
            {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "lora_dropout": 0.1, "target_modules": ["q_proj"]},
            {"method": "lora", "rank": 8, "alpha_over_rank": 2.0, "dropout": 0.1, "target_modules": "q_proj"},
        ),
        (
            {"peft_type": "LORA", "r": 8, "use_dora": True, "target_modules": ["qkv_proj", "o_proj"]},
            {"method": "dora", "rank": 8, "target_modules": "attention"},
        ),
        ({"peft_type": "LORA", "use_rslora": True}, {"method": "rslora"}),
        ({"peft_type": "LORA", "init_lora_weights": "pissa_niter_4"}, {"method": "pissa"}),
        ({"peft_type": "LORA", "init_lora_weights": "gaussian"}, {"method": "lora"}),
        ({"peft_type": "IA3", "target_modules": "all-linear"}, {"method": "ia3", "target_modules": "all"}),
    ],
)
def test_adapters_are_told_in_our_words(config, expected):
    assert adapter_settings(config) == expected


@pytest.mark.parametrize(
    ("modules", "targets"),
    [
        (["down_proj", "up_proj", "gate_proj"], "mlp"),
        (["q_proj", "k_proj", "v_proj", "o_proj"], "attention"),
        (["qkv_proj", "o_proj", "gate_up_proj", "down_proj"], "all"),
        (["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"], "all"),
        (["v_proj", "q_proj"], "q_proj+v_proj"),
        ("query_key_value", "query_key_value"),
        (7, "7"),
    ],
)
def test_modules_that_are_a_whole_share_are_named_by_it(modules, targets):
    assert adapter_settings({"peft_type": "LORA", "target_modules": modules})["target_modules"] == targets


@pytest.mark.parametrize(
    ("switches", "method"),
    [
        ({"use_dora": True, "use_rslora": True}, "dora+rslora"),
        ({"use_rslora": True, "init_lora_weights": "OLoRA"}, "rslora+olora"),
        ({"use_dora": False, "init_lora_weights": True}, "lora"),
    ],
)
def test_variants_of_lora_are_joined(switches, method):
    assert adapter_settings({"peft_type": "LORA", **switches})["method"] == method


def test_an_empty_adapter_is_none_and_numbers_have_our_types():
    assert adapter_settings({}) == {"method": "full"}
    found = adapter_settings({"peft_type": "LORA", "r": 16, "lora_alpha": 8, "lora_dropout": 0})
    assert found == {"method": "lora", "rank": 16, "alpha_over_rank": 0.5, "dropout": 0.0}
