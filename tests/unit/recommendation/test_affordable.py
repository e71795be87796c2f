from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from foretune.recommendation import Advice, Demand, Recommendation, affordable, find_accelerator, with_memory
from foretune.recommendation.accelerators import Accelerator
from foretune.recommendation.shape import ModelShape
from foretune.recommendation.workload import Workload
from foretune.types import Configuration

LARGE = ModelShape(32, 4096, 14336, 4096, 1024, 128256, 2 * 128256 * 4096.0, 8.03e9)
LENGTHS = np.full(2_000, 300)
DEMAND = Demand(LARGE, Workload(LENGTHS, LENGTHS // 3, 10_000))
VALUES = {"method": "lora", "target_modules": "all", "batch_size": 8, "epochs": 3, "dropout": 0.0}


def advice(*ranks: int, **changes: object) -> Advice:
    rows = [Recommendation(Configuration({**VALUES, "rank": rank, **changes}), None, None, None, "") for rank in ranks]
    return Advice(tuple(rows), "published sweeps", "percent", "far", ("before",))


def card(gigabytes: float) -> Accelerator:
    return replace(find_accelerator("rtx-4090"), memory_bytes=gigabytes * 1e9)


def test_memory_is_known_without_an_accelerator_and_seconds_are_not():
    found = with_memory(advice(4, 64), DEMAND)
    first, second = found.recommendations
    assert 16e9 < first.memory_bytes < second.memory_bytes
    assert first.seconds is None
    assert found.warnings == ("before",)


def test_what_fits_stays_as_it_is_in_its_order_and_gets_seconds():
    found = affordable(advice(64, 4), DEMAND, card(80))
    assert [one.configuration.values["rank"] for one in found.recommendations] == [64, 4]
    assert all(one.seconds > 60 for one in found.recommendations)
    assert found.warnings == ("before",)


def test_smaller_batches_take_the_place_of_those_that_do_not_fit():
    found = affordable(advice(4, 64), DEMAND, card(24))
    sizes = [one.configuration.values["batch_size"] for one in found.recommendations]
    assert max(sizes) < 8
    assert all(one.memory_bytes <= 24e9 for one in found.recommendations)
    assert found.warnings[1].startswith("batches of ")
    assert "instead of 8, to fit into the 22.4 GiB of rtx-4090" in found.warnings[1]


def test_what_does_not_fit_at_all_is_left_out_and_a_warning_says_what_would():
    found = affordable(advice(4, 64), DEMAND, card(16))
    assert found.recommendations == ()
    assert found.warnings[1].startswith("left out 2 of 2: even a batch of 1 needs ")
    assert "with qlora" in found.warnings[1]
    assert "nothing else would fit" in affordable(advice(4), DEMAND, card(4)).warnings[1]


def test_only_what_is_too_large_is_left_out():
    one, other = (with_memory(advice(rank, batch_size=1), DEMAND).recommendations[0] for rank in (4, 128))
    between = card((one.memory_bytes + other.memory_bytes) / 2e9)
    found = affordable(advice(128, 4), DEMAND, between)
    assert [row.configuration.values["rank"] for row in found.recommendations] == [4]
    assert any(warning.startswith("left out 1 of 2") for warning in found.warnings)


def test_what_takes_too_long_is_left_out_and_a_warning_says_what_fewer_epochs_take():
    taken = affordable(advice(4), DEMAND, card(80)).recommendations[0].seconds
    found = affordable(advice(4), DEMAND, card(80), seconds=taken * 0.9)
    assert found.recommendations == ()
    assert "the budget is" in found.warnings[1]
    assert "with epochs 2 " in found.warnings[1]
    assert "give more time" in affordable(advice(4, epochs=1), DEMAND, card(80), seconds=1.0).warnings[1]


@pytest.mark.parametrize("method", ["ia3", "full"])
def test_methods_that_nothing_is_known_of_are_kept(method):
    found = affordable(advice(4, method=method), DEMAND, card(1), seconds=1.0)
    assert found.recommendations[0].memory_bytes is None
    assert found.recommendations[0].seconds is None


def test_accelerators_without_bfloat16_are_named():
    found = affordable(advice(4), DEMAND, find_accelerator("v100-32gb"))
    assert "v100-32gb is fast in float16 only" in found.warnings[-1]


def test_methods_whose_time_is_not_known_are_named_where_a_budget_is_set():
    found = affordable(advice(4, method="qlora"), DEMAND, card(80), seconds=1.0)
    assert len(found.recommendations) == 1
    assert found.warnings[-1] == "the time of qlora is not predicted, so --budget has left out none of these"
    assert affordable(advice(4, method="qlora"), DEMAND, card(80)).warnings == ("before",)


def test_qlora_is_no_remedy_for_qlora():
    found = affordable(advice(4, method="qlora"), DEMAND, card(1))
    assert found.recommendations == ()
    assert "with qlora" not in found.warnings[1]
