"""Epochs by rows, learning rates by batch and steps, and what a search space makes of either."""

from __future__ import annotations

from dataclasses import replace

import pytest

from foretune.recommendation.schedule import epochs_for, nearest_legal, scaled_rate, steps_of, with_epochs
from foretune.space import load_space
from foretune.types import Configuration

SPACE = load_space("peft", hidden_size=4096)
DEFAULT = SPACE.default()


def changed(**values) -> Configuration:
    return replace(DEFAULT, values={**DEFAULT.values, **values})


@pytest.mark.parametrize(("rows", "epochs"), [(180, 7.08), (1_000, 4.0), (10_000, 1.86), (99_840, 1.0)])
def test_epochs_fall_with_the_rows(rows, epochs):
    assert epochs_for(rows, 8) == pytest.approx(epochs, abs=0.01)


@pytest.mark.parametrize(
    ("rows", "batch", "steps_in_an_epoch"), [(36, 8, 5), (60, 8, 8), (200, 32, 7), (1_000, 128, 8)]
)
def test_few_rows_or_large_batches_get_a_hundred_steps(rows, batch, steps_in_an_epoch):
    assert epochs_for(rows, batch) * steps_in_an_epoch == pytest.approx(100)


@pytest.mark.parametrize(
    ("rows", "epochs", "steps"), [(36, 20, 100), (60, 12, 96), (180, 8, 184), (800, 4, 400), (100_000, 1, 12_500)]
)
def test_a_configuration_gets_the_nearest_epochs_of_its_space(rows, epochs, steps):
    found = with_epochs(DEFAULT, rows, SPACE)
    assert found.values["epochs"] == epochs
    assert steps_of(found, rows) == steps
    assert SPACE.allows(found)


def test_rates_grow_with_the_root_of_the_batch_and_fall_slowly_with_the_steps():
    assert scaled_rate(3e-4, batch=8, steps=780, of_batch=128, of_steps=780) == pytest.approx(3e-4 / 4)
    assert scaled_rate(3e-4, batch=128, steps=780 * 32, of_batch=128, of_steps=780) == pytest.approx(3e-4 / 2)


def test_a_rate_outside_the_space_moves_to_its_end():
    low = changed(learning_rate=1e-6)
    assert nearest_legal(low, SPACE).values["learning_rate"] == pytest.approx(0.0008 * 192 / 4096, rel=0.01)
    high = changed(learning_rate=1.0)
    assert nearest_legal(high, SPACE).values["learning_rate"] == pytest.approx(0.03 * 192 / 4096, rel=0.01)
    assert nearest_legal(DEFAULT, SPACE) == DEFAULT
    assert nearest_legal(changed(rank=128), SPACE) is None
