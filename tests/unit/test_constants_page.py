"""The page of constants says what the code does."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "method.md"
ROWS = re.findall(r"^\| `(_\w+)` \| ([\d.]+) \| `([\w/]+)\.py` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def test_every_constant_has_a_row():
    assert len(ROWS) == 5


@pytest.mark.parametrize(("name", "value", "module"), ROWS)
def test_constants_have_the_values_that_the_page_gives(name, value, module):
    assert getattr(import_module(f"foretune.{module.replace('/', '.')}"), name) == float(value)
