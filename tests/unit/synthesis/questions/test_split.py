"""No section is in two splits, and the held-out splits have the size that they should."""

import pytest

from foretune.errors import DataError
from foretune.synthesis.questions.drafts import Kind
from foretune.synthesis.questions.pairs import Pair
from foretune.synthesis.questions.split import split_by_section


def pairs(sizes):
    return [
        Pair(f"{section}-{number}?", "a", Kind.FACTUAL, f"{section}", f"section {section}")
        for section, size in enumerate(sizes)
        for number in range(size)
    ]


@pytest.mark.parametrize(
    ("sizes", "held_out"),
    [([3] * 100, 48), ([1] * 300, 50), ([5] * 10, 10), ([5] * 400, 200), ([4] * 2000, 500), ([200, 2, 1, 1], 4)],
)
def test_sections_are_whole_and_held_out_splits_a_tenth_or_fifty(sizes, held_out):
    splits = split_by_section(pairs(sizes), seed=0)
    sections = [{pair.section for pair in inside} for inside in splits.values()]
    assert sum(map(len, sections)) == len(set.union(*sections)) == len(sizes)
    assert sum(map(len, splits.values())) == sum(sizes)
    assert len(splits["test"]) == held_out


def test_the_smallest_section_is_held_out_where_all_are_large():
    splits = split_by_section(pairs([30, 10, 20]), seed=0)
    assert {split: len(inside) for split, inside in splits.items()} == {"train": 30, "validation": 20, "test": 10}


def test_the_seed_decides_and_the_order_of_sections_does_not():
    rows = pairs([3] * 100)
    splits = split_by_section(rows, seed=0)
    again = split_by_section(rows[150:] + rows[:150], seed=0)
    assert {split: set(inside) for split, inside in again.items()} == {name: set(one) for name, one in splits.items()}
    assert split_by_section(rows, seed=1)["test"] != splits["test"]


def test_two_sections_are_too_few():
    with pytest.raises(DataError, match="the 6 pairs are of 2 sections"):
        split_by_section(pairs([3, 3]), seed=0)
