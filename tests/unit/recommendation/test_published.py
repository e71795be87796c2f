from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from synthetic_table import synthetic_table

import foretune
from foretune.errors import MetaDatasetError
from foretune.metadata import read_meta_dataset
from foretune.recommendation.published import (
    PublishedModel,
    family_of,
    from_published,
    predicted_excess,
    read_published,
)
from foretune.space import load_space

TABLE = Path(foretune.__file__).parent / "data" / "meta_datasets" / "public-llm-v2"
PAIRS = np.log([[1e-4, 8.0], [3e-4, 8.0], [1e-3, 8.0]])
DEFAULT = load_space("peft").default()


def model(name: str, billions: float, best: int) -> PublishedModel:
    excess = np.full(3, 4.0)
    excess[best] = 0.0
    return PublishedModel(name, billions, PAIRS, excess)


MODELS = (model("Small-1B", 1.0, 2), model("Large-70B", 70.0, 0), model("Other-2B", 2.0, 1))


def test_families_are_what_comes_before_the_hyphen():
    assert family_of("meta-llama/Llama-3.2-3B") == family_of("Llama-3.1-70B") == "llama"
    assert family_of("Qwen3-8B") != family_of("Qwen3.5-9B")


def test_the_family_counts_more_than_strangers_of_the_same_size():
    mean, _ = predicted_excess("Small-2B", 2.0, MODELS, PAIRS)
    assert int(np.argmin(mean)) == 2
    mean, _ = predicted_excess("Large-40B", 40.0, MODELS, PAIRS)
    assert int(np.argmin(mean)) == 0


def test_advice_changes_only_rate_rank_and_alpha_of_the_default():
    advice = from_published("Small-2B", 2.0, MODELS, DEFAULT, top=2)
    assert advice is not None
    assert len(advice.recommendations) == 2
    best = advice.recommendations[0]
    changed = {name for name, value in best.configuration.values.items() if DEFAULT.values.get(name) != value}
    assert changed <= {"learning_rate", "rank", "alpha_over_rank"}
    assert best.configuration.values["learning_rate"] == pytest.approx(1e-3)
    assert best.reason == "over their best: Small-1B 0.00 %, Other-2B 4.00 %"
    assert advice.distance.startswith("nearest of 3 published models: Small-1B, 0.5 times the size, the same")


def test_nothing_is_said_of_sizes_that_nobody_published():
    assert from_published("Giant-5000B", 5000.0, MODELS, DEFAULT, top=2) is None


def test_left_out_models_are_recommended_pairs_close_to_their_best():
    """The aim for real models: half a percent over the best loss on average."""
    models = read_published(read_meta_dataset(TABLE))
    found = []
    for one in models:
        others = [other for other in models if other is not one]
        mean, _ = predicted_excess(one.name, one.billions, others, one.pairs)
        found.append(one.excess[int(np.argmin(mean))])
    assert len(found) == 34
    assert np.mean(found) < 0.1


@pytest.mark.parametrize(
    ("name", "billions", "rate", "rank", "percent"),
    [
        ("meta-llama/Llama-3.1-8B", 8.0, 1e-3, 128, 0.36075505771826666),
        ("mistralai/Mistral-7B-v0.3", 7.2, 3e-4, 64, 0.47731806404812493),
        ("google/gemma-2-2b", 2.6, 1e-3, 128, 0.4750089767564641),
        ("Qwen/Qwen3-0.6B", 0.6, 1e-3, 128, 0.14869001948323746),
    ],
)
def test_the_advice_is_that_of_the_first_version_of_the_table(name, billions, rate, rank, percent):
    advice = from_published(name, billions, read_published(read_meta_dataset(TABLE)), DEFAULT, top=1)
    best = advice.recommendations[0]
    assert (best.configuration.values["learning_rate"], best.configuration.values["rank"]) == (rate, rank)
    assert best.score.middle == pytest.approx(percent, rel=1e-9)


def test_a_table_without_such_sweeps_is_refused():
    with pytest.raises(MetaDatasetError, match="no model of known size"):
        read_published(synthetic_table())


def test_in_four_bits_a_pair_is_taken_to_do_the_same():
    advice = from_published("Small-2B", 2.0, MODELS, DEFAULT, top=4, methods=("lora", "qlora"))
    methods = [one.configuration.values["method"] for one in advice.recommendations]
    assert methods == ["lora", "qlora", "lora", "qlora"]
    first, second = advice.recommendations[:2]
    assert first.score == second.score
    assert first.configuration.values["learning_rate"] == second.configuration.values["learning_rate"]
    assert second.reason.endswith(", with LoRA")
    assert "in 4 bits it is taken to do as well" in advice.warnings[1]


def test_only_what_is_allowed_is_recommended():
    def allows(configuration):
        return configuration.values["learning_rate"] < 5e-4

    advice = from_published("Small-2B", 2.0, MODELS, DEFAULT, top=9, allows=allows)
    assert sorted(one.configuration.values["learning_rate"] for one in advice.recommendations) == [1e-4, 3e-4]
    assert from_published("Small-2B", 2.0, MODELS, DEFAULT, top=9, allows=lambda _: False) is None


def test_each_published_model_near_in_size_is_a_case():
    advice = from_published("Small-2B", 2.0, MODELS, DEFAULT, top=1)
    assert advice.case_weights == (pytest.approx(np.exp(-0.5 * np.log(2) ** 2)), pytest.approx(0.1))
    # the pair is the best of the one model, and 4 % over the best of the other
    assert advice.recommendations[0].cases == (pytest.approx(0.0, abs=0.1), pytest.approx(4.0, abs=0.1))
