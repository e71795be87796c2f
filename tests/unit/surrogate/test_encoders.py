from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from synthetic_table import synthetic_table

from foretune.metadata import MetaDataset
from foretune.space import Encoder, load_space
from foretune.surrogate.encoders import encoder_for, encoder_sha256
from foretune.types import Configuration

MAIN = Encoder.of(load_space("peft"))


def with_columns(table: MetaDataset, **columns: Sequence[object]) -> MetaDataset:
    """The same runs, of which a hyperparameter has other values."""
    runs = table.runs.copy()
    for name, values in columns.items():
        runs[f"config.{name}"] = [values[place % len(values)] for place in range(len(runs))]
    return MetaDataset(table.tasks, runs, table.curves)


def few() -> MetaDataset:
    return synthetic_table(tasks=4, configurations=6)


def test_the_main_space_is_taken_where_all_configurations_are_of_it():
    assert encoder_for([few()]) == MAIN
    assert encoder_for([few(), synthetic_table()]) == MAIN


@pytest.mark.parametrize(
    "columns", [{"method": ["unheard_of"]}, {"momentum": [0.9, 0.5]}, {"rank": [None]}, {"learning_rate": [0.0, 0.1]}]
)
def test_what_the_configurations_span_is_taken_else(columns):
    other = with_columns(few(), **columns)
    encoder = encoder_for([few(), other])
    assert encoder != MAIN
    rows = encoder.encode([*few().configurations.values(), *other.configurations.values()])
    assert np.isfinite(rows).all()
    assert set(np.ptp(rows, axis=0)) <= {0.0, 1.0}
    assert {column.name for column in encoder.columns} >= set(columns)


def test_a_space_that_is_given_is_taken_whatever_the_configurations_are():
    space = load_space("peft-and-full")
    assert encoder_for([few()], space) == Encoder.of(space)


def test_every_table_counts_towards_what_is_spanned():
    """One has a hyperparameter that the other lacks: it is optional."""
    encoder = encoder_for([few(), with_columns(few(), momentum=[0.0, 1.0])])
    optional = {column.name for column in encoder.columns if column.optional}
    assert "momentum" in optional
    assert "epochs" not in optional
    first = next(iter(few().configurations.values()))
    place = encoder.names.index("momentum")
    changed = Configuration({**first.values, "momentum": 1.0})
    assert encoder.encode([first, changed])[:, place].tolist() == [0.0, 1.0]


def test_the_digest_tells_encoders_apart():
    other = encoder_for([with_columns(few(), method=["unheard_of"])])
    assert encoder_sha256(MAIN) == encoder_sha256(Encoder.from_json(MAIN.to_json()))
    assert encoder_sha256(other) == encoder_sha256(Encoder.from_json(other.to_json()))
    assert encoder_sha256(MAIN) != encoder_sha256(other)
