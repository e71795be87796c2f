"""What finetuning will bring, by recorded cases of the same kind and size."""

from __future__ import annotations

import json
import math

import pytest

from foretune.metadata import read_meta_dataset
from foretune.recommendation import outlook, read_published, recorded_cases, swept_cases
from foretune.recommendation.outlook import Case, doublings, loss_after

LONG, SHORT = 50, 3


def law(dataset: str, model: str, shift: float = 0.0) -> list[Case]:
    """Losses of 4 rows^-0.1, by twos."""
    return [Case(dataset, model, rows, False, 4.0, 4.0 * math.exp(shift) * rows**-0.1) for rows in (100, 200, 800)]


CASES = [one for dataset in "ab" for model in "mnopq" for one in law(dataset, model)]


def searched(count: int, rows: int, ratio: float, short: bool = False) -> list[Case]:
    return [Case(f"d{place}", "m", rows, short, None, 1.0, ratio, "tasks of tests") for place in range(count)]


def test_a_doubling_is_what_each_size_did_to_the_loss_of_the_one_before():
    found = doublings([*law("a", "m"), *law("a", "n")])
    assert [middle for middle, _ in found] == pytest.approx([math.sqrt(100 * 200), 400.0] * 2)
    assert [ratio for _, ratio in found] == pytest.approx([2**-0.1] * 4)


def test_the_law_that_made_the_losses_is_found():
    found = loss_after(400, CASES)
    assert (found.low, found.middle, found.high) == pytest.approx((400**-0.1,) * 3)


def test_the_interval_is_as_wide_as_datasets_differ():
    shifted = [one for place, dataset in enumerate("abc") for one in law(dataset, "m", 0.3 * place)]
    found = loss_after(100, shifted)
    assert found.middle == pytest.approx(math.exp(0.3) * 100**-0.1)
    # a dataset that is left out is off by 0.45 or 0 from the mean of the other two
    assert math.log(found.high / found.middle) == pytest.approx(0.45)
    assert math.log(found.middle / found.low) == pytest.approx(0.45)


def test_nothing_is_said_far_from_the_rows_that_were_recorded():
    assert all(loss_after(rows, CASES) for rows in (25, 3_200))
    assert loss_after(24, CASES) is None
    assert loss_after(3_201, CASES) is None
    assert loss_after(400, CASES[:15]) is None  # a single dataset


def test_more_data_or_more_search_by_the_larger_gain():
    more_search = outlook(200, LONG, [*CASES, *searched(10, 300, 0.8)])
    assert more_search.sentences()[1] == (
        "More data or more search? More search: on recorded datasets with long answers twice the rows lowered the loss "
        "by 6.7 % (6.7 to 6.7 %), a search by 20 % (20 to 20 %; 10 tasks of tests)."
    )
    more_data = outlook(200, LONG, [*CASES, *searched(10, 300, 0.99)])
    assert "More data: on recorded" in more_data.sentences()[1]


@pytest.mark.parametrize(
    ("rows", "tokens", "cases"),
    [
        (200, LONG, searched(9, 200, 0.8)),  # too few
        (200, LONG, searched(10, 2_001, 0.8)),  # too large
        (200, LONG, searched(10, 200, 0.8, short=True)),  # of another kind
        (200, SHORT, searched(10, 200, 0.8, short=True)),  # no doublings of this kind
    ],
)
def test_no_sentence_where_nothing_is_known(rows, tokens, cases):
    found = outlook(rows, tokens, [*CASES, *cases])
    assert not any("More data or more search?" in one for one in found.sentences())


def test_the_loss_is_not_foretold_for_short_answers():
    assert outlook(200, SHORT, CASES).sentences() == ()
    assert outlook(200, LONG, CASES).sentences() == (
        f"Expect {200**-0.1:.2f} times the loss before training ({200**-0.1:.2f} to {200**-0.1:.2f} in four of five "
        "cases), like language models on published datasets of translations, summaries and instructions.",
    )


def test_the_shipped_tables_hold_cases_of_every_kind():
    published, tiny = read_meta_dataset("public-llm-v2"), read_meta_dataset("foretune-tiny-v1")
    law_cases = [one for one in recorded_cases(published, "published") if one.zero_shot]
    assert len({(one.dataset, one.model) for one in law_cases}) == 18 * 3  # decoders alone
    assert {one.rows for one in law_cases} == {200 * 2**power for power in range(14)}
    recorded = recorded_cases(tiny, "tiny")
    assert len(recorded) == len(tiny.task_ids)
    assert sum(one.short for one in recorded) == 99
    assert all(one.searched for one in recorded)
    swept = swept_cases(read_published(published))
    assert 100 * (1 / min(one.searched for one in swept) - 1) == pytest.approx(2.61, abs=0.01)
    found = outlook(99_000, LONG, [*law_cases, *recorded, *swept])
    assert json.loads(json.dumps(found.to_json()))["in_words"][1].startswith("More data or more search? More data")
