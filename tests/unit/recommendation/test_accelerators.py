from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import foretune
from foretune.errors import ConfigurationError
from foretune.recommendation.accelerators import Accelerator, find_accelerator, shipped_accelerators


def test_fourteen_are_shipped_and_each_says_where_its_figures_come_from():
    path = Path(foretune.__file__).parent / "data" / "accelerators.yaml"
    rows = yaml.safe_load(path.read_text(encoding="utf-8"))["accelerators"]
    assert list(shipped_accelerators()) == list(rows)
    assert len(rows) == 14
    assert all("datasheet" in row["source"] or "whitepaper" in row["source"] for row in rows.values())


def test_figures_are_in_plain_units():
    card = find_accelerator("rtx-4090")
    assert (card.flops, card.memory_bytes, card.bandwidth) == pytest.approx((165.2e12, 24e9, 1008e9))
    assert find_accelerator("h100").flops > 3 * find_accelerator("a100-80gb").flops
    assert {card.precision for card in shipped_accelerators().values()} == {"bfloat16", "float16"}


@pytest.mark.parametrize("name", ["RTX 4090", "rtx_4090", " rtx-4090 "])
def test_spelling_is_forgiven(name):
    assert find_accelerator(name).name == "rtx-4090"


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ConfigurationError, match=r"no accelerator 'rtx-9999' is known; choose one of t4, .*h200"):
        find_accelerator("rtx-9999")


def test_figures_that_cannot_be_are_refused():
    with pytest.raises(ConfigurationError, match="positive"):
        Accelerator("x", 1e12, 0.0, 1e9, "bfloat16")
    with pytest.raises(ConfigurationError, match="precision"):
        Accelerator("x", 1e12, 1e9, 1e9, "float8")
