"""Meta-features: few, strong numbers that describe a dataset and a base model.

A new feature is a decorated function: `@dataset_feature` over a `DatasetSample`, or `@model_feature`
over a `ModelShape`. Each is deterministic and takes seconds on 100,000 rows. Quantities that span decades are given as
their log10. *Words* are runs of word characters or single other signs, in lower case; they depend on no tokenizer. The
base model's zero-shot loss, the strongest known predictor of the gain from finetuning (arXiv 2506.14681), needs the
model itself and is added by `foretune.finetuning.task`.
"""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from foretune.metadata.shape import ModelShape

_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class DatasetSample:
    """The data from which a dataset's features are computed.

    Attributes:
        prompts: of the training rows.
        completions: of the training rows.
        prompt_tokens: length of each training prompt in the model's tokens, chat template included.
        completion_tokens: number of tokens of each training row that the loss is taken on.
        validation_completions: of the validation rows.
        validation_tokens: all tokens of the validation rows together.
    """

    prompts: Sequence[str]
    completions: Sequence[str]
    prompt_tokens: np.ndarray
    completion_tokens: np.ndarray
    validation_completions: Sequence[str]
    validation_tokens: int

    @cached_property
    def prompt_words(self) -> list[list[str]]:
        """Words of each training prompt."""
        return [words(prompt) for prompt in self.prompts]

    @cached_property
    def completion_words(self) -> list[list[str]]:
        """Words of each training completion."""
        return [words(completion) for completion in self.completions]

    @cached_property
    def completion_counts(self) -> Counter[str]:
        """How often each training completion occurs."""
        return Counter(self.completions)


DatasetFeature = Callable[[DatasetSample], float]
ModelFeature = Callable[[ModelShape], float]
DATASET_FEATURES: dict[str, DatasetFeature] = {}
"""Every feature of a dataset, by name."""
MODEL_FEATURES: dict[str, ModelFeature] = {}
"""Every feature of a base model, by name."""


def dataset_feature(function: DatasetFeature) -> DatasetFeature:
    """Enter a function into `DATASET_FEATURES` under its name."""
    DATASET_FEATURES[function.__name__] = function
    return function


def model_feature(function: ModelFeature) -> ModelFeature:
    """Enter a function into `MODEL_FEATURES` under its name."""
    MODEL_FEATURES[function.__name__] = function
    return function


def dataset_features(sample: DatasetSample) -> dict[str, float]:
    """All features of a dataset, in the order of the registry."""
    return {name: float(feature(sample)) for name, feature in DATASET_FEATURES.items()}


def model_features(shape: ModelShape) -> dict[str, float]:
    """All features of a base model."""
    return {name: float(feature(shape)) for name, feature in MODEL_FEATURES.items()}


def words(text: str) -> list[str]:
    """The words of a text, see above."""
    return _WORD.findall(text.lower())


def _log10(value: float) -> float:
    return math.log10(max(float(value), 1.0))


def _richness(texts: Iterable[list[str]]) -> float:
    tokens = [word for text in texts for word in text]
    return math.log(len(set(tokens))) / math.log(len(tokens)) if len(tokens) > 1 else 1.0


@dataset_feature
def log_train_rows(sample: DatasetSample) -> float:
    """log10 of the number n of training rows."""
    return _log10(len(sample.prompts))


@dataset_feature
def log_train_tokens(sample: DatasetSample) -> float:
    """log10 of all tokens of one epoch, sum_i (p_i + c_i): what an epoch costs."""
    return _log10(sample.prompt_tokens.sum() + sample.completion_tokens.sum())


@dataset_feature
def log_completion_tokens(sample: DatasetSample) -> float:
    """log10 of the tokens of one epoch that are learned from, sum_i c_i."""
    return _log10(sample.completion_tokens.sum())


@dataset_feature
def log_prompt_tokens_p50(sample: DatasetSample) -> float:
    """log10 of the median length of a prompt in tokens."""
    return _log10(np.quantile(sample.prompt_tokens, 0.5))


@dataset_feature
def log_prompt_tokens_p90(sample: DatasetSample) -> float:
    """log10 of the 90 % quantile of the lengths of prompts in tokens."""
    return _log10(np.quantile(sample.prompt_tokens, 0.9))


