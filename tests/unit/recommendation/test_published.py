"""Rates and ranks from the published sweeps: siblings, else the average of all."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_table import synthetic_table

from foretune.errors import MetaDatasetError
from foretune.metadata import read_meta_dataset
from foretune.recommendation import Target, family_of, from_published, read_published
from foretune.recommendation.published import PublishedModel, candidate_pairs, intervals, of_its_size, variants_of
from foretune.space import load_space

DEFAULT = load_space("peft").default()
RATES = (1e-4, 3e-4, 1e-3)


@pytest.fixture(scope="module")
def shipped() -> tuple[PublishedModel, ...]:
    return read_published(read_meta_dataset("public-llm-v2"))


def model(name: str, billions: float, best: int, ranks=(8.0,)) -> PublishedModel:
    pairs = np.log([(rate, rank) for rank in ranks for rate in RATES])
    excess = np.array([0.0 if place % 3 == best else 4.0 for place in range(len(pairs))])
    return PublishedModel(name, billions, pairs, excess)


MODELS = (model("Qwen3-1B", 1.0, 2), model("Qwen3-40B", 40.0, 0), model("gemma-2-2b", 2.0, 1), model("phi-2", 2.0, 1))


def target(name: str, billions: float, rows: int = 99_840) -> Target:
    return Target(name, family_of(name), billions, rows)


def there(advice) -> list[float]:
    """Learning rates back at the batch and the steps of the sweeps: 99,840 rows in batches of 8, three times."""
    rates = [one.configuration.values["learning_rate"] for one in advice.recommendations]
    return [rate * 4 * (3 * 16) ** 0.2 for rate in rates]


@pytest.mark.parametrize(
    ("name", "variants"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", ["Llama-3.1-8B", "Llama-3.1-8B-Instruct"]),
        ("unsloth/Meta-Llama-3.1-8B-bnb-4bit", ["Llama-3.1-8B"]),
        ("deepseek-ai/DeepSeek-R1-0528-Qwen3-8B", ["Qwen3-8B"]),
        ("Qwen/Qwen3-4B", ["Qwen3-4B-Instruct-2507"]),
        ("meta-llama/Meta-Llama-3-8B", []),
        ("someone/qwen3", []),  # no size
        ("llama", []),
    ],
)
def test_variants_are_known_by_their_names(shipped, name, variants):
    assert sorted(one.name for one in variants_of(name, shipped)) == variants


def test_the_rate_is_that_of_the_variants():
    own = from_published(target("Qwen/Qwen3-40B-Base", 40.0), MODELS, DEFAULT)
    assert there(own)[0] == pytest.approx(1e-4, rel=0.05)
    assert own.distance == (
        "By this model or variants of it among 4 models published on tulu3 (99,840 rows): Qwen3-40B"
    )
    assert there(from_published(target("Qwen3-1B-Instruct", 1.0), MODELS, DEFAULT))[0] == pytest.approx(1e-3, rel=0.05)


def test_a_model_without_variants_gets_the_average_of_its_side_of_five_billion():
    advice = from_published(target("Llama-3-2B", 2.0), MODELS, DEFAULT)
    assert there(advice)[0] == pytest.approx(3e-4, rel=0.05)
    score = advice.recommendations[0].score
    assert score.middle == pytest.approx(4 / 3)  # 4 % over on one of three
    assert score.high - score.middle == pytest.approx(1.28 * np.hypot(np.std([4, 0, 0]), 0.5))
    assert advice.recommendations[0].reason.startswith("1.33 % over the best on average of 3 published models; lr 0.0")
    assert advice.distance == (
        "None of 4 models published on tulu3 (99,840 rows) is a variant of this: by the average of the 3 up to 5 "
        "billion parameters"
    )
    large = from_published(target("Llama-3-70B", 70.0), MODELS, DEFAULT)
    assert there(large)[0] == pytest.approx(1e-4, rel=0.05)
    assert large.distance.endswith(": by the average of the 1 above 5 billion parameters")


@pytest.mark.parametrize(("billions", "rate"), [(0.36, 1e-3), (4.0, 1e-3), (7.0, 3e-4), (70.0, 3e-4)])
def test_by_the_shipped_sweeps_small_models_want_more(shipped, billions, rate):
    advice = from_published(target("someone/wonder", billions), shipped, DEFAULT)
    assert there(advice)[0] == pytest.approx(rate, rel=0.05)


def test_advice_changes_only_rate_rank_and_alpha_of_the_default():
    best = from_published(target("Qwen3-1B-Base", 1.0), MODELS, DEFAULT).recommendations[0]
    changed = {name for name, value in best.configuration.values.items() if DEFAULT.values.get(name) != value}
    assert changed == {"learning_rate", "rank", "alpha_over_rank"}
    assert best.configuration.values["alpha_over_rank"] == 32 / 8
    epochs = DEFAULT.values["epochs"]
    assert best.reason == (
        "over their best: Qwen3-1B 0.00 %; lr 0.001 there (batch 128, 780 steps), x "
        f"{0.25 * (12_480 * epochs / 780) ** -0.2:.2g} for batch 8 and {12_480 * epochs:,} steps"
    )


def test_fewer_steps_get_a_higher_rate():
    few, many = (from_published(target("Qwen3-1B-Base", 1.0, rows), MODELS, DEFAULT) for rows in (800, 25_600))
    rates = [one.recommendations[0].configuration.values["learning_rate"] for one in (few, many)]
    assert rates[0] / rates[1] == pytest.approx(32**0.2, rel=0.03)


@pytest.mark.parametrize(
    ("name", "share", "warning"),
    [
        ("Mistral-7B", 0.2, "spend a second run on 5 times the rate"),
        ("gemma-2-9b", 0.38, "spend a second run on 2.6 times the rate"),
        ("phi-4", 1.0, "no learning rate is published for Phi: that of the nearest families"),
        ("someone/wonder", 1.0, "no learning rate is published for someone/wonder: that of"),
        ("Qwen2.5-7B", 1.0, None),
    ],
)
def test_families_that_want_less_get_less_and_unknown_ones_a_warning(shipped, name, share, warning):
    advice = from_published(target(name, 7.0), shipped, DEFAULT)
    usual = from_published(target("Qwen2.5-7B", 7.0), shipped, DEFAULT).recommendations[0]
    rate = advice.recommendations[0].configuration.values["learning_rate"]
    assert rate / usual.configuration.values["learning_rate"] == pytest.approx(share, rel=0.04)
    assert bool(advice.warnings) == (warning is not None)
    assert warning is None or warning in advice.warnings[0]


def test_nothing_is_said_of_sizes_that_nobody_published():
    assert from_published(target("Giant-5000B", 5000.0), MODELS, DEFAULT) is None


def test_the_largest_rank_comes_first_and_three_ranks_at_most(shipped):
    ranks = np.exp(candidate_pairs(8.0, shipped)[:, 1]).round()
    assert list(dict.fromkeys(ranks)) == [128, 64, 16]
    assert list(dict.fromkeys(np.exp(candidate_pairs(1000.0, shipped)[:, 1]).round())) == [4, 2, 1]


@pytest.mark.parametrize(("whole_family", "most"), [(False, 0.025), (True, 0.125)])
def test_left_out_models_lose_no_more_than_by_the_constant(shipped, whole_family, most):
    """The aim for real models: at most the mean excess of 3e-4 at the largest rank, 0.280 percent."""
    found, constant, inside = [], [], []
    for one in shipped:
        family = family_of(one.name)
        others = [two for two in shipped if two is not one and not (whole_family and family_of(two.name) == family)]
        compared = variants_of(one.name, others) or of_its_size(one.billions, others)
        pairs = candidate_pairs(one.billions, compared)
        cases = np.array([other.excess_of(pairs) for other in compared])
        truth = one.excess_of(pairs)
        found.append(truth[cases.mean(axis=0).argmin()])
        constant.append(one.excess_of(np.array([[np.log(3e-4), one.pairs[:, 1].max()]]))[0])
        inside += [low.low <= value <= low.high for low, value in zip(intervals(cases), truth, strict=True)]
    assert len(found) == 34
    assert np.mean(constant) == pytest.approx(0.280, abs=0.001)
    assert np.mean(found) < most
    assert np.mean(inside) > 0.79


def test_a_table_without_such_sweeps_is_refused():
    with pytest.raises(MetaDatasetError, match="no model of known size"):
        read_published(synthetic_table())


def test_in_four_bits_a_pair_is_taken_to_do_the_same():
    advice = from_published(target("Qwen3-1B-Base", 1.0), MODELS, DEFAULT, methods=("lora", "qlora"))
    methods = [one.configuration.values["method"] for one in advice.recommendations]
    assert methods == ["lora", "qlora"] * 3
    first, second = advice.recommendations[:2]
    assert first.score == second.score
    assert first.configuration.values["learning_rate"] == second.configuration.values["learning_rate"]
    assert "in 4 bits it is taken to do as well" in advice.warnings[0]


def test_a_configuration_that_does_not_fit_is_left_out_and_one_that_was_moved_says_so():
    def fit(configuration):
        rate = configuration.values["learning_rate"]
        if rate > 1e-4:
            return None
        return type(configuration)({**configuration.values, "learning_rate": max(rate, 3e-5)})

    advice = from_published(target("Qwen3-1B-Base", 1.0), MODELS, DEFAULT, fit=fit)
    assert [one.configuration.values["learning_rate"] for one in advice.recommendations] == [3e-5, 3.5e-5]
    assert [one.reason.endswith("; 3e-05 is the nearest in the search space") for one in advice.recommendations] == [
        True,
        False,
    ]
    assert from_published(target("Qwen3-1B-Base", 1.0), MODELS, DEFAULT, fit=lambda _: None) is None


def test_rates_that_move_to_the_same_end_are_one_pick_at_the_better_place():
    def fit(configuration):
        return type(configuration)({**configuration.values, "learning_rate": 1e-4})

    models = (model("Qwen3-1B", 1.0, 2, ranks=(8.0, 16.0)),)
    found = from_published(target("Qwen3-1B", 1.0), models, DEFAULT, fit=fit).recommendations
    assert [(one.configuration.values["rank"], one.score.middle) for one in found] == [(16, 0.0), (8, 0.0)]


def test_a_name_with_another_size_is_no_variant():
    advice = from_published(target("Qwen3-1B-grown", 20.0), MODELS, DEFAULT)
    assert advice.distance.endswith("by the average of the 1 above 5 billion parameters")


def test_each_model_that_is_compared_is_a_case():
    models = (*MODELS, model("gemma-2-2b-it", 2.0, 2))
    advice = from_published(target("google/gemma-2-2b", 2.0), models, DEFAULT)
    assert advice.case_weights == (1.0, 1.0)
    by_rate = {
        round(rate / 0.38, 4): one.cases for rate, one in zip(there(advice), advice.recommendations, strict=True)
    }
    assert sorted(by_rate.values()) == [(0.0, 4.0), (4.0, 0.0), (4.0, 4.0)]
