"""Addresses of databases: libraries would make an absent one, where a reader must say that it is absent."""

from __future__ import annotations

from pathlib import Path

from foretune.errors import InteropError

_SQLITE = "sqlite:///"


def check_database(address: str) -> None:
    """Raise if an address of SQLite names no file.

    Raises:
        InteropError: with what was given.
    """
    path = Path(address.removeprefix(_SQLITE))
    if not address.startswith(_SQLITE) or not path.is_file():
        message = f"no database at {address!r}; give sqlite:/// and the path of the file, a fourth / if it is absolute"
        raise InteropError(message)
