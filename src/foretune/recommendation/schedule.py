"""How long a run should be, and what its length and its batch do to the learning rate.

Epochs follow from the rows alone,

    epochs = 4 (1000 / rows)^(1/3),    but at least 100 steps

which is 7 at 180 rows, 4 at 1,000, 2 at 10,000 and 1 from 23,000 rows on, rounded. Twelve published curves over 60 to
180 rows have their least validation loss after 4 to 19 epochs (30 to 160 steps at the usual rate), hosted services take
3 to 5 epochs below 1,000 rows, 1 to 3 below 10,000 and one above, and published sweeps read 99,840 rows once.
`benchmarks/epochs_by_rows.py` compares the rule with a constant number of epochs on the curves.

The best learning rate grows with the square root of the batch and falls slowly with the number of steps,

    rate ~ batch^0.5 steps^-0.2

as the recorded runs of tiny models say (`benchmarks/rate_scaling.py`); the first is known of Adam (Malladi et al.,
2022).
"""

from __future__ import annotations

import math
from dataclasses import replace

from foretune.space import SearchSpace
from foretune.space.domain import is_range, legal_values
from foretune.space.vocabulary import base_name
from foretune.types import Configuration

LEAST_STEPS = 100
BATCH_POWER, STEPS_POWER = 0.5, -0.2
_EPOCHS, _ROWS, _POWER = 4.0, 1000.0, 1 / 3


def epochs_for(rows: int, batch: int) -> float:
    """Epochs that a run should have, not rounded.

    Args:
        rows: to train on.
        batch: rows of a step.
    """
    return max(_EPOCHS * (_ROWS / rows) ** _POWER, LEAST_STEPS / math.ceil(rows / batch), 1.0)


def steps_of(configuration: Configuration, rows: int) -> int:
    """Optimizer steps of a run on so many rows."""
    values = configuration.values
    return math.ceil(rows / int(values["batch_size"])) * int(values["epochs"])


def with_epochs(configuration: Configuration, rows: int, space: SearchSpace) -> Configuration:
    """The configuration with the epochs for so many rows, or with the nearest that the search space has."""
    wanted = epochs_for(rows, int(configuration.values["batch_size"]))
    choice = next(one for name, one in space.space.items() if base_name(name) == "epochs")
    values = [int(value) for value in legal_values(choice)]
    if is_range(choice):
        epochs = min(max(round(wanted), values[0]), values[-1])
    else:
        epochs = min(values, key=lambda value: abs(math.log(value / wanted)))
    return replace(configuration, values={**configuration.values, "epochs": epochs})


def scaled_rate(rate: float, *, batch: float, steps: float, of_batch: float, of_steps: float) -> float:
    """The learning rate at a batch and a number of steps of a rate that was best at others."""
    return rate * (batch / of_batch) ** BATCH_POWER * (steps / of_steps) ** STEPS_POWER


def nearest_legal(configuration: Configuration, space: SearchSpace) -> Configuration | None:
    """The configuration, at the nearest learning rate that the search space has for its method; None if it differs in
    more than that from all that the space has."""
    if space.allows(configuration):
        return configuration
    rate = float(configuration.values["learning_rate"])
    ranges = [one for name, one in space.space.items() if base_name(name) == "learning_rate" and is_range(one)]
    ends = {float(end) for one in ranges for end in legal_values(one)}
    for end in sorted(ends, key=lambda end: abs(math.log(end / rate))):
        if space.allows(moved := replace(configuration, values={**configuration.values, "learning_rate": end})):
            return moved
    return None
