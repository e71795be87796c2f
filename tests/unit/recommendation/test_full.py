"""Full finetuning has a learning rate of its own, by family and size."""

from __future__ import annotations

import pytest

from foretune.recommendation import Target, family_of, full_finetuning
from foretune.space import load_space

SPACE = load_space("peft-and-full", hidden_size=4096)


def target(name: str, billions: float, rows: int = 1_000) -> Target:
    return Target(name, family_of(name), billions, rows)


@pytest.mark.parametrize(
    ("name", "billions", "rate"),
    [
        ("Mistral-7B-v0.3", 7.0, 5e-6),
        ("gemma-2-9b", 7.0, 1.7e-5),
        ("Llama-3.1-8B", 7.0, 2e-5),
        ("Qwen2.5-7B", 7.0, 4.4e-5),
        ("Qwen2.5-0.5B", 0.4375, 1.8e-4),  # a sixteenth of the parameters, four times the rate
    ],
)
def test_the_rate_is_that_of_the_family_by_the_root_of_the_size(name, billions, rate):
    found = full_finetuning(target(name, billions), SPACE)
    assert found.configuration.values["learning_rate"] == pytest.approx(rate, rel=0.03)


def test_it_has_no_adapter_and_the_epochs_for_the_rows():
    found = full_finetuning(target("Qwen2.5-7B", 7.0), SPACE)
    assert SPACE.allows(found.configuration)
    assert found.configuration.values["epochs"] == 4
    assert found.score is None
    assert found.reason == "lr of full finetuning: 4.4e-05, the median of Qwen2 models of 6 to 9 billion parameters"


@pytest.mark.parametrize("name", ["phi-4", "someone/wonder"])
def test_nothing_is_said_of_families_without_a_published_rate(name):
    assert full_finetuning(target(name, 7.0), SPACE) is None
