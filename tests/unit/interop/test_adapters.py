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
