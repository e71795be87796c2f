"""The shipped table `public-llm-v1`: figures of finetuning real language models that others have published.

Its parts are read by the readers of their kinds, from a folder that has them by name; each run says where its figures
come from and under which license.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from foretune.errors import InteropError
from foretune.interop.options import ImportOptions
from foretune.interop.origin import provenance
from foretune.interop.peft_results import peft_runs
from foretune.interop.recorded import RecordedRun
from foretune.interop.rows import tables
from foretune.interop.tinker import tinker_runs
from foretune.metadata import MetaDataset

PARTS = ("peft_metamathqa", "tinker_sft_sweep")
"""Folders of the two tables: PEFT's method comparison and Tinker's sweep, each with its `card.json`."""


def import_public_llm(paths: Sequence[str], options: ImportOptions) -> MetaDataset:
    """Both tables, from the folder that has them.

    Raises:
        InteropError: if a part is missing.
    """
    if len(paths) != 1 or not all((Path(paths[0]) / part).is_dir() for part in PARTS):
        message = f"{', '.join(paths)}: expected one folder that has {' and '.join(PARTS)}"
        raise InteropError(message)
    peft, tinker = (str(Path(paths[0]) / part) for part in PARTS)
    swept, notes = tinker_runs([tinker], options)
    runs, left_out = _with_common_features([*peft_runs([peft], options), *swept])
    return tables(runs, provenance("public-llm", paths, options), [*notes, *left_out])


def _with_common_features(runs: Sequence[RecordedRun]) -> tuple[list[RecordedRun], list[str]]:
    """The runs with the meta-features that all tasks have, and notes: so the first version of the table was made."""
    tasks = {run.task.id: run.task for run in runs}
    names = sorted({name for task in tasks.values() for name in task.features})
    lacking = {name: [task.id for task in tasks.values() if name not in task.features] for name in names}
    lacking = {name: ids for name, ids in lacking.items() if ids}
    kept = [
        replace(run, task=replace(run.task, features={k: v for k, v in run.task.features.items() if k not in lacking}))
        for run in runs
    ]
    notes = [f"feature {name} is left out, for it is not known of {', '.join(ids)}" for name, ids in lacking.items()]
    return kept, notes
