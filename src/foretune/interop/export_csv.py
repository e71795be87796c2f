"""The three tables as CSV, for people and programs that read no Parquet.

Text is quoted and missing values are not, so that an empty text differs from a missing value; numbers are written so
that reading gives the same number. `metadata.json` has the type of every column, and the provenance.
"""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv

from foretune.metadata import MetaDataset
from foretune.metadata.frames import frame_to_arrow
from foretune.metadata.schema import SCHEMA_VERSION, TABLES, units


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


def _typed(data: pa.Table) -> pa.Table:
    """A column without a single value has no type in Arrow; as text it can be written."""
    fields = [pa.field(one.name, pa.string()) if pa.types.is_null(one.type) else one for one in data.schema]
    return data.cast(pa.schema(fields))
