"""The family that a base model belongs to, by its name or by its `config.json`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from foretune.recommendation.facts import shipped_facts

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Family:
    """Base models of one maker and generation.

    Attributes:
        name: such as `Llama-3`.
        pattern: found in the names of its models.
        types: `model_type` in their `config.json`.
        full_rate: learning rate of full finetuning at 6 to 9 billion parameters; None where nothing is published.
        lora_share: of the learning rate that LoRA has on Llama 3 and Qwen; None where nothing is published.
    """

    name: str
    pattern: re.Pattern[str]
    types: tuple[str, ...] = ()
    full_rate: float | None = None
    lora_share: float | None = None


def family_of(name: str, model_type: str | None = None) -> Family | None:
    """The family of a model; None if neither its name nor its `model_type` is known.

    Args:
        name: of a model on the hub, or its folder.
        model_type: from its `config.json`; consulted where the name says nothing.
    """
    plain = re.sub(r"[_ ]", "-", Path(name).name.lower())
    named = next((one for one in families() if one.pattern.search(plain)), None)
    return named or next((one for one in families() if model_type in one.types), None)


@lru_cache(maxsize=1)
def families() -> tuple[Family, ...]:
    """The families that come with the package, in the order of the file.

    Raises:
        ConfigurationError: if the file is of another version.
    """
    return tuple(
        Family(
            str(row["name"]),
            re.compile(row["pattern"]),
            tuple(row["types"]),
            row.get("full_rate"),
            row.get("lora_share"),
        )
        for row in shipped_facts("families.yaml", SCHEMA_VERSION)["families"]
    )
