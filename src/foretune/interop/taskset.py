"""TaskSet's learning curves of text classifiers, as one `.npz` a task: the same configurations of Adam on each.

`X` has a row a configuration with the columns `hp_names`; `valid` and `test` have a row a configuration and a column a
point, one every 200 steps. The first point is the untrained network and no slice. A curve that turns to NaN diverged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from foretune.errors import InteropError
from foretune.interop.documents import files_in
from foretune.interop.options import ImportOptions
from foretune.interop.origin import figures_of
from foretune.interop.recorded import Imported, ImportedTask, RecordedRun, task_of
from foretune.interop.resample import ImportedSlice
from foretune.types import Value

_STEPS = 200
_ARRAYS = ("hp_names", "X", "valid", "test")
_NAME = re.compile(r"FixedTextRNNClassification_(?P<data>[a-z]+)_(?P<patch>patch\d+)_(?P<model>.+_bs\d+)")


def taskset_runs(paths: Sequence[str], options: ImportOptions) -> Imported:
    """Tasks of TaskSet, from `.npz` files or folders of them.

    Raises:
        InteropError: naming the file and the expectation.
    """
    absent = f"no .npz file at {{}}; give tasks of TaskSet with the arrays {', '.join(_ARRAYS)}"
    runs = [run for file in files_in(paths, "*.npz", absent) for run in _runs(file, options)]
    return Imported(runs, ["a slice is 200 steps; the point before the first step is left out"])


def _runs(file: Path, options: ImportOptions) -> list[RecordedRun]:
    arrays = _arrays(file)
    figures = figures_of(file.parent, options)
    task = _task(file, options)
    names = [str(name) for name in arrays["hp_names"]]
    rows = zip(arrays["X"].tolist(), arrays["valid"].tolist(), arrays["test"].tolist(), strict=True)
    runs: list[RecordedRun] = []
    for number, (values, curve, tests) in enumerate(rows):
        points = list(zip(curve, tests, strict=True))[1:]
        steps = [
            ImportedSlice(value, _STEPS, test=test, steps=_STEPS * at)
            for at, (value, test) in enumerate(points, start=1)
        ]
        configuration: dict[str, Value] = dict(zip(names, values, strict=True))
        runs.append(RecordedRun(f"{number:04d}", task, configuration, steps, facts=figures))
    return runs


def _arrays(file: Path) -> Mapping[str, np.ndarray[Any, Any]]:
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as found:
            arrays = {name: found[name] for name in _ARRAYS}
    except (OSError, ValueError, KeyError, BadZipFile, EOFError) as error:
        message = f"{file} is not a task of TaskSet ({error}); expected an .npz with the arrays {', '.join(_ARRAYS)}"
        raise InteropError(message) from error
    shapes = {name: array.shape for name, array in arrays.items()}
    count = len(arrays["X"])
    points = shapes["valid"][-1:]
    expected = {"hp_names": shapes["X"][1:], "X": shapes["X"], "valid": (count, *points), "test": (count, *points)}
    if shapes != expected or len(shapes["X"]) != 2 or points < (2,):
        raise InteropError(
            f"{file}: shapes are {shapes}, expected hp_names (D,), X (N, D), valid and test (N, T) with T of 2 or more"
        )
    return arrays


def _task(file: Path, options: ImportOptions) -> ImportedTask:
    match = _NAME.fullmatch(file.stem)
    data, patch, model = (match["data"], match["patch"], match["model"]) if match else (file.stem, "", "RNN")
    dataset = f"{data}_{patch}" if patch else data
    return task_of(options, {}, dataset, model, "validation_loss", "minimize", family=data, cost_unit="steps")
