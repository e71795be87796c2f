"""Frozen dataclasses as a flat dictionary of arrays, and back; what safetensors can hold.

The type that is asked for says what is built, so nothing that was stored decides which code runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from itertools import count, takewhile
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

import numpy as np

Kind = TypeVar("Kind")


def flatten(value: object, name: str) -> dict[str, np.ndarray]:
    """Every array and number in a dataclass, under the dotted path that leads to it."""
    if is_dataclass(value):
        parts = {field.name: getattr(value, field.name) for field in fields(value)}
    elif isinstance(value, tuple):
        parts = {str(index): part for index, part in enumerate(cast("tuple[object, ...]", value))}
    else:
        return {name: np.ascontiguousarray(value)}
    return {path: array for key, part in parts.items() for path, array in flatten(part, f"{name}.{key}").items()}


def restore(kind: type[Kind], arrays: Mapping[str, np.ndarray], name: str) -> Kind:
    """What `flatten` took apart.

    Args:
        kind: a dataclass whose fields are arrays, numbers, dataclasses, or tuples of one of these.
        arrays: by dotted path.
        name: where it begins.

    Raises:
        KeyError: if an array is missing.
    """
    return cast("Kind", _restore(kind, arrays, name))


def restore_all(kind: type[Kind], arrays: Mapping[str, np.ndarray], name: str) -> tuple[Kind, ...]:
    """A tuple that `flatten` took apart, as far as its members are there."""
    paths = takewhile(lambda path: _is_known(path, arrays), (f"{name}.{index}" for index in count()))
    return tuple(restore(kind, arrays, path) for path in paths)


def _restore(kind: Any, arrays: Mapping[str, np.ndarray], name: str) -> object:
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        named = {field.name: _restore(hints[field.name], arrays, f"{name}.{field.name}") for field in fields(kind)}
        return cast("Any", kind)(**named)
    if get_origin(kind) is tuple:
        return restore_all(get_args(kind)[0], arrays, name)
    array = arrays[name]
    return kind(array.item()) if kind in (int, float) else array


def _is_known(path: str, arrays: Mapping[str, np.ndarray]) -> bool:
    return path in arrays or any(key.startswith(path + ".") for key in arrays)
