"""Surrogates on disk: one folder with `surrogates.json` (what it is, readable) and `surrogates.safetensors` (its
arrays).

The JSON holds the schema version, the sha256 of the arrays, the names of meta-features and the card; nothing is
pickled, and loading runs nothing that was stored.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as dump_arrays

from foretune.errors import SurrogateError
from foretune.space import Encoder
from foretune.surrogate.cost import LinearCost
from foretune.surrogate.inputs import Inputs
from foretune.surrogate.performance import DeepKernelSurrogate, Member, Targets
from foretune.surrogate.posterior import Network, SparsePosterior
from foretune.surrogate.protocol import Surrogates

SCHEMA_VERSION = 1
ARRAYS_FILE = "surrogates.safetensors"
DESCRIPTION_FILE = "surrogates.json"


def save_surrogates(path: str | Path, surrogates: Surrogates) -> None:
    """Writes both surrogates into the folder `path`, which is made if need be.

    Raises:
        SurrogateError: if they are not of the kinds that `foretune fit` makes.
    """
    performance, cost = surrogates.performance, surrogates.cost
    if not (isinstance(performance, DeepKernelSurrogate) and isinstance(cost, LinearCost)):
        kinds = f"{type(performance).__name__} and {type(cost).__name__}"
        raise SurrogateError(
            f"can only save a DeepKernelSurrogate and a LinearCost, got {kinds}; fit them with `foretune fit`"
        )
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    payload = dump_arrays(_arrays(performance, cost))
    description = {
        "schema_version": SCHEMA_VERSION,
        "sha256": hashlib.sha256(payload).hexdigest(),
        "features": performance.inputs.feature_names,
        "columns": performance.inputs.names,
        "encoder": performance.inputs.encoder.to_json(),
        "members": len(performance.members),
        "layers": len(performance.members[0].network.weights),
        "card": dict(surrogates.card),
    }
    (folder / ARRAYS_FILE).write_bytes(payload)
    (folder / DESCRIPTION_FILE).write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")


def load_surrogates(path: str | Path) -> Surrogates:
    """Reads what `save_surrogates` wrote.

    Raises:
        SurrogateError: if the folder is not one, was changed since, or was written by a newer version.
    """
    folder = Path(path)
    description = _read_description(folder)
    payload = _read_payload(folder, description)
    try:
        arrays = load_arrays(payload)
        encoder = Encoder.from_json(description["encoder"])
        inputs = Inputs(encoder, tuple(description["features"]), arrays["inputs.center"], arrays["inputs.spread"])
        members = tuple(_member(arrays, index, description["layers"]) for index in range(description["members"]))
        performance = DeepKernelSurrogate(inputs, _targets(arrays), members)
        cost = LinearCost(encoder, arrays["cost.center"], arrays["cost.spread"], arrays["cost.weights"])
        card = dict(description["card"])
    except (KeyError, TypeError, ValueError, SafetensorError) as error:
        message = f"{folder} does not hold complete surrogates ({error!r}); fit them anew with `foretune fit`"
        raise SurrogateError(message) from error
    return Surrogates(performance, cost, card)


def _read_description(folder: Path) -> dict[str, Any]:
    file = folder / DESCRIPTION_FILE
    if not file.is_file():
        raise SurrogateError(f"no {DESCRIPTION_FILE} in {folder}; give a folder written by `foretune fit --out`")
    try:
        description: object = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SurrogateError(f"{file} is not JSON ({error}); fit the surrogates anew with `foretune fit`") from error
    version = cast(dict[str, Any], description).get("schema_version") if isinstance(description, dict) else None
    if not isinstance(version, int):
        raise SurrogateError(f"{file} has no schema version; give a folder written by `foretune fit --out`")
    if version > SCHEMA_VERSION:
        raise SurrogateError(
            f"{file} has schema version {version}, this foretune reads up to {SCHEMA_VERSION}; update foretune"
        )
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


def _arrays(performance: DeepKernelSurrogate, cost: LinearCost) -> dict[str, np.ndarray]:
    targets = performance.targets
    arrays = {
        "inputs.center": performance.inputs.center,
        "inputs.spread": performance.inputs.spread,
        "targets.mean": targets.mean,
        "targets.std": targets.std,
        "targets.inflation": targets.inflation,
        "targets.scale_weights": targets.scale_weights,
        "targets.scale_intercept": np.array([targets.scale_intercept]),
        "cost.center": cost.center,
        "cost.spread": cost.spread,
        "cost.weights": cost.weights,
    }
    for index, member in enumerate(performance.members):
        arrays |= {f"member.{index}.{name}": array for name, array in _member_arrays(member).items()}
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


def _member_arrays(member: Member) -> dict[str, np.ndarray]:
    posterior = member.posterior
    layers = zip(member.network.weights, member.network.biases, strict=True)
    return {
        "inducing": posterior.inducing,
        "mean_weights": posterior.mean_weights,
        "explained": posterior.explained,
        "numbers": np.array([posterior.constant, posterior.outputscale, posterior.noise]),
        **{
            f"{part}.{layer}": array
            for layer, pair in enumerate(layers)
            for part, array in zip("wb", pair, strict=True)
        },
    }


def _member(arrays: Mapping[str, np.ndarray], index: int, layers: int) -> Member:
    def part(name: str) -> np.ndarray:
        return arrays[f"member.{index}.{name}"]

    network = Network(
        tuple(part(f"w.{layer}") for layer in range(layers)), tuple(part(f"b.{layer}") for layer in range(layers))
    )
    constant, outputscale, noise = part("numbers").tolist()
    posterior = SparsePosterior(part("inducing"), part("mean_weights"), part("explained"), constant, outputscale, noise)
    return Member(network, posterior)


def _targets(arrays: Mapping[str, np.ndarray]) -> Targets:
    return Targets(
        mean=arrays["targets.mean"],
        std=arrays["targets.std"],
        inflation=arrays["targets.inflation"],
        scale_weights=arrays["targets.scale_weights"],
        scale_intercept=float(arrays["targets.scale_intercept"][0]),
    )
