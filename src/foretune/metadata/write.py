"""Write a meta-dataset: three Parquet tables and `metadata.json` in a folder of its own."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from foretune.metadata.dataset import MetaDataset
from foretune.metadata.frames import frame_to_arrow
from foretune.metadata.schema import SCHEMA_VERSION, TABLES, units


def write_meta_dataset(meta: MetaDataset, folder: str | Path) -> None:
    """Write all tables; after a kill, `read_meta_dataset` recognizes unfinished tables by their checksums.

    Each file appears under its name only when it is complete; `metadata.json` is replaced last and has the checksums of
    the others.

    Args:
        meta: the tables.
        folder: made if absent; other files in it are left alone.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for table in TABLES:
        new = _new(folder / f"{table}.parquet")
        pq.write_table(frame_to_arrow(getattr(meta, table)), new, compression="zstd")
    checksums = {f"{table}.parquet": sha256(_new(folder / f"{table}.parquet")) for table in TABLES}
    header = {
        "schema_version": SCHEMA_VERSION,
        "provenance": dict(meta.provenance),
        "rows": {table: len(getattr(meta, table)) for table in TABLES},
        "units": units(),
        "sha256": checksums,
    }
    _write_json(_new(folder / "metadata.json"), header)
    for name in (*checksums, "metadata.json"):
        _new(folder / name).replace(folder / name)


def sha256(path: Path) -> str:
    """Checksum of a file, in hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _new(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    with path.open("w", encoding="utf-8") as file:
        json.dump(values, file, indent=1, ensure_ascii=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
