"""The shipped table `public-llm-v2`: figures of finetuning real language models that others have published.

Its parts are read by the readers of their kinds, from a folder that has them by name; each run says where its figures
come from and under which license.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from foretune.errors import InteropError
from foretune.interop.fms_acceleration import fms_acceleration_runs
from foretune.interop.hf_cards import hf_card_runs
from foretune.interop.litgpt_costs import litgpt_runs
from foretune.interop.options import ImportOptions
from foretune.interop.origin import figures_of, provenance
from foretune.interop.peft_results import peft_runs
from foretune.interop.recorded import RecordedRun
from foretune.interop.rows import tables
from foretune.interop.scaling_law import scaling_law_runs
from foretune.interop.tinker import tinker_runs
from foretune.metadata import MetaDataset

_Read = tuple[Sequence[RecordedRun], Sequence[str]]
_Reader = Callable[[Sequence[str], ImportOptions], _Read]


PARTS: Mapping[str, _Reader] = MappingProxyType(
    {
        "peft_metamathqa": lambda paths, options: (peft_runs(paths, options), ()),
        "tinker_sft_sweep": tinker_runs,
        "scaling_law_finetuning": scaling_law_runs,
        "hf_cards": hf_card_runs,
        "fms_acceleration_costs": fms_acceleration_runs,
        "litgpt_costs": lambda paths, options: (litgpt_runs(paths, options), ()),
    }
)
"""Folders of the tables, each with its `card.json`, and their readers: (paths, options) -> runs and notes."""


def import_public_llm(paths: Sequence[str], options: ImportOptions) -> MetaDataset:
    """All tables, from the folder that has them.

    Raises:
        InteropError: if a part is missing.
    """
    lacking = [part for part in PARTS if len(paths) != 1 or not (Path(paths[0]) / part).is_dir()]
    if lacking:
        message = f"{', '.join(paths)}: expected one folder that has {', '.join(PARTS)}; {', '.join(lacking)} not found"
        raise InteropError(message)
    read = [reader([str(Path(paths[0]) / part)], options) for part, reader in PARTS.items()]
    runs, notes = ([one for found in kind for one in found] for kind in zip(*read, strict=True))
    return tables(runs, {**provenance("public-llm", paths, options), "parts": _parts(paths[0], read)}, notes)


def _parts(folder: str, read: Sequence[_Read]) -> dict[str, dict[str, Any]]:
    """Part -> runs, source and license, for `metadata.json`."""
    none = ImportOptions()
    return {
        part: {"runs": len(runs), **figures_of(Path(folder) / part, none)}
        for part, (runs, _) in zip(PARTS, read, strict=True)
    }
