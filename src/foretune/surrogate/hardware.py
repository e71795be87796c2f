"""Which hardware a table's seconds and bytes are told by: one kind of it.

What a GPU takes follows other rules than what a CPU takes, and its memory is another one, so the two are not mixed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from foretune.surrogate.examples import Run

_PROCESSOR = re.compile(r", \d+ threads$")  # as `foretune.finetuning.provenance.hardware` writes it


def of_one_kind(runs: Sequence[Run]) -> list[Run]:
    """The runs on the kind of hardware that most runs are of: any processor, or one model of accelerator."""
    names = set(one_kind(run.hardware for run in runs))
    return [run for run in runs if run.hardware in names]


def one_kind(hardware: Iterable[str]) -> list[str]:
    """The names, of the kind that most are of, in alphabetical order."""
    count = Counter(hardware)
    kinds = Counter[str]()
    for name, times in count.items():
        kinds[_kind(name)] += times
    most = kinds.most_common(1)[0][0] if kinds else ""
    return sorted(name for name in count if _kind(name) == most)


def _kind(hardware: str) -> str:
    return "processor" if _PROCESSOR.search(hardware) else hardware
