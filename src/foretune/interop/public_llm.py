"""The shipped table `public-llm-v2`: figures of finetuning real language models that others have published.

Its parts are read by the readers of their kinds, from a folder that has them by name; each run says where its figures
come from and under which license.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from foretune.errors import InteropError
from foretune.interop.fms_acceleration import fms_acceleration_runs
from foretune.interop.hf_cards import hf_card_runs
from foretune.interop.litgpt_costs import litgpt_runs
from foretune.interop.options import ImportOptions
from foretune.interop.origin import figures_of
from foretune.interop.peft_results import peft_runs
from foretune.interop.recorded import Imported
from foretune.interop.scaling_law import scaling_law_runs
from foretune.interop.tinker import tinker_runs

_NONE = ImportOptions()

PARTS: Mapping[str, Callable[[Sequence[str], ImportOptions], Imported]] = MappingProxyType(
    {
        "peft_metamathqa": peft_runs,
        "tinker_sft_sweep": tinker_runs,
        "scaling_law_finetuning": scaling_law_runs,
        "hf_cards": hf_card_runs,
        "fms_acceleration_costs": fms_acceleration_runs,
        "litgpt_costs": litgpt_runs,
    }
)
"""Folders of the tables, each with its `card.json`, and their readers."""


def public_llm_runs(paths: Sequence[str], options: ImportOptions) -> Imported:
    """All tables, from the folder that has them; provenance says of each part how many runs it has, and whose.

    Raises:
        InteropError: if a part is missing.
    """
    lacking = [part for part in PARTS if len(paths) != 1 or not (Path(paths[0]) / part).is_dir()]
    if lacking:
        message = f"{', '.join(paths)}: expected one folder that has {', '.join(PARTS)}; {', '.join(lacking)} not found"
        raise InteropError(message)
    folders = {part: Path(paths[0]) / part for part in PARTS}
    read = {part: reader([str(folders[part])], options) for part, reader in PARTS.items()}
    return Imported(
        [run for one in read.values() for run in one.runs],
        [note for one in read.values() for note in one.notes],
        {"parts": {part: {"runs": len(one.runs), **figures_of(folders[part], _NONE)} for part, one in read.items()}},
    )
