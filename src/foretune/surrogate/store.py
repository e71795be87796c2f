"""Surrogates on disk: one folder with `surrogates.json` (what it is, readable) and `surrogates.safetensors` (its
arrays).

The JSON holds the schema version, the kind of the performance surrogate, the sha256 of the arrays, the names of
meta-features and the card; nothing is pickled, and loading runs nothing that was stored.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as dump_arrays

from foretune.errors import SurrogateError
from foretune.parsing import parse_json
from foretune.space import Encoder
from foretune.surrogate.arrays import flatten, restore
from foretune.surrogate.cost import EvenCost, LinearCost
from foretune.surrogate.kinds import KINDS, find_kind
from foretune.surrogate.memory import LinearMemory
from foretune.surrogate.protocol import Surrogates
from foretune.surrogate.ridge import Ridge

SCHEMA_VERSION = 9
ARRAYS_FILE = "surrogates.safetensors"
DESCRIPTION_FILE = "surrogates.json"


def save_surrogates(path: str | Path, surrogates: Surrogates) -> None:
    """Writes the surrogates into the folder `path`, which is made if need be.

    Raises:
        SurrogateError: if they are not of the kinds that `foretune fit` makes.
    """
    performance, cost = surrogates.performance, surrogates.cost
    kind = getattr(performance, "kind", None)
    if kind not in KINDS or not isinstance(cost, LinearCost | EvenCost):
        kinds = f"{type(performance).__name__} and {type(cost).__name__}"
        raise SurrogateError(f"can only save surrogates that were fitted, got {kinds}; make some with `foretune fit`")
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    facts, arrays = find_kind(kind).take_apart(performance)
    if isinstance(cost, LinearCost):
        arrays |= flatten(cost.regression, "cost")
        facts["cost_offsets"] = dict(cost.offsets)
    if isinstance(surrogates.memory, LinearMemory):
        arrays |= flatten(surrogates.memory.regression, "memory")
    payload = dump_arrays(arrays)
    description = {
        "schema_version": SCHEMA_VERSION,
        "sha256": hashlib.sha256(payload).hexdigest(),
        **facts,
        "card": dict(surrogates.card),
    }
    (folder / ARRAYS_FILE).write_bytes(payload)
    (folder / DESCRIPTION_FILE).write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")


def load_surrogates(path: str | Path) -> Surrogates:
    """Reads what `save_surrogates` wrote.

    Raises:
        SurrogateError: if the folder is not one, was changed since, or was written by another version.
    """
    folder = Path(path)
    description = _read_description(folder)
    payload = _read_payload(folder, description)
    try:
        arrays = load_arrays(payload)
        encoder = Encoder.from_json(description["encoder"])
        performance = find_kind(description["kind"]).put_together(encoder, description, arrays)
        cost = EvenCost()
        if "cost.weights" in arrays:
            cost = LinearCost(encoder, restore(Ridge, arrays, "cost"), description["cost_offsets"])
        memory = LinearMemory(encoder, restore(Ridge, arrays, "memory")) if "memory.weights" in arrays else None
        card = dict(description["card"])
    except Exception as error:  # the checksum is right, so whoever wrote these files may have written anything
        message = f"{folder} does not hold complete surrogates ({error!r}); fit them anew with `foretune fit`"
        raise SurrogateError(message) from error
    return Surrogates(performance, cost, card, memory)


def _read_description(folder: Path) -> dict[str, Any]:
    file = folder / DESCRIPTION_FILE
    if not file.is_file():
        raise SurrogateError(f"no {DESCRIPTION_FILE} in {folder}; give a folder written by `foretune fit --out`")
    try:
        description: object = parse_json(file.read_bytes())
    except ValueError as error:
        raise SurrogateError(f"{file} is not JSON ({error}); fit the surrogates anew with `foretune fit`") from error
    version = cast(dict[str, Any], description).get("schema_version") if isinstance(description, dict) else None
    if not isinstance(version, int):
        raise SurrogateError(f"{file} has no schema version; give a folder written by `foretune fit --out`")
    if version != SCHEMA_VERSION:
        remedy = "update foretune" if version > SCHEMA_VERSION else "fit the surrogates anew with `foretune fit`"
        raise SurrogateError(f"{file} has schema version {version}, this foretune reads {SCHEMA_VERSION}; {remedy}")
    return cast(dict[str, Any], description)


def _read_payload(folder: Path, description: Mapping[str, Any]) -> bytes:
    file = folder / ARRAYS_FILE
    if not file.is_file():
        raise SurrogateError(f"no {ARRAYS_FILE} in {folder}; copy the whole folder, or fit the surrogates anew")
    payload = file.read_bytes()
    if hashlib.sha256(payload).hexdigest() != description.get("sha256"):
        raise SurrogateError(
            f"{file} is not what {DESCRIPTION_FILE} describes (its sha256 differs); get the folder again or fit anew"
        )
    return payload
