"""Tables of quicktunetool: a folder with `config.csv`, `curve.csv`, and if there are any `meta.csv` and `cost.csv`.

Each begins with a column of row numbers; equal rows belong together. `curve.csv` has a column a slice (1, 2, ...),
empty beyond the end of a run; `cost.csv` has one column, the seconds of a slice, or a column a slice. Rows of equal
meta-features make a task, named `DATASET-1`, `DATASET-2`, ... if there are several; `--dataset param:NAME` names tasks
by a column of `config.csv` instead.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from foretune.errors import InteropError
from foretune.interop.options import ImportOptions, direction_of
from foretune.interop.origin import figures_of
from foretune.interop.recorded import Imported, ImportedTask, RecordedRun, finite_slices
from foretune.interop.resample import ImportedSlice
from foretune.metadata.schema import STOPPED
from foretune.types import Status, Value


@dataclass(frozen=True)
class _Row:
    """One run.

    Attributes:
        name: of its row.
        configuration: hyperparameters.
        features: meta-features of its task.
        curve: values of the metric.
        costs: seconds of each slice.
    """

    name: str
    configuration: dict[str, Value]
    features: Mapping[str, float]
    curve: list[float]
    costs: list[float]


def quicktunetool_runs(paths: Sequence[str], options: ImportOptions) -> Imported:
    """Tables of quicktunetool, from their folders.

    Raises:
        InteropError: naming the file, the row and the expectation.
    """
    return Imported([run for path in paths for run in _runs(Path(path), options)])


def _runs(folder: Path, options: ImportOptions) -> list[RecordedRun]:
    rows = _rows(folder)
    width = max(len(row.curve) for row in rows)
    groups = list(dict.fromkeys(tuple(row.features.items()) for row in rows))
    figures = figures_of(folder, options)
    runs: list[RecordedRun] = []
    for row in rows:
        configuration = dict(row.configuration)
        number = groups.index(tuple(row.features.items())) + 1
        dataset = options.named("dataset", configuration, folder.resolve().name)
        numbered = len(groups) > 1 and not options.dataset.startswith("param:")
        metric = options.metric or "accuracy"
        task = ImportedTask(
            f"{dataset}-{number}" if numbered else dataset,
            options.named("model", configuration),
            metric,
            direction_of(metric, options.direction),
            cost_unit=options.cost_unit or "seconds",
            rows=options.rows,
            family=options.family or dataset,
            features=row.features,
        )
        slices, status, message = finite_slices(
            ImportedSlice(value, cost) for value, cost in zip(row.curve, row.costs, strict=True)
        )
        if status == Status.OK and len(slices) < width:
            status, message = STOPPED, f"the curve ends after {len(slices)} of {width} slices"
        runs.append(
            RecordedRun(
                row.name,
                task,
                options.chosen(configuration),
                slices,
                status=status,
                message=message,
                facts=figures,
            )
        )
    return runs


def _rows(folder: Path) -> list[_Row]:
    config, curve = _table(folder / "config.csv"), _table(folder / "curve.csv")
    meta = _table(folder / "meta.csv") if (folder / "meta.csv").is_file() else pd.DataFrame(index=config.index)
    cost = _table(folder / "cost.csv")
    for name, frame in (("curve.csv", curve), ("meta.csv", meta), ("cost.csv", cost)):
        if list(frame.index) != list(config.index):
            raise InteropError(
                f"{folder / name} has {len(frame)} rows ({_range(frame)}), config.csv {len(config)} "
                f"({_range(config)}); the first columns must name the same rows in the same order"
            )
    curve = curve[_slice_names(folder / "curve.csv", curve)]
    if cost.shape[1] not in (1, curve.shape[1]):
        message = f"{folder / 'cost.csv'} has {cost.shape[1]} columns, expected 1 or one a slice ({curve.shape[1]})"
        raise InteropError(message)
    rows = zip(config.index, *(_records(frame) for frame in (config, meta, pd.DataFrame(curve), cost)), strict=True)
    return [_row(folder, str(name), settings, facts, values, costs) for name, settings, facts, values, costs in rows]


def _row(
    folder: Path,
    name: str,
    settings: dict[str, Any],
    facts: dict[str, Any],
    values: dict[str, Any],
    costs: dict[str, Any],
) -> _Row:
    numbers = _numbers(folder / "curve.csv", name, values)
    length = next((at for at, number in enumerate(numbers) if math.isnan(number)), len(numbers))
    if any(not math.isnan(number) for number in numbers[length:]):
        raise InteropError(
            f"{folder / 'curve.csv'}, row {name}: a value is missing in slice {length + 1}, but later ones are there; "
            "fill it in, or empty the later ones"
        )
    given = _numbers(folder / "cost.csv", name, costs)
    spent = (given * len(numbers) if len(given) == 1 else given)[:length]
    if any(not 0 < cost < math.inf for cost in spent):
        message = f"{folder / 'cost.csv'}, row {name}: costs are {spent}, expected numbers above 0 for {length} slices"
        raise InteropError(message)
    features = {
        fact: number
        for fact, number in zip(facts, _numbers(folder / "meta.csv", name, facts), strict=True)
        if not math.isnan(number)
    }
    configuration: dict[str, Value] = {key: value for key, value in settings.items() if not pd.isna(value)}
    return _Row(name, configuration, features, numbers[:length], spent)


def _table(file: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(file, index_col=0)
    except (OSError, ValueError) as error:
        message = f"{file} cannot be read as CSV ({error}); a table of quicktunetool has config, curve and cost (.csv)"
        raise InteropError(message) from error


def _range(frame: pd.DataFrame) -> str:
    return f"{frame.index[0]} to {frame.index[-1]}" if len(frame) else "none"


def _slice_names(file: Path, frame: pd.DataFrame) -> list[str]:
    names = [str(name) for name in frame.columns]
    if names != [str(number) for number in range(1, len(names) + 1)] or not names or frame.empty:
        raise InteropError(
            f"{file} has the columns {', '.join(names) or 'none'}, expected the slices 1, 2, ... and rows below them"
        )
    return names


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    columns = [frame[name].astype(object).tolist() for name in frame.columns]
    return [dict(zip(map(str, frame.columns), row, strict=True)) for row in zip(*columns, strict=True)] or [
        {} for _ in range(len(frame))
    ]


def _numbers(file: Path, row: str, values: Mapping[str, Any]) -> list[float]:
    try:
        return [float(value) for value in values.values()]
    except ValueError as error:
        raise InteropError(f"{file}, row {row}: {error}; expected numbers") from error
