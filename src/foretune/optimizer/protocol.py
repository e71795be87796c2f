"""The two verbs of every optimizer."""

from __future__ import annotations

import math
from typing import Protocol, runtime_checkable

from foretune.types import Report, Trial


@runtime_checkable
class Optimizer(Protocol):
    """Chooses what to train next. Its only state is the history it was told; being told it again restores it
    exactly."""

    def ask(self, seconds_left: float = math.inf) -> Trial | None:
        """The next trial; None if nothing is left that is predicted to fit into `seconds_left`.

        Asking changes nothing: asked twice in a row it answers the same. `Trial.id` is the number of reports told so
        far.
        """
        ...

    def tell(self, report: Report) -> None:
        """Takes in what came of a trial."""
        ...
