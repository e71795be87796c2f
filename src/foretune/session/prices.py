"""What an hour of an accelerator costs, as people write it."""

from __future__ import annotations

import re

from foretune.errors import ConfigurationError

_PLAIN = re.compile(r"\d+(\.\d+)?")


def parse_price(text: str, hardware: str | None) -> float:
    """Dollars an hour.

    Args:
        text: a number such as `1.8`.
        hardware: the accelerator that costs so much.

    Raises:
        ConfigurationError: it is not a positive number without thousand separators, or there is no accelerator.
    """
    price = float(text) if _PLAIN.fullmatch(text.strip()) else 0.0
    if not 0 < price < float("inf"):
        message = f"--price-per-hour {text!r} is not a price; write dollars as a positive number with a decimal point"
        raise ConfigurationError(f"{message} and without thousand separators, such as 1.8 or 1250")
    if hardware is None:
        message = f"--price-per-hour {text} is of an accelerator, and none is named; add --hardware, such as a100-80gb"
        raise ConfigurationError(message)
    return price
