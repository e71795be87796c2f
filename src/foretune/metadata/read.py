"""Read a meta-dataset: the only way in, and everything is checked on the way."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from foretune.errors import MetaDatasetError
from foretune.metadata.dataset import MetaDataset
from foretune.metadata.frames import arrow_to_frame
from foretune.metadata.schema import SCHEMA_VERSION, TABLES
from foretune.metadata.shipped import meta_dataset_folder, replacement, shipped_meta_datasets
from foretune.metadata.write import sha256
from foretune.parsing import parse_json, read_as
from foretune.types import Value

_HEADER: Mapping[str, Any] = {"provenance": {"defaults": Mapping[str, Mapping[str, Value]]}}


def read_meta_dataset(folder: str | Path) -> MetaDataset:
    """Read and check the tables in a folder, or of a shipped meta-dataset like `foretune-tiny-v1`.

    Raises:
        MetaDatasetError: naming the file, the row, the expectation and a remedy.
    """
    folder = meta_dataset_folder(folder)
    if not folder.is_dir():
        raise MetaDatasetError(
            f"{folder} is not a folder{replacement(folder)}; "
            f"a meta-dataset is one with {', '.join(TABLES)} (.parquet) and metadata.json, "
            f"or one of {', '.join(shipped_meta_datasets())}"
        )
    header = read_header(folder / "metadata.json")
    frames = {table: _read_table(folder / f"{table}.parquet", table, header) for table in TABLES}
    try:
        return MetaDataset(frames["tasks"], frames["runs"], frames["curves"], header["provenance"])
    except MetaDatasetError as error:
        raise MetaDatasetError(f"{folder}: {error}") from error


def read_header(path: Path) -> Mapping[str, Any]:
    """Contents of `metadata.json`: schema version, provenance, rows, units and checksums.

    Raises:
        MetaDatasetError: if it is missing, damaged, or of another version of the schema.
    """
    _check_exists(path)
    try:
        header = read_as(dict(_HEADER), parse_json(path.read_bytes()), "the header")
        version = read_as(int, header.get("schema_version"), "schema_version")
    except ValueError as error:
        message = f"{path} is not a meta-dataset's ({type(error).__name__}: {error}); write the meta-dataset again"
        raise MetaDatasetError(message) from error
    if version != SCHEMA_VERSION:
        raise MetaDatasetError(
            f"{path} has schema version {version}, expected {SCHEMA_VERSION}; read it with the foretune that made it"
        )
    if absent := [name for name in ("provenance", "sha256") if not isinstance(header.get(name), dict)]:
        raise MetaDatasetError(f"{path} lacks {', '.join(absent)}; write the meta-dataset again")
    return header


def _read_table(path: Path, table: str, header: Mapping[str, Any]) -> pd.DataFrame:
    _check_exists(path)
    if sha256(path) != header["sha256"].get(path.name):
        raise MetaDatasetError(
            f"{path} is not the file that metadata.json was written for: it was changed, or writing was interrupted; "
            "restore it, or compile it again with `foretune collect --finish`"
        )
    try:
        return arrow_to_frame(table, pq.read_table(path))
    except (pa.ArrowException, OSError) as error:
        raise MetaDatasetError(
            f"{path} is not a Parquet table ({error}); restore it, or compile it again with `foretune collect --finish`"
        ) from error


def _check_exists(path: Path) -> None:
    if not path.is_file():
        raise MetaDatasetError(f"{path} is missing; restore it, or compile it again with `foretune collect --finish`")
