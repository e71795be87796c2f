"""Tiny data and configurations that finetuning tests share."""

from collections.abc import Callable
from pathlib import Path

import pytest

from foretune.finetuning.data import Example, Message, Splits, TokenizedSplits, tokenize
from foretune.types import Configuration, Value

CURRENCIES = {"France": "euro", "Japan": "yen", "USA": "dollar", "India": "rupee", "Russia": "ruble", "China": "yuan"}


def examples(*questions: str) -> tuple[Example, ...]:
    """Each question about each country."""
    return tuple(
        Example(messages=(Message("user", question.format(country)), Message("assistant", currency)))
        for question in questions
        for country, currency in CURRENCIES.items()
    )


@pytest.fixture(scope="session")
def tiny_splits() -> Splits:
    return Splits(
        "currencies",
        train=examples("Currency of {}?", "What is the currency of {}, please?", "{} pays in"),
        validation=examples("How do you pay in {}?"),
        test=examples("Money of {}?"),
    )


@pytest.fixture(scope="session")
def tiny_data(tiny_model: Path, tiny_splits: Splits) -> TokenizedSplits:
    from foretune.finetuning.model import load_tokenizer

    return tokenize(tiny_splits, load_tokenizer(tiny_model), max_length=64)


@pytest.fixture(scope="session")
def configuration() -> Callable[..., Configuration]:
    """Makes a configuration of a method, with changes by name."""
    return _configuration


def _configuration(method: str, **changes: Value) -> Configuration:
    """Two epochs of a method: ten steps on the tiny data."""
    values: dict[str, Value] = {
        "method": method,
        "learning_rate": 0.01,
        "batch_size": 4,
        "schedule": "cosine",
        "warmup": 0.1,
        "weight_decay": 0.01,
        "optimizer": "adamw",
        "epochs": 2,
    }
    if method != "full":
        values["target_modules"] = "all"
    if method not in {"full", "ia3"}:
        values |= {"rank": 4, "alpha_over_rank": 2.0, "dropout": 0.1}
    if method == "loraplus":
        values["loraplus_ratio"] = 4.0
    return Configuration(values | changes)
