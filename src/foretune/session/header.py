"""The first line of a journal: what a search was asked to do, and what it stands on."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from foretune.session.ground import SearchSetup
    from foretune.session.options import TuneOptions
    from foretune.tuner import Clock


def header_of(options: TuneOptions, setup: SearchSetup, clock: Clock) -> dict[str, Any]:
    """What a search was asked to do, and what it knows before its first trial, for the journal."""
    return {
        "settings": options.to_json(),
        "today": setup.as_read.today,
        "task": {
            "id": setup.task.id,
            "meta_features": dict(setup.task.meta_features),
            "max_fidelity": setup.task.max_fidelity,
            "dataset": setup.task.dataset,
            "rows": setup.task.rows,
            "model": setup.task.model,
        },
        "rows": {split: len(getattr(setup.data, split)) for split in ("train", "validation", "test")},
        "validation_rows": setup.as_read.validation_rows,
        "zero_shot": {split: asdict(scores) for split, scores in setup.zero_shot.items()},
        "pace": [{"configuration": dict(one.values), "seconds": took} for one, took in setup.pace.items()],
        "versions": dict(setup.versions),
        "data": setup.fingerprint,
        "closing_seconds": setup.closing_seconds,
        "validation_seconds": setup.validation_seconds,
        "metric": options.metric.scorer,
        "question_seconds": setup.question_seconds,
        "memory": setup.fit and setup.fit.memory.to_json(),
        "setup_seconds": clock.spent(),
    }
