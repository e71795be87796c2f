"""What the contract suites run on: one task of the synthetic table, in a family that the surrogates were not fitted
on."""

from __future__ import annotations

import pytest
from synthetic_table import synthetic_surrogates, synthetic_table

from foretune.benchmark.replay import RecordedTask, recorded_task
from foretune.metadata import MetaDataset
from foretune.surrogate.kinds import KINDS
from foretune.surrogate.protocol import Surrogates

HELD_OUT = "task-3"


@pytest.fixture(scope="session")
def table() -> MetaDataset:
    return synthetic_table()


@pytest.fixture(scope="session", params=sorted(KINDS))
def surrogates(request: pytest.FixtureRequest) -> Surrogates:
    """Of every kind."""
    return synthetic_surrogates(request.param)


@pytest.fixture(scope="session")
def recorded(table: MetaDataset) -> RecordedTask:
    return recorded_task(table, HELD_OUT)
