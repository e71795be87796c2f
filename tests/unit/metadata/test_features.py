"""Meta-features against values worked out by hand."""

import inspect
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from foretune.metadata.features import (
    DATASET_FEATURES,
    MODEL_FEATURES,
    DatasetSample,
    dataset_feature,
    dataset_features,
    model_features,
    words,
)
from foretune.metadata.shape import ModelShape

PHI = ModelShape(
    layers=3, width=192, inner=384, queries=192, pairs=192, vocabulary=4096, embeddings=786432, parameters=1893696
)


@pytest.fixture
def sample():
    return DatasetSample(
        prompts=["Is the sky blue?", "Is the grass red?", "Name a color", "Name a number"],
        completions=["yes", "no", "Red", "7 7"],
        prompt_tokens=np.array([4, 4, 3, 9]),
        completion_tokens=np.array([1, 1, 1, 3]),
        validation_completions=["yes", "maybe"],
        validation_tokens=100,
    )


def test_words_are_lower_case_and_signs_stand_alone():
    assert words("Is 2+2 four? Oui, ça va") == ["is", "2", "+", "2", "four", "?", "oui", ",", "ça", "va"]


def test_values_worked_out_by_hand(sample):
    found = dataset_features(sample)
    expected = {
        "log_train_rows": math.log10(4),
        "log_train_tokens": math.log10(26),
        "log_completion_tokens": math.log10(6),
        "log_prompt_tokens_p50": math.log10(4),
        "log_prompt_tokens_p90": math.log10(7.5),
        "log_completion_tokens_p50": 0.0,
        "log_completion_tokens_p90": math.log10(2.4),
        "log_validation_tokens": 2.0,
        "prompt_richness": math.log(11) / math.log(16),
        "completion_richness": math.log(4) / math.log(5),
        "completion_overlap": 0.0,
        "completion_entropy": 3 * 0.2 * math.log2(5) + 0.4 * math.log2(2.5),
        "distinct_completions": 1.0,
        "most_common_completion": 0.25,
        "seen_completions": 0.5,
        "completion_digits": 2 / 11,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_overlap_counts_words_that_the_prompt_has(sample):
    copied = DatasetSample(["the red fox", "a b"], ["Red fox", "a z"], *list(vars(sample).values())[2:6])
    assert DATASET_FEATURES["completion_overlap"](copied) == pytest.approx(0.75)


def test_repetitive_completions_compress_better(sample):
    def compression(completions):
        changed = DatasetSample(sample.prompts, completions, *list(vars(sample).values())[2:6])
        return DATASET_FEATURES["completion_compression"](changed)

    rng = np.random.default_rng(0)
    varied = ["".join(rng.choice(list("abcdefghij"), 20)) for _ in range(50)]
    assert compression(["yes", "no"] * 50) < 0.2 < compression(varied) < 1


def test_every_feature_is_finite_where_completions_are_as_poor_as_can_be(sample):
    poor = DatasetSample(["?"], [""], np.array([1]), np.array([1]), [""], 0)
    assert all(math.isfinite(value) for value in dataset_features(poor).values())


def test_every_feature_says_what_it_computes():
    assert all(function.__doc__ for function in (*DATASET_FEATURES.values(), *MODEL_FEATURES.values()))
    assert (len(DATASET_FEATURES), len(MODEL_FEATURES)) == (17, 4)


def test_a_new_feature_is_one_function(sample, monkeypatch):
    monkeypatch.setattr("foretune.metadata.features.DATASET_FEATURES", {})

    @dataset_feature
    def rows(one):
        return len(one.prompts)

    assert dataset_features(sample) == {"rows": 4.0}


def test_a_models_matrices_are_counted():
    assert model_features(PHI) == pytest.approx(
        {
            "model_log_width": math.log10(192),
            "model_depth": 3,
            "model_log_vocabulary": math.log10(4096),
            "model_log_parameters": math.log10(3 * (4 * 192 * 192 + 3 * 192 * 384)),
        }
    )


def test_shared_key_value_heads_count_once():
    grouped = model_features(replace(PHI, pairs=64))["model_log_parameters"]
    assert grouped == pytest.approx(math.log10(3 * (2 * 192 * 192 + 2 * 192 * 64 + 3 * 192 * 384)))


def test_the_documentation_lists_every_feature_with_its_formula():
    page = (Path(__file__).parents[3] / "docs" / "meta-features.md").read_text(encoding="utf-8")
    for name, function in {**DATASET_FEATURES, **MODEL_FEATURES}.items():
        assert f"| `{name}` | {' '.join(inspect.getdoc(function).split())} |" in page
