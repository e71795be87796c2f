"""Meta-datasets that come with the package, by name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from types import MappingProxyType

REPLACED: Mapping[str, str] = MappingProxyType({"public-llm-v1": "public-llm-v2"})
"""Meta-datasets of earlier versions, and those that hold all of their runs."""


def shipped_meta_datasets() -> tuple[str, ...]:
    """Their names."""
    return tuple(sorted(folder.name for folder in _shipped().iterdir() if folder.is_dir()))


def meta_dataset_folder(name_or_folder: str | Path) -> Path:
    """Where a meta-dataset is: the folder given, or, if there is none of that name, the shipped one."""
    folder = Path(name_or_folder)
    return _shipped() / folder if not folder.exists() and str(folder) in shipped_meta_datasets() else folder


def replacement(name_or_folder: str | Path) -> str:
    """` (replaced by NAME, which has all of its runs)` for a meta-dataset of an earlier version, else nothing."""
    name = REPLACED.get(str(name_or_folder))
    return f" (replaced by {name}, which has all of its runs)" if name else ""


def _shipped() -> Path:
    return Path(str(resources.files("foretune"))) / "data" / "meta_datasets"
