"""The meaning of the columns of a CSV file: a small YAML file, checked when it is read.

```yaml
layout: long              # a row a slice, or a run of one slice; wide: a row a run, its slices in columns 1, 2, ...
separator: ","
skip: {data: [none]}      # rows with these values in these columns are left out
task: {dataset: data, model: base, rows: n, metric: {value: accuracy}, direction: {value: maximize}}
run: {name: id, seed: seed, status: state, message: why}
slices: {value: accuracy, test: test accuracy, seconds: {column: minutes, scale: 60}, fidelity: epoch}
hyperparameters:
  learning_rate: {column: lr, type: number}
  method: {column: lora, type: text, values: {"true": lora, "false": full}}
  optimizer: {value: adamw}
```

A field is the name of a column, `{column: NAME}`, or `{value: CONSTANT}`; a column may have `scale`, a factor for its
numbers, and `values`, its words and their meanings. `run.seed` may be the word `repeats`: rows of one configuration get
0, 1, ... in their order. In the wide layout `slices.value` and `slices.seconds` are `{columns: PREFIX}`: `PREFIX1`,
`PREFIX2`, ...
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from foretune.errors import InteropError
from foretune.interop.documents import read_object

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "task": ("dataset", "model", "family", "rows", "metric", "direction", "cost_unit", "source", "license"),
    "run": ("name", "seed", "status", "message", "source", "license", "hardware", "started"),
    "slices": ("value", "test", "seconds", "fidelity", "epochs", "steps", "tokens"),
}
"""The fields of each section."""
REPEATS = "repeats"
"""In the place of the seed's column: runs of one configuration are numbered."""
_KEYS = {"column", "value", "columns", "scale", "values", "type"}
_TYPES = ("integer", "number", "text", "boolean")
_TOP = {"layout", "separator", "skip", "resample", "hyperparameters", *SECTIONS}


@dataclass(frozen=True)
class Field:
    """Where a value comes from.

    Attributes:
        column: name of a column; empty for a constant.
        constant: for all rows, if there is no column.
        prefix: of the columns `PREFIX1`, `PREFIX2`, ... of a wide table.
        scale: factor of its numbers.
        words: meanings of the column's words; empty for themselves.
        kind: integer, number, text or boolean; empty where the field itself says it.
    """

    column: str = ""
    constant: Any = None
    prefix: str | None = None
    scale: float = 1.0
    words: Mapping[str, Any] = field(default_factory=dict[str, Any])
    kind: str = ""


@dataclass(frozen=True)
class Mapped:
    """A checked mapping.

    Attributes:
        file: where it was read.
        wide: whether a row is a whole run.
        separator: between the cells of a row.
        skip: column -> values of the rows to leave out.
        resample: whether runs may have different numbers of slices, see `foretune.interop.resample`.
        fields: section -> name -> field; the hyperparameters are a section, too.
    """

    file: Path
    wide: bool
    separator: str
    skip: Mapping[str, frozenset[str]]
    resample: bool
    fields: Mapping[str, Mapping[str, Field]]


def read_mapping(path: Path) -> Mapped:
    """Read and check a mapping from a file, or a shipped mapping by name.

    Raises:
        InteropError: naming the file and the field that is wrong.
    """
    file = path if path.is_file() else _shipped(path)
    found = read_object(file)
    if unknown := sorted(set(found) - _TOP):
        raise InteropError(f"{file}: unknown sections {', '.join(unknown)}; use only {', '.join(sorted(_TOP))}")
    if (layout := found.get("layout", "long")) not in ("long", "wide"):
        raise InteropError(f"{file}: layout is {layout!r}, expected long (a row a slice) or wide (a row a run)")
    fields = {name: _section(found.get(name, {}), name, file) for name in (*SECTIONS, "hyperparameters")}
    _check_required(fields, file)
    if len(separator := str(found.get("separator", ","))) != 1:
        raise InteropError(f"{file}: separator is {separator!r}, expected a single character")
    resampled = bool(found.get("resample", False))
    return Mapped(file, layout == "wide", separator, _skipped(found.get("skip"), file), resampled, fields)


def _shipped(path: Path) -> Path:
    folder = Path(str(resources.files("foretune"))) / "data" / "mappings"
    file = folder / f"{path.name}.yaml"
    if not file.is_file():
        names = ", ".join(sorted(one.stem for one in folder.glob("*.yaml")))
        message = f"no mapping at {path}; give a YAML file with the meaning of the columns, or one of: {names}"
        raise InteropError(message)
    return file


def _skipped(given: object, file: Path) -> dict[str, frozenset[str]]:
    columns = given or {}
    if not isinstance(columns, dict) or not all(isinstance(values, list) for values in columns.values()):
        message = f"{file}: skip is {given!r}, expected a list of values for each column, such as {{state: [failed]}}"
        raise InteropError(message)
    return {str(name): frozenset(map(str, values)) for name, values in columns.items()}


def _section(given: object, section: str, file: Path) -> dict[str, Field]:
    if not isinstance(given, dict):
        raise InteropError(f"{file}: {section} is {given!r}, expected fields with their columns")
    known = SECTIONS.get(section)
    if known and (unknown := sorted(set(map(str, given)) - set(known))):
        message = f"{file}: {section} has the unknown fields {', '.join(unknown)}; use only {', '.join(known)}"
        raise InteropError(message)
    return {str(name): _field(value, f"{file}: {section}.{name}") for name, value in given.items()}


def _field(given: object, where: str) -> Field:
    if isinstance(given, str):
        return Field(column=given)
    if not isinstance(given, dict) or not {"column", "value", "columns"} & set(given) or set(given) - _KEYS:
        raise InteropError(
            f"{where} is {given!r}, expected a column's name, {{column: ...}}, {{value: ...}} or {{columns: ...}}, "
            "with scale, values and type where needed"
        )
    if given.get("type", "text") not in _TYPES:
        raise InteropError(f"{where}: type is {given['type']!r}, expected one of {', '.join(_TYPES)}")
    if not isinstance(words := given.get("values") or {}, dict):
        raise InteropError(f"{where}: values are {words!r}, expected words and their meanings, such as {{done: ok}}")
    prefix = str(given["columns"] or "") if "columns" in given else None
    meanings, kind = {str(word): meaning for word, meaning in words.items()}, str(given.get("type", ""))
    return Field(
        str(given.get("column", "")), given.get("value"), prefix, _scale(given.get("scale", 1.0), where), meanings, kind
    )


def _scale(given: Any, where: str) -> float:
    try:
        return float(given)
    except (TypeError, ValueError) as error:
        raise InteropError(f"{where}: scale is {given!r}, expected a number to multiply with") from error


def _check_required(fields: Mapping[str, Mapping[str, Field]], file: Path) -> None:
    needed = {"task": ("dataset", "model", "metric", "direction"), "slices": ("value", "seconds")}
    absent = [f"{section}.{name}" for section, names in needed.items() for name in names if name not in fields[section]]
    absent += [] if fields["hyperparameters"] else ["hyperparameters"]
    if absent:
        names = ", ".join(absent)
        message = f"{file} lacks {names}; give the column of each, or {{value: ...}} where all rows have the same"
        raise InteropError(message)
