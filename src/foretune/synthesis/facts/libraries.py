"""The libraries that the facts come from, and their versions for the card."""

from __future__ import annotations

import importlib
import platform
import unicodedata
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from zoneinfo import TZPATH

from foretune.errors import DataError

_WITH_ARTICLE = ("AE", "GB", "NL", "PH", "US")
_NAMES = {"babel": "Babel", "pygments": "Pygments"}


def load(module: str) -> Any:
    """A module of Babel or Pygments, for instance `babel.numbers`.

    Raises:
        DataError: if its library is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        name = _NAMES[module.partition(".")[0]]
        message = f"these facts need {name}, which is not installed; run: pip install 'foretune[demo]'"
        raise DataError(message) from error


def english() -> Any:
    """The English locale of the CLDR."""
    return load("babel.core").Locale("en")


def country(code: str) -> str:
    """English name of a country, by its code of two letters."""
    return english().territories[code]


def country_in_sentence(code: str) -> str:
    """Likewise, with an article where English has one."""
    return f"the {country(code)}" if code in _WITH_ARTICLE else country(code)


def cities(zones: str) -> dict[str, str]:
    """Names of cities, by the zones of the time zone database that are called after them."""
    return {zone: zone.rsplit("/", 1)[1].replace("_", " ") for zone in zones.split()}


def versions(libraries: Iterable[str]) -> dict[str, str]:
    """Versions by name: of Python, the Unicode database, the time zone database, or a distribution."""
    known = {"python": platform.python_version, "unicode": lambda: unicodedata.unidata_version, "tz": _tz_version}
    return {name: known[name]() if name in known else version(name) for name in libraries}


def _tz_version() -> str:
    """Of the database that `zoneinfo` reads: the system's, if there is one, else that of the package tzdata."""
    for file in (Path(folder) / "tzdata.zi" for folder in TZPATH):
        if file.is_file():
            with file.open(encoding="utf-8") as lines:
                return lines.readline().rsplit(" ", 1)[1].strip()
    try:
        return version("tzdata")
    except PackageNotFoundError:
        return "unknown"
