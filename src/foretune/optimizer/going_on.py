"""Going on: one more run that begins with the adapter of the best one, at the same peak learning rate.

A practitioner's "train it longer", which costs only the further epochs. It is worth most right after a run that was
still getting better when its schedule ended (`benchmarks/levers.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

from foretune.optimizer.machine_correction import slice_seconds
from foretune.optimizer.state import factors_of, next_run, state_of
from foretune.surrogate.protocol import CostSurrogate
from foretune.types import CONTINUES, Configuration, History, Task, Trial

_NOT_CONTINUED = frozenset({"full"})
"""Methods whose checkpoint is a whole model."""
_LATE = 0.75
"""Of a run: where it was best after this share, it is taken to have been getting better to its end."""


def going_on(
    task: Task, history: History, cost: CostSurrogate, seconds_left: float, pending: Sequence[Trial] = ()
) -> Trial | None:
    """The best run trained on, for as many epochs again or as the time left carries.

    None before a second configuration was tried, where its best slice is not one of its last, where it was continued
    already, or where the time is too short for an epoch.
    """
    if len({one.trial.configuration for one in history if CONTINUES not in one.trial.configuration.values}) < 2:
        return None
    begun = [one.trial.configuration for one in history if one.trial.configuration.values.get(CONTINUES)]
    best = _best(task, history)
    wanted = begun[-1:] if best is None else [one for one in begun if one.values[CONTINUES] == best.key]
    if best is not None and not wanted:
        wanted = _continued(best, task, history, cost, seconds_left)
    return next_run(wanted, history, task, cost, seconds_left, pending)


def _best(task: Task, history: History) -> Configuration | None:
    """The configuration of the best score, if its run is complete and had that near its end."""
    curves = state_of(history).curves
    scored = [one.trial.configuration for one in history if len(curves[one.trial.configuration.key])]
    best = max(scored, key=lambda one: curves[one.key].scores.max(), default=None)
    if best is None or best.values.get("method") in _NOT_CONTINUED:
        return None
    scores = curves[best.key].scores
    is_late = scores.argmax() + 1 > _LATE * task.max_fidelity
    return best if len(scores) == task.max_fidelity and is_late else None


def _continued(
    best: Configuration, task: Task, history: History, cost: CostSurrogate, seconds_left: float
) -> list[Configuration]:
    seconds = slice_seconds(task, [best], cost).sum() * factors_of([best], task, history, cost)[0]
    epochs = int(min(1.0, seconds_left / seconds) * int(best.values["epochs"]))
    return [Configuration({**best.values, "epochs": epochs, CONTINUES: best.key})] if epochs > 0 else []
