"""The shipped table `public-llm-v1`: figures of finetuning real language models that others have published.

Its parts are read by the readers of their kinds, from a folder that has them by name; each run says where its figures
come from and under which license.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from foretune.errors import InteropError
from foretune.interop.options import ImportOptions
from foretune.interop.origin import provenance
from foretune.interop.peft_results import peft_runs
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
    return tables([*peft_runs([peft], options), *swept], provenance("public-llm", paths, options), notes)
