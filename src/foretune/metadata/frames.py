"""Tables between their three forms: rows (plain dicts), pandas frames, and Arrow tables.

A frame's types follow from the column alone, so that writing and reading a table changes nothing: text is `object`,
numbers are `float64` (missing: NaN), integers `int64`, or `Int64` where values may be missing, booleans `boolean`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from foretune.errors import MetaDatasetError
from foretune.metadata.schema import CONFIGURATION_PREFIX, FEATURE_PREFIX, PREFIXES, TABLES, Column

_ARROW = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64()}
_BY_PYTHON = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}


def rows_to_frame(table: str, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """A frame of the table named `table`, with the schema's columns first and the prefixed ones after them, by name.

    Args:
        table: `tasks`, `runs` or `curves`.
        rows: one mapping from column to value each; a column that is left out is missing in that row.

    Raises:
        MetaDatasetError: if a hyperparameter has values of two types, or a value does not fit its column.
    """
    columns = {column.name: _ARROW[column.kind] for column in TABLES[table]}
    free = sorted({name for row in rows for name in row} - set(columns))
    types = {**columns, **{name: _type_of(name, [row.get(name) for row in rows]) for name in free}}
    arrays = {name: _array(table, name, kind, [row.get(name) for row in rows]) for name, kind in types.items()}
    return arrow_to_frame(table, pa.table(arrays))


def frame_to_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Undo `rows_to_frame`: plain Python values, without missing values."""
    rows = frame_to_arrow(frame).to_pylist()
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def frame_to_arrow(frame: pd.DataFrame) -> pa.Table:
    """The frame as an Arrow table; missing values become null."""
    return pa.table({str(name): _column_to_arrow(frame[name]) for name in frame.columns})


def arrow_to_frame(table: str, data: pa.Table) -> pd.DataFrame:
    """An Arrow table as a frame with the types described above."""
    required = {column.name for column in TABLES[table] if not column.optional}
    return pd.DataFrame({name: _column_from_arrow(data.column(name), name in required) for name in data.column_names})


def is_free(table: str, name: str) -> bool:
    """Whether a column that the schema does not list may be in this table."""
    return table in PREFIXES and name.startswith(PREFIXES[table])


def columns_of(table: str) -> dict[str, Column]:
    """The columns that the schema lists for a table, by name."""
    return {column.name: column for column in TABLES[table]}


def _type_of(name: str, values: Sequence[Any]) -> pa.DataType:
    if name.startswith(FEATURE_PREFIX):
        return pa.float64()
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) == 1 and (kind := kinds.pop()) in _BY_PYTHON:
        return _BY_PYTHON[kind]
    what = "hyperparameter" if name.startswith(CONFIGURATION_PREFIX) else "column"
    names = ", ".join(sorted(kind.__name__ for kind in kinds))
    message = f"{what} {name!r} has values of the types {names}; give it one of: text, integers, floats, booleans"
    raise MetaDatasetError(message)


def _array(table: str, name: str, kind: pa.DataType, values: Sequence[Any]) -> pa.Array:
    # Arrow would cut a fraction off.
    broken = [value for value in values if pa.types.is_integer(kind) and isinstance(value, float) and value % 1]
    if broken:
        message = f"{table}: column {name!r} takes {kind}: {broken[0]} is no whole number; correct that value"
        raise MetaDatasetError(message)
    try:
        return pa.array(values, type=kind)
    except (ValueError, TypeError, OverflowError) as error:  # Arrow's are of these, too
        raise MetaDatasetError(f"{table}: column {name!r} takes {kind}: {error}; correct that value") from error


def _column_to_arrow(series: Any) -> pa.Array:
    if series.dtype == object:
        values = series.tolist()
        text = any(isinstance(value, str) for value in values)
        return pa.array(values, type=pa.string() if text else None, from_pandas=True)
    return pa.array(series, from_pandas=True)


def _column_from_arrow(column: pa.ChunkedArray, required: bool) -> pd.Series:
    values, kind = column.to_pylist(), column.type
    if pa.types.is_boolean(kind):
        return pd.Series(values, dtype="boolean")
    if pa.types.is_integer(kind):
        return pd.Series(values, dtype="int64" if required and column.null_count == 0 else "Int64")
    if pa.types.is_floating(kind):
        return pd.Series(values, dtype="float64")
    return pd.Series(values, dtype=object)
