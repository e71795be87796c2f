"""The hyperparameters that the finetuning engine understands: names, legal values, and which method needs which."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from foretune.types import Value


@dataclass(frozen=True)
class Choices:
    """One of a few words."""

    words: tuple[str, ...]

    def allows(self, value: Value) -> bool:
        """Whether the engine understands the value."""
        return value in self.words

    def __str__(self) -> str:
        return "one of " + ", ".join(self.words)


@dataclass(frozen=True)
class LegalRange:
    """A number from `lower` to `upper`, both included; a whole one if `whole`."""

    lower: float
    upper: float = math.inf
    whole: bool = False

    def allows(self, value: Value) -> bool:
        """Whether the engine understands the value."""
        if isinstance(value, str | bool) or (self.whole and not isinstance(value, int)):
            return False
        return self.lower <= value <= self.upper

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        return f"{kind} of at least {self.lower:g}" + (f" and at most {self.upper:g}" if self.upper < math.inf else "")


_LORA = ("rank", "alpha_over_rank", "dropout", "target_modules")

NEEDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "lora": _LORA,
        "rslora": _LORA,
        "dora": _LORA,
        "pissa": _LORA,
        "qlora": _LORA,
        "loraplus": (*_LORA, "loraplus_ratio"),
        "ia3": ("target_modules",),
        "full": (),
    }
)
"""What each method needs on top of `COMMON`."""

COMMON = ("method", "learning_rate", "batch_size", "schedule", "warmup", "weight_decay", "optimizer", "epochs")
"""What every method needs."""

HYPERPARAMETERS: Mapping[str, Choices | LegalRange] = MappingProxyType(
    {
        "method": Choices(tuple(NEEDS)),
        "rank": LegalRange(1, whole=True),
        "alpha_over_rank": LegalRange(1e-3),
        "dropout": LegalRange(0.0, 0.99),
        "target_modules": Choices(("all", "attention", "mlp")),
        "learning_rate": LegalRange(1e-9, 10.0),
        "loraplus_ratio": LegalRange(1e-3),
        "batch_size": LegalRange(1, whole=True),
        "schedule": Choices(("constant", "linear", "cosine")),
        "warmup": LegalRange(0.0, 0.99),
        "weight_decay": LegalRange(0.0, 1.0),
        "optimizer": Choices(("adamw", "adafactor")),
        "epochs": LegalRange(1, 1000, whole=True),
    }
)
"""What the engine takes: `warmup` is a share of the run, `loraplus_ratio` the learning rate of B over that of A."""


def base_name(name: str) -> str:
    """The hyperparameter that a variant stands for: `learning_rate:ia3` is a `learning_rate`."""
    return name.partition(":")[0]


def not_understood(name: str, values: Sequence[Value]) -> str:
    """Why the engine cannot make sense of these values; empty if it can."""
    legal = HYPERPARAMETERS.get(base_name(name))
    if legal is None:
        return f"{name!r} is no hyperparameter of foretune; use only {', '.join(HYPERPARAMETERS)}"
    bad = [value for value in values if not legal.allows(value)]
    return f"{name!r} may be {bad[0]!r}, expected {legal}" if bad else ""
