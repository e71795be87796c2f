"""Libraries of other tools: loaded only when their tables are read."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from foretune.errors import InteropError


def library(module: str, extra: str) -> Any:
    """A module of an optional library.

    Args:
        module: for instance `mlflow.tracking`.
        extra: which of foretune's extras brings it.

    Raises:
        InteropError: if it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        message = f"this kind of source needs {module} ({error}); install it with: pip install 'foretune[{extra}]'"
        raise InteropError(message) from error
