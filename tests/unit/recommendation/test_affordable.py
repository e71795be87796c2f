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


def test_dollars_are_those_of_the_seconds():
    (found,) = affordable(advice(4), DEMAND, card(80), price=1.8).recommendations
    assert found.dollars == pytest.approx(1.8 * found.seconds / 3600)
    assert affordable(advice(4), DEMAND, card(80)).recommendations[0].dollars is None
    assert affordable(advice(4, method="ia3"), DEMAND, card(80), price=1.8).recommendations[0].dollars is None


def test_it_is_said_how_sure_time_and_memory_are():
    within = {"seconds": (0.89, 1.36), "memory": (0.84, 1.22)}
    assert affordable(advice(4), DEMAND, card(80)).facts == {"four_of_five_within": within}
    assert affordable(advice(4), DEMAND, card(1)).facts == {}
    assert with_memory(advice(4), DEMAND).facts["four_of_five_within"] == {"memory": (0.84, 1.22)}


def test_batches_that_do_not_fit_keep_their_size_and_are_computed_in_parts():
    found = affordable(advice(4, 64), DEMAND, card(28))
    assert [one.configuration.values["batch_size"] for one in found.recommendations] == [8, 8]
    assert [str(one.at_once) for one in found.recommendations] == ["4 rows", "whole batch, checkpointing"]
    assert all(one.memory_bytes <= 28e9 for one in found.recommendations)
    assert found.warnings[1].startswith("not every batch fits into the 26.1 GiB of rtx-4090 at once; foretune divides")


def test_a_card_that_computes_whole_batches_is_not_remarked_upon():
    found = affordable(advice(4), DEMAND, card(80))
    assert [str(one.at_once) for one in found.recommendations] == ["whole batch"]
    assert found.warnings == ("before",)


def test_what_does_not_fit_at_all_is_left_out_and_a_warning_says_what_would():
    found = affordable(advice(4, 64), DEMAND, card(16))
    assert found.recommendations == ()
    assert found.warnings[1].startswith(
        "left out 2 of 2 (lora): even a row at a time with gradient checkpointing takes "
    )
    assert "it would fit with qlora (--space peft-and-qlora: " in found.warnings[1]
    assert found.warnings[1].endswith(" or on rtx-3090 (22.4 GiB)")
    huge = Demand(replace(LARGE, parameters=1e12), DEMAND.workload)
    assert affordable(advice(4), huge, card(4)).warnings[1].endswith("; nothing would make it fit")


def test_shorter_rows_are_proposed_where_the_longest_is_what_does_not_fit():
    long = Demand(LARGE, Workload(np.array([200, 40_000]), np.array([50, 30_000]), 100))
    found = affordable(advice(4), long, card(24))
    assert "with rows of 2500 tokens (--max-length of tune and finetune)" in found.warnings[1]
    shorter = Demand(LARGE, long.workload.cut(2500))
    assert str(affordable(advice(4), shorter, card(24)).recommendations[0].at_once) == "1 row, checkpointing"


def test_only_what_is_too_large_is_left_out():
    found = affordable(advice(256, 4), DEMAND, card(22))
    assert [row.configuration.values["rank"] for row in found.recommendations] == [4]
    assert any(warning.startswith("left out 1 of 2") for warning in found.warnings)


def test_the_first_is_shown_on_cards_of_common_sizes():
    found = with_memory(advice(4, 64), DEMAND)
    cards = {one["gigabytes"]: one["at_once"] and one["at_once"]["in_words"] for one in found.facts["cards"]}
    assert cards == {8: None, 16: None, 24: "whole batch, checkpointing", 48: "whole batch", 80: "whole batch"}
    memory = [one["memory_bytes"] for one in found.facts["cards"]]
    assert memory[:2] == [None, None]
    assert memory[2] < 24e9 < memory[3]
    assert memory[3] == memory[4] == found.recommendations[0].memory_bytes
    assert "cards" not in with_memory(advice(4, method="ia3"), DEMAND).facts


def test_what_takes_too_long_is_left_out_and_a_warning_says_what_fewer_epochs_take():
    taken = affordable(advice(4), DEMAND, card(80)).recommendations[0].seconds
    found = affordable(advice(4), DEMAND, card(80), seconds=taken * 0.9)
    assert found.recommendations == ()
    assert "the budget is" in found.warnings[1]
    assert "with epochs 2 " in found.warnings[1]
    assert "give more time" in affordable(advice(4, epochs=1), DEMAND, card(80), seconds=1.0).warnings[1]


def test_methods_that_nothing_is_known_of_are_kept():
    found = affordable(advice(4, method="ia3"), DEMAND, card(1), seconds=1.0)
    assert found.recommendations[0].memory_bytes is None
    assert found.recommendations[0].seconds is None


def test_accelerators_without_bfloat16_are_named():
    found = affordable(advice(4), DEMAND, find_accelerator("v100-32gb"))
    assert "v100-32gb is fast in float16 only" in found.warnings[-1]


def test_methods_whose_time_is_not_known_are_named_where_a_budget_is_set():
    found = affordable(advice(4, method="ia3"), DEMAND, card(80), seconds=1.0)
    assert len(found.recommendations) == 1
    assert found.warnings[-1] == "the time of ia3 is not predicted, so --budget has left out none of these"
    assert affordable(advice(4, method="ia3"), DEMAND, card(80)).warnings == ("before",)


def test_the_time_of_four_bits_and_of_full_finetuning_counts():
    kept = affordable(advice(4, method="qlora"), DEMAND, card(80)).recommendations[0].seconds
    assert kept > affordable(advice(4), DEMAND, card(80)).recommendations[0].seconds
    assert affordable(advice(4, method="qlora"), DEMAND, card(80), seconds=0.9 * kept).recommendations == ()
    full = affordable(advice(4, method="full"), DEMAND, card(80))
    assert full.recommendations == ()
    assert "even a row at a time with gradient checkpointing takes " in full.warnings[1]


def test_qlora_is_no_remedy_for_qlora():
    found = affordable(advice(4, method="qlora"), DEMAND, card(1))
    assert found.recommendations == ()
    assert "with qlora" not in found.warnings[1]
