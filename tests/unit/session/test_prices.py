from __future__ import annotations

import pytest

from foretune.errors import ConfigurationError
from foretune.session.prices import parse_price


@pytest.mark.parametrize(("text", "price"), [("1.8", 1.8), (" 2 ", 2.0), ("1250", 1250.0), ("0.05", 0.05)])
def test_a_price_is_dollars(text, price):
    assert parse_price(text, "a100-80gb") == price


@pytest.mark.parametrize(
    "text", ["0", "0.00", "-1", "free", "", "1,250", "1_250", "1.250.000", "1,8", "nan", "inf", "$2", "9" * 400]
)
def test_what_is_no_price_is_named_with_a_remedy(text):
    with pytest.raises(ConfigurationError) as error:
        parse_price(text, "a100-80gb")
    assert str(error.value) == (
        f"--price-per-hour {text!r} is not a price; write dollars as a positive number with a decimal point "
        "and without thousand separators, such as 1.8 or 1250"
    )


def test_a_price_is_of_an_accelerator():
    with pytest.raises(ConfigurationError, match="none is named; add --hardware, such as a100-80gb"):
        parse_price("1.8", None)
