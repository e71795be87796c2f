"""The accelerators that come with the package, by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from foretune.errors import ConfigurationError
from foretune.recommendation.facts import shipped_facts

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Accelerator:
    """What of an accelerator decides the seconds and the memory of a run.

    Attributes:
        name: as the command line takes it.
        flops: of dense matrix products in 16 bits, a second.
        memory_bytes: that it has.
        bandwidth: of that memory, bytes a second.
        precision: the 16-bit format that `flops` are of, `bfloat16` or `float16`.
    """

    name: str
    flops: float
    memory_bytes: float
    bandwidth: float
    precision: str

    def __post_init__(self) -> None:
        if min(self.flops, self.memory_bytes, self.bandwidth) <= 0 or self.precision not in {"bfloat16", "float16"}:
            message = f"{self.name}: expected positive numbers and the precision bfloat16 or float16, got {self}"
            raise ConfigurationError(message)


def find_accelerator(name: str) -> Accelerator:
    """The accelerator of that name; capitals, spaces and underscores make no difference.

    Raises:
        ConfigurationError: if there is none.
    """
    known, wanted = shipped_accelerators(), re.sub(r"[\s_]+", "-", name.strip().lower())
    if wanted not in known:
        raise ConfigurationError(f"no accelerator {name!r} is known; choose one of {', '.join(known)}")
    return known[wanted]


@lru_cache(maxsize=1)
def shipped_accelerators() -> Mapping[str, Accelerator]:
    """Name -> accelerator, in the order of the file.

    Raises:
        ConfigurationError: if the file is of another version.
    """
    return {
        name: _read(name, row)
        for name, row in shipped_facts("accelerators.yaml", SCHEMA_VERSION)["accelerators"].items()
    }


def _read(name: str, row: Mapping[str, Any]) -> Accelerator:
    return Accelerator(
        name,
        flops=1e12 * float(row["tflops"]),
        memory_bytes=1e9 * float(row["gigabytes"]),
        bandwidth=1e9 * float(row["gigabytes_per_second"]),
        precision=str(row["precision"]),
    )
