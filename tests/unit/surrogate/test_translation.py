"""Configurations of other tools in the words of a search space."""

import pytest

from foretune.space import Encoder, load_space
from foretune.surrogate.translation import known_values, translated
from foretune.types import Configuration

SPACE = load_space("peft", hidden_size=4096)


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ({"lr": 1e-4, "lora_r": 8, "lora_alpha": 32}, {"learning_rate": 1e-4, "rank": 8, "alpha_over_rank": 4.0}),
        ({"learning_rate": 1e-4, "lr": 5.0}, {"learning_rate": 1e-4}),
        ({"optim": "adamw_torch_fused"}, {"optimizer": "adamw"}),
        ({"lr_scheduler_type": "cosine_with_restarts"}, {"schedule": "cosine"}),
        ({"optimizer": "sgd", "schedule": "polynomial"}, {}),
        ({"method": "LoRA"}, {"method": "lora"}),
        ({"method": "lora+eva"}, {"method": "lora"}),
        ({"method": "prefix_tuning"}, {}),
        ({"target_modules": "q_proj+v_proj"}, {"target_modules": "attention"}),
        ({"target_modules": "model.layers.0.mlp.up_proj+down_proj"}, {"target_modules": "mlp"}),
        ({"target_modules": "q_proj+up_proj"}, {"target_modules": "all"}),
        ({"target_modules": "lm_head"}, {}),
        ({"epochs": 0.75, "batch_size": 16.0}, {"epochs": 1, "batch_size": 16}),
        ({"epochs": 2.5}, {"epochs": 2.5}),
        ({"learning_rate": 0.0, "rank": "auto", "beta1": 0.9}, {}),
    ],
)  # fmt: skip
def test_what_the_engine_understands_is_known(given, known):
    assert known_values(given) == known


def test_the_default_stands_for_what_is_not_said():
    found = translated({"lr": 1e-4, "rank": 4, "beta1": 0.9}, SPACE)
    expected = {**SPACE.default().values, "learning_rate": 1e-4, "rank": 4}
    assert found == Configuration(expected)


@pytest.mark.parametrize("method", ["lora", "loraplus", "ia3", "full"])
def test_only_what_a_method_has_is_there(method):
    found = translated({"method": method, "learning_rate": 1e-4, "rank": 4, "loraplus_ratio": 8.0}, SPACE)
    Encoder.of(SPACE).encode([found])
    assert ("rank" in found.values) is (method != "ia3")
    assert ("loraplus_ratio" in found.values) is (method == "loraplus")
