"""Meta-datasets that come with the package, by name."""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def shipped_meta_datasets() -> tuple[str, ...]:
    """Their names."""
    return tuple(sorted(folder.name for folder in _shipped().iterdir() if folder.is_dir()))


def meta_dataset_folder(name_or_folder: str | Path) -> Path:
    """Where a meta-dataset is: the folder given, or, if there is none of that name, the shipped one."""
    folder = Path(name_or_folder)
    return _shipped() / folder if not folder.exists() and str(folder) in shipped_meta_datasets() else folder


def _shipped() -> Path:
    return Path(str(resources.files("foretune"))) / "data" / "meta_datasets"
