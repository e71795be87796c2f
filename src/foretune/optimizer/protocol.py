"""The two verbs of every optimizer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from foretune.types import Report, Trial


@runtime_checkable
class Optimizer(Protocol):
    """Chooses what to train next. Its only state is the history it was told; being told it again restores it
    exactly."""

    def ask(self, seconds_left: float = math.inf, pending: Sequence[Trial] = ()) -> Trial | None:
        """The next trial; None if nothing is left that is predicted to fit into `seconds_left`.

        Asking changes nothing: asked twice in a row it answers the same. Who trains several trials at a time says which
        ones were asked for and not told yet; their configurations are not asked for again until they are.

        Args:
            seconds_left: of the budget.
            pending: trials under way.

        Returns:
            A trial whose `id` is the number of trials told or pending.
        """
        ...

    def tell(self, report: Report) -> None:
        """Takes in what came of a trial."""
        ...
