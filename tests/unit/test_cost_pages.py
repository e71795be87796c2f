"""The pages give the intervals of time and memory that the code has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from foretune.recommendation.hardware import MEMORY_WITHIN, SECONDS_WITHIN

DOCS = Path(__file__).parents[2] / "docs"
RANGE = re.compile(r"x([\d.]+) to x([\d.]+) of the predicted (seconds|memory)")


@pytest.mark.parametrize("page", ["recommend.md", "decisions/cost.md"])
def test_both_pages_have_the_intervals_of_the_code(page):
    text = " ".join((DOCS / page).read_text(encoding="utf-8").split())
    found = {what: (float(low), float(high)) for low, high, what in RANGE.findall(text)}
    assert found == {"seconds": SECONDS_WITHIN, "memory": MEMORY_WITHIN}
