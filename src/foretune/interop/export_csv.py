"""The three tables as CSV, for people and programs that read no Parquet, and back without a loss.

Text is quoted and missing values are not, so that an empty text differs from a missing value; numbers are written so
that reading gives the same number. `metadata.json` has the type of every column, and the provenance.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from foretune.errors import MetaDatasetError
from foretune.metadata import MetaDataset
from foretune.metadata.frames import arrow_to_frame, frame_to_arrow
from foretune.metadata.schema import SCHEMA_VERSION, TABLES, units

_TYPES = {"string": pa.string(), "int64": pa.int64(), "double": pa.float64(), "bool": pa.bool_()}


def export_csv(meta: MetaDataset, folder: Path) -> list[str]:
    """Write `tasks.csv`, `runs.csv`, `curves.csv` and `metadata.json`.

    Returns:
        Nothing to remark.
    """
    columns: dict[str, dict[str, str]] = {}
    for table in TABLES:
        arrow = _typed(frame_to_arrow(getattr(meta, table)))
        columns[table] = {field.name: str(field.type) for field in arrow.schema}
        pa_csv.write_csv(arrow, folder / f"{table}.csv")
    header = {
        "schema_version": SCHEMA_VERSION,
        "provenance": dict(meta.provenance),
        "columns": columns,
        "units": units(),
    }
    (folder / "metadata.json").write_text(json.dumps(header, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return []


def read_exported_csv(folder: str | Path) -> MetaDataset:
    """Result of `export_csv`.

    Raises:
        MetaDatasetError: if a file is missing or damaged, or the tables are not a meta-dataset.
    """
    folder = Path(folder)
    try:
        header: dict[str, Any] = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
        tables = {table: _read(folder / f"{table}.csv", header["columns"][table]) for table in TABLES}
        provenance: dict[str, Any] = header["provenance"]
    except (OSError, ValueError, KeyError, TypeError) as error:  # Arrow's errors are among these
        message = f"{folder} is not what `foretune metadata export csv` writes ({error}); export it again"
        raise MetaDatasetError(message) from error
    frames = {table: arrow_to_frame(table, data) for table, data in tables.items()}
    return MetaDataset(frames["tasks"], frames["runs"], frames["curves"], provenance)


def _typed(data: pa.Table) -> pa.Table:
    """A column without a single value has no type in Arrow; as text it can be written."""
    fields = [pa.field(one.name, pa.string()) if pa.types.is_null(one.type) else one for one in data.schema]
    return data.cast(pa.schema(fields))


def _read(path: Path, columns: dict[str, str]) -> pa.Table:
    convert = pa_csv.ConvertOptions(
        column_types={name: _TYPES[kind] for name, kind in columns.items()},
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    parse = pa_csv.ParseOptions(newlines_in_values=True)
    return pa_csv.read_csv(path, convert_options=convert, parse_options=parse)
