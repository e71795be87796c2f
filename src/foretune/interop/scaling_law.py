"""Losses of the scaling law of finetuning (Lin et al., 2024): a CSV file a dataset, named like it, with a row a model.

The columns `0, 200, 400, ...` are training rows, each with the loss on the test split after full finetuning on that
many; 0 is the untrained model. Each loss is the best of a search by the authors, of which neither the learning rate nor
the cost is told. So every size of a model is a task with a single run of one slice, judged by the test loss, that
costs one run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from foretune.errors import InteropError
from foretune.interop.documents import LINE, files_in, positive, read_csv
from foretune.interop.options import ImportOptions
from foretune.interop.origin import figures_of
from foretune.interop.recorded import Imported, ImportedTask, RecordedRun
from foretune.interop.resample import ImportedSlice

_MODEL, _PARAMETERS, _UNTRAINED = "config name", "size", "0"
_ABSENT = "no CSV file at {}; give tables of the scaling law of finetuning, such as flan.csv"
_NOTE = "losses by training rows are the best of the authors' own search; they tell no learning rates and no costs"
_FAMILIES = {"flan": "instructions", "gigaword": "summarization", "wmt19": "translation"}


def scaling_law_runs(paths: Sequence[str], options: ImportOptions) -> Imported:
    """Tables of the scaling law of finetuning, from CSV files or folders of them: a run a model and training-set size.

    Raises:
        InteropError: naming the file, the line and the expectation.
    """
    return Imported([run for file in files_in(paths, "*.csv", _ABSENT) for run in _runs(file, options)], [_NOTE])


def _runs(file: Path, options: ImportOptions) -> list[RecordedRun]:
    names, rows = read_csv(file)
    sizes = [name for name in names if name.isdecimal() and name != _UNTRAINED]
    if not sizes or not {_MODEL, _PARAMETERS, _UNTRAINED} <= set(names):
        raise InteropError(
            f"{file} has the columns {', '.join(names)}; expected {_MODEL!r}, {_PARAMETERS!r}, {_UNTRAINED!r} (loss "
            "before training), and losses under numbers of training rows, as in the scaling law of finetuning"
        )
    figures = figures_of(file.parent, options)
    return [_run(row, size, file, figures, options) for row in rows for size in sizes]


def _run(
    row: Mapping[str, str], size: str, file: Path, figures: Mapping[str, str], options: ImportOptions
) -> RecordedRun:
    loss, untrained, parameters = (
        positive(row[name], f"{file}, line {row[LINE]}: {name!r}") for name in (size, _UNTRAINED, _PARAMETERS)
    )
    task = ImportedTask(
        options.named("dataset", {}, file.stem),
        options.named("model", {}, row[_MODEL]),
        "test_loss",
        "minimize",
        cost_unit="runs",
        rows=int(size),
        family=options.family or _FAMILIES.get(file.stem, file.stem),
        features={"zero_shot_nll": untrained, "model_log_parameters": math.log10(parameters)},
        zero_shot=untrained,
    )
    return RecordedRun("full", task, {"method": "full"}, [ImportedSlice(loss, 1.0)], facts=figures)
