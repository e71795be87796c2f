"""What `--json` says of a meta-dataset that a verb has written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from foretune.metadata import MetaDataset


def counts_of(meta: MetaDataset, folder: Path) -> Mapping[str, object]:
    """Where it is, and how much is in it."""
    statuses = Counter(meta.runs["status"])
    return {
        "meta_dataset": folder,
        "tasks": len(meta.tasks),
        "runs": len(meta.runs),
        "slices": len(meta.curves),
        "statuses": dict(sorted(statuses.items())),
    }
