"""An encoder for configurations whose search space is not known: what their values span."""

from __future__ import annotations

from collections.abc import Sequence

from foretune.space.column import Choice, Column, Number, Ruler
from foretune.space.encoding import Encoder
from foretune.types import Configuration, Value

_LOG_RATIO = 5.0
"""Positive numbers that span more than this ratio are placed by their logarithms."""


def observed_encoder(configurations: Sequence[Configuration]) -> Encoder:
    """One column for each number, from the least to the greatest seen, and one for each value of anything else.

    A hyperparameter that some configurations lack stands at its least value there, and at no choice.
    """
    names = dict.fromkeys(name for one in configurations for name in one.values)
    return Encoder(tuple(_column(name, configurations) for name in names))


def _column(name: str, configurations: Sequence[Configuration]) -> Column:
    values = [one.values[name] for one in configurations if name in one.values]
    optional = len(values) < len(configurations)
    numbers = sorted({float(value) for value in values if isinstance(value, int | float)})
    if all(_is_number(value) for value in values):
        log = numbers[0] > 0 and numbers[-1] > _LOG_RATIO * numbers[0]
        marks = tuple(dict.fromkeys((numbers[0], numbers[-1])))
        return Number(name, (Ruler(marks, log),), None, 0.0, optional)
    choices = tuple(dict.fromkeys(values))
    return Choice(name, choices, None, (), choices[0], optional)


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
