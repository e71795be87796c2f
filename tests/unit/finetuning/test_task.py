"""Describing a dataset on a base model."""

import json
import math

import pytest

from foretune.metadata.features import DATASET_FEATURES, MODEL_FEATURES
from foretune.metadata.frames import rows_to_frame
from foretune.metadata.source import TaskSource


@pytest.fixture(scope="module")
def model(tiny_model):
    from foretune.finetuning.model import load_model

    return load_model(tiny_model)


@pytest.fixture
def task(tiny_splits, tiny_data, tiny_model, model):
    from foretune.finetuning.task import describe_task

    return describe_task(tiny_splits, tiny_data, tiny_model, model, 8)


def test_it_has_every_feature_of_dataset_model_and_zero_shot(task, tiny_splits):
    zero_shot = {"zero_shot_nll", "zero_shot_relative_nll", "zero_shot_token_accuracy", "zero_shot_exact_match"}
    assert set(task.meta_features) == {*DATASET_FEATURES, *MODEL_FEATURES, *zero_shot}
    assert (task.id, task.max_fidelity) == (f"currencies@{len(tiny_splits.train)}:tiny", 8)


def test_figures_are_those_of_the_tokens_and_the_model(task, tiny_data, model):
    from foretune.finetuning.evaluate import evaluate

    features = task.meta_features
    assert 10 ** features["log_train_tokens"] == pytest.approx(tiny_data.train.total)
    assert 10 ** features["log_completion_tokens"] == pytest.approx(tiny_data.train.completion_lengths.sum())
    assert 10 ** features["log_validation_tokens"] == pytest.approx(tiny_data.validation.total)
    assert 10 ** features["model_log_width"] == pytest.approx(32)
    scores = evaluate(model, tiny_data.validation)
    assert features["zero_shot_nll"] == pytest.approx(scores.nll)
    assert features["zero_shot_relative_nll"] == pytest.approx(scores.nll / math.log(300))
    assert features["seen_completions"] == 1.0


def test_the_models_matrices_are_counted_as_they_are(task, model):
    layers = [value for name, value in model.named_parameters() if "layers." in name and value.ndim == 2]
    assert 10 ** task.meta_features["model_log_parameters"] == pytest.approx(sum(value.numel() for value in layers))


def test_describing_twice_gives_the_same(task, tiny_splits, tiny_data, tiny_model, model):
    from foretune.finetuning.task import describe_task

    assert describe_task(tiny_splits, tiny_data, tiny_model, model, 8) == task


def test_the_row_of_a_dataset_on_disk(tmp_path, tiny_model, model):
    from foretune.finetuning.model import load_tokenizer
    from foretune.finetuning.task import describe_source

    folder = tmp_path / "sums"
    folder.mkdir()
    for number, (split, rows) in enumerate({"train": 9, "validation": 4, "test": 3}.items()):
        lines = [{"prompt": f"{row} + {number} =", "completion": str(row + number)} for row in range(rows)]
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "card.json").write_text('{"family": "math", "license": "CC0"}')
    row = describe_source(
        TaskSource(folder, 5), "tiny", model, load_tokenizer(tiny_model), max_length=64, max_fidelity=8
    )
    assert (row["task"], row["family"], row["license"], row["source"]) == ("sums@5:tiny", "math", "CC0", "sums")
    assert (row["n_train"], row["n_validation"], row["n_test"]) == (5, 4, 3)
    assert row["zero_shot_validation_value"] == row["feature.zero_shot_nll"] != row["zero_shot_test_value"]
    assert not rows_to_frame("tasks", [row]).isna().any(axis=None)


def test_inputs_are_as_long_as_the_model_allows_within_reason(model):
    from foretune.finetuning.shape import shape_of
    from foretune.finetuning.task import DEFAULT_MAX_LENGTH, longest_input

    assert longest_input(shape_of(model)) == 256 < DEFAULT_MAX_LENGTH
    assert longest_input(None) == DEFAULT_MAX_LENGTH


def test_evaluation_may_be_limited_in_tokens(tmp_path, tiny_model, model):
    from foretune.finetuning.model import load_tokenizer
    from foretune.finetuning.task import LEAST_ROWS, describe_source

    for split, rows in {"train": 30, "validation": 200, "test": 60}.items():
        lines = [json.dumps({"prompt": f"{split} {row} of many", "completion": str(row % 3)}) for row in range(rows)]
        (tmp_path / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
    tokenizer, source = load_tokenizer(tiny_model), TaskSource(tmp_path, 20)
    rows = [
        describe_source(source, tiny_model, model, tokenizer, max_length=64, max_fidelity=8, **limits)
        for limits in ({}, {"validation_tokens": 10, "test_tokens": 10**6})
    ]
    assert [(row["n_validation"], row["n_test"]) for row in rows] == [(200, 60), (LEAST_ROWS, 60)]
    assert rows[1]["feature.log_validation_tokens"] < rows[0]["feature.log_validation_tokens"]
