"""The formats that a meta-dataset can be exported to; a new kind is a function in a file of its own, entered here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from foretune.errors import MetaDatasetError
from foretune.interop.export_csv import export_csv
from foretune.interop.export_quicktunetool import export_quicktunetool
from foretune.interop.export_syne_tune import export_syne_tune
from foretune.metadata import MetaDataset

Export = Callable[[MetaDataset, Path], list[str]]
EXPORTS: Mapping[str, Export] = {
    "syne-tune": export_syne_tune,
    "quicktunetool": export_quicktunetool,
    "csv": export_csv,
}
"""Kind -> function that writes into an existing empty folder, and returns remarks for the user, such as omissions."""


def export(kind: str, meta: MetaDataset, folder: Path) -> list[str]:
    """Write a meta-dataset in another format.

    Args:
        kind: one of `EXPORTS`.
        meta: the meta-dataset to write.
        folder: made if absent.

    Returns:
        Remarks, such as omissions.

    Raises:
        MetaDatasetError: if the kind is unknown, the folder has files already, or the format cannot hold the tables.
    """
    if kind not in EXPORTS:
        raise MetaDatasetError(f"cannot export to {kind!r}; use one of {', '.join(EXPORTS)}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise MetaDatasetError(f"{folder} is not an empty folder; give another --out")
    folder.mkdir(parents=True, exist_ok=True)
    return EXPORTS[kind](meta, folder)
