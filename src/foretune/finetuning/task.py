"""Describe a dataset on a base model as a `Task`: meta-features of both, and the untrained model's scores."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from foretune.finetuning.check import check_sizes
from foretune.finetuning.data import Splits, TokenizedSplits, Tokens, prompt_and_completion, read_splits, tokenize
from foretune.finetuning.ending import find_ending
from foretune.finetuning.evaluate import Scores, zero_shot
from foretune.finetuning.shape import shape_of
from foretune.metadata.features import DatasetSample, dataset_features, model_features
from foretune.metadata.rows import zero_shot_columns
from foretune.metadata.schema import FEATURE_PREFIX
from foretune.metadata.shape import ModelShape
from foretune.metadata.source import TaskSource, task_id
from foretune.request import DEFAULT_MAX_LENGTH, DataRequest, Reading
from foretune.types import VALIDATION_NLL, Task

LEAST_ROWS = 50
"""Least rows of a split, whatever the limit of tokens: fewer are too noisy."""


def describe_task(
    splits: Splits,
    data: TokenizedSplits,
    model_name: str | Path,
    model: PreTrainedModel,
    max_fidelity: int,
    *,
    task: str | None = None,
    scores: Mapping[str, Scores] | None = None,
) -> Task:
    """The task of finetuning a base model on a dataset.

    Args:
        splits: the dataset as text.
        data: the same in the model's tokens.
        model_name: name or folder of the base model.
        model: the base model, untouched.
        max_fidelity: slices of a complete run.
        task: name of the task; by default made of the dataset's name and size and the model's name.
        scores: result of `zero_shot`, if known; only `validation` is used.

    Returns:
        The task with all features in the registries of `foretune.metadata.features`, and `zero_shot_features`.
    """
    validation = (scores or zero_shot(model, data))["validation"]
    shape = shape_of(model)
    features = {
        **features_without_weights(splits, data, shape),
        **zero_shot_features(validation, shape.vocabulary),
    }
    name = task or task_id(splits.name, len(splits.train), model_name)
    return Task(
        name, VALIDATION_NLL, features, max_fidelity, splits.name, len(splits.train), model=Path(model_name).name
    )


def features_without_weights(splits: Splits, data: TokenizedSplits, shape: ModelShape) -> dict[str, float]:
    """The meta-features that a tokenizer and a `config.json` are enough for: all but `zero_shot_features`."""
    return {**dataset_features(_sample(splits, data)), **model_features(shape)}


def describe_source(
    source: TaskSource,
    model_name: str | Path,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    *,
    max_length: int,
    max_fidelity: int,
    validation_tokens: int | None = None,
    test_tokens: int | None = None,
    reading: Reading | None = None,
) -> dict[str, Any]:
    """The row of the table of tasks (`foretune.metadata.schema`) for a dataset on disk at one training-set size.

    Args:
        source: the dataset.
        model_name: name or folder of the base model.
        model: the base model, untouched.
        tokenizer: its tokenizer.
        max_length: tokens that an example may have.
        max_fidelity: slices of a complete run.
        validation_tokens: keep about so many tokens of the validation split, and 50 rows or more; None keeps all.
        test_tokens: the same for the test split.
        reading: how its rows are read; None for the usual way.
    """
    asked = DataRequest(source.path, train_rows=source.rows, reading=reading or Reading())
    splits = read_splits(asked)
    end = find_ending(model, tokenizer).token
    data = tokenize(splits, tokenizer, max_length, end_token_id=end)
    rows = _rows(data.validation, validation_tokens), _rows(data.test, test_tokens)
    if any(rows):
        splits = read_splits(replace(asked, validation_rows=rows[0], test_rows=rows[1]))
        data = tokenize(splits, tokenizer, max_length, end_token_id=end)
    check_sizes(model, tokenizer, data)
    scores = zero_shot(model, data)
    task = describe_task(splits, data, model_name, model, max_fidelity, task=source.task(model_name), scores=scores)
    return {
        "task": task.id,
        "dataset": source.name,
        "model": Path(model_name).name,
        **source.card(),
        "metric": task.metric.name,
        "direction": "minimize",
        "cost_unit": "seconds",
        **{f"n_{name}": len(getattr(data, name)) for name in ("train", "validation", "test")},
        "max_fidelity": max_fidelity,
        **zero_shot_columns({split: asdict(one) for split, one in scores.items()}),
        **{FEATURE_PREFIX + name: value for name, value in task.meta_features.items()},
    }


def _rows(tokens: Tokens, limit: int | None) -> int | None:
    """How many rows have about `limit` tokens, `LEAST_ROWS` at least; None for all of them."""
    return None if limit is None or tokens.total <= limit else max(limit * len(tokens) // tokens.total, LEAST_ROWS)


def zero_shot_features(scores: Scores, vocabulary: int) -> dict[str, float]:
    """Meta-features from the untrained model's scores on the validation split.

    `zero_shot_nll` (nats per completion token), `zero_shot_relative_nll` (the same over log V, the loss of guessing
    among V tokens, so that tokenizers compare), `zero_shot_token_accuracy` and `zero_shot_exact_match` (shares).
    """
    return {
        "zero_shot_nll": scores.nll,
        "zero_shot_relative_nll": scores.nll / math.log(vocabulary),
        "zero_shot_token_accuracy": scores.token_accuracy,
        "zero_shot_exact_match": scores.exact_match,
    }


def longest_input(shape: ModelShape | None) -> int:
    """Tokens that an example may have: `DEFAULT_MAX_LENGTH`, or the model's positions if fewer."""
    return min(DEFAULT_MAX_LENGTH, (shape and shape.positions) or DEFAULT_MAX_LENGTH)


def _sample(splits: Splits, data: TokenizedSplits) -> DatasetSample:
    prompts, completions = zip(*(prompt_and_completion(example) for example in splits.train), strict=True)
    return DatasetSample(
        prompts=prompts,
        completions=completions,
        prompt_tokens=data.train.lengths - data.train.completion_lengths,
        completion_tokens=data.train.completion_lengths,
        validation_completions=[prompt_and_completion(example)[1] for example in splits.validation],
        validation_tokens=data.validation.total,
    )
