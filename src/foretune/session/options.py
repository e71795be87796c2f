"""What a user asks of a search."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from foretune.request import DataRequest, Reading
from foretune.session.scoring import MetricRequest

_JOURNALED = (
    *("data", "model", "seed", "space", "optimizer", "candidates", "surrogate", "max_length", "train_rows", "device"),
    *("columns", "last_turn_only", "skip_bad_rows"),
)


@dataclass(frozen=True)
class TuneOptions:
    """What decides the course of a search; a search is only resumed under the options that it was begun with.

    Attributes:
        data: the dataset, and how it is read; its seed is also that of the candidates, the adapters and the order of
            the data.
        model: base model.
        space: name or file of the search space.
        optimizer: chooses the trials.
        candidates: configurations sampled from the space.
        surrogate: folder of fitted surrogates; None for the shipped ones.
        device: `cpu`, `cuda`, ...
        average: return an average of the best checkpoints where it is better. This and the next two may be others when
            a search is resumed.
        max_rank: of an average; None for the sum of its members' ranks.
        guard: a second dataset that finetuning should not harm, or the name of a shipped one. This and the next may be
            others when a search is resumed, too.
        guard_limit: by which share the loss on the guard may rise, such as 0.1; None for any.
        metric: chooses among the best checkpoints and the average.
    """

    data: DataRequest
    model: str
    space: str = "peft"
    optimizer: str = "transfer-in-context"
    candidates: int = 256
    surrogate: str | None = None
    device: str = "cpu"
    average: bool = True
    max_rank: int | None = None
    guard: str | None = None
    guard_limit: float | None = None
    metric: MetricRequest = field(default_factory=MetricRequest)

    @classmethod
    def of(
        cls,
        data: str | Path,
        model: str | Path,
        *,
        seed: int = 0,
        train_rows: int | None = None,
        max_length: int | None = None,
        columns: str | None = None,
        last_turn_only: bool = False,
        skip_bad_rows: bool = False,
        today: str | None = None,
        surrogates: str | Path | None = None,
        **others: Any,
    ) -> Self:
        """The options as users name them, on the command line and in Python; `others` are fields of this class."""
        reading = Reading(columns, last_turn_only, skip_bad_rows)
        request = DataRequest(str(data), seed, train_rows, max_length=max_length, today=today, reading=reading)
        return cls(request, str(model), surrogate=None if surrogates is None else str(surrogates), **others)

    @property
    def seed(self) -> int:
        """Of the splits, the candidates, the adapters and the order of the data."""
        return self.data.seed

    def to_json(self) -> dict[str, Any]:
        """What the user has asked for, flat, as journals keep it."""
        flat = {**asdict(self), **asdict(self.data), **asdict(self.data.reading), "data": self.data.source}
        return {name: flat[name] for name in _JOURNALED}