@dataset_feature
def log_completion_tokens_p50(sample: DatasetSample) -> float:
    """log10 of the median length of a completion in tokens."""
    return _log10(np.quantile(sample.completion_tokens, 0.5))


@dataset_feature
def log_completion_tokens_p90(sample: DatasetSample) -> float:
    """log10 of the 90 % quantile of the lengths of completions in tokens."""
    return _log10(np.quantile(sample.completion_tokens, 0.9))


@dataset_feature
def log_validation_tokens(sample: DatasetSample) -> float:
    """log10 of all tokens of the validation rows: what an evaluation costs."""
    return _log10(sample.validation_tokens)


@dataset_feature
def prompt_richness(sample: DatasetSample) -> float:
    """Herdan's C of the prompts, log V / log N for V distinct among N words: hardly depends on N, unlike V / N."""
    return _richness(sample.prompt_words)


@dataset_feature
def completion_richness(sample: DatasetSample) -> float:
    """Herdan's C of the completions, log V / log N for V distinct among N words."""
    return _richness(sample.completion_words)


@dataset_feature
def completion_overlap(sample: DatasetSample) -> float:
    """Mean over rows of the share of a completion's words that its prompt contains: 1 for extraction."""
    rows = [
        sum(word in known for word in completion) / len(completion)
        for prompt, completion in zip(sample.prompt_words, sample.completion_words, strict=True)
        if completion
        for known in [set(prompt)]
    ]
    return float(np.mean(rows)) if rows else 0.0


@dataset_feature
def completion_entropy(sample: DatasetSample) -> float:
    """Bits per word of the completions under their own word frequencies, -sum_w f_w log2 f_w."""
    counts = np.array(list(Counter(word for row in sample.completion_words for word in row).values()), dtype=np.float64)
    shares = counts / counts.sum() if counts.size else np.ones(1)
    return float(-(shares * np.log2(shares)).sum()) + 0.0


@dataset_feature
def completion_compression(sample: DatasetSample) -> float:
    """Bytes of the first 100,000 bytes of completions, one a line, after zlib over those before: low = repetitive."""
    text = "\n".join(sample.completions).encode()[:100_000]
    return len(zlib.compress(text, 6)) / max(len(text), 1)


@dataset_feature
def distinct_completions(sample: DatasetSample) -> float:
    """Share of distinct completions: how many there are, over n."""
    return len(sample.completion_counts) / len(sample.completions)


@dataset_feature
def most_common_completion(sample: DatasetSample) -> float:
    """Share of rows with the most common completion: the accuracy of always answering that."""
    return sample.completion_counts.most_common(1)[0][1] / len(sample.completions)


@dataset_feature
def seen_completions(sample: DatasetSample) -> float:
    """Share of validation completions that occur in training, too: 1 for a closed set of labels."""
    seen = [completion in sample.completion_counts for completion in sample.validation_completions]
    return float(np.mean(seen)) if seen else 0.0


@dataset_feature
def completion_digits(sample: DatasetSample) -> float:
    """Share of digits among the characters of the completions."""
    text = "".join(sample.completions)
    return sum(character.isdigit() for character in text) / max(len(text), 1)


@model_feature
def model_log_width(shape: ModelShape) -> float:
    """log10 of the hidden size h."""
    return _log10(shape.width)


@model_feature
def model_depth(shape: ModelShape) -> float:
    """Number of layers L."""
    return shape.layers


@model_feature
def model_log_vocabulary(shape: ModelShape) -> float:
    """log10 of the size of the vocabulary."""
    return _log10(shape.vocabulary)


@model_feature
def model_log_parameters(shape: ModelShape) -> float:
    """log10 of the entries of the layers' weight matrices that a token is multiplied with, embeddings left out.

    Of a gated decoder that is L (2 h d a + 2 h d k + 3 h f): h is the hidden size, f the width of the feed-forward
    block, a the number of heads, d their size, k the number of key-value heads. Of a mixture, the experts that a token
    passes count.
    """
    return _log10(shape.matrices)
