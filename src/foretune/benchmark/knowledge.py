"""What a method may have learned before it meets a task: the part of a table that its group is not in.

A *group* is a task, a family of datasets or a base model. For every group of the target's tasks there is one
`Knowledge`; whatever is learned (orders, scalers, surrogates) is learned from its tables, which do not contain the
group.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from foretune.errors import MetaDatasetError, SurrogateError
from foretune.metadata import MetaDataset
from foretune.metadata.digest import data_sha256
from foretune.metadata.orders import Ranks, ranks_of
from foretune.space import SearchSpace
from foretune.surrogate import Surrogates, load_surrogates, save_surrogates
from foretune.surrogate.encoders import encoder_for, encoder_sha256
from foretune.surrogate.examples import recorded_hardware
from foretune.surrogate.fit import fit
from foretune.surrogate.hardware import one_kind

LEAST_TASKS = 3
EVERYTHING = "everything"
LeaveOut = Literal["task", "family", "model"]


@dataclass(frozen=True, eq=False)
class Knowledge:
    """The training part for one left-out group, and what is made from it when it is first needed.

    Attributes:
        group: that is left out.
        meta: the training part.
        space: that its configurations are of, for the surrogates; None for what suits them.
        folder: where fitted surrogates are kept.
    """

    group: str
    meta: MetaDataset
    space: SearchSpace | None
    folder: Path

    @cached_property
    def ranks(self) -> Ranks:
        """How configurations ranked on the training tasks."""
        return ranks_of(self.meta)

    @cached_property
    def hardware(self) -> Sequence[str]:
        """That the seconds of surrogates are learned on."""
        return one_kind(recorded_hardware(self.meta))

    @cached_property
    def _known(self) -> dict[str, Surrogates]:
        return {}

    def surrogates(self, kind: str) -> Surrogates:
        """Fitted on the training part when they are first asked for."""
        if kind not in self._known:
            self._known[kind] = self._fitted(kind)
        return self._known[kind]

    def _fitted(self, kind: str) -> Surrogates:
        """Fitted, or read where that was done before with the same data and search space."""
        folder = self.folder / kind
        stored = self._stored(folder)
        if stored is None:
            stored = fit([self.meta], seed=0, space=self.space, kind=kind, judge=False)
            save_surrogates(folder, stored)
        return stored

    def _stored(self, folder: Path) -> Surrogates | None:
        """Surrogates of exactly this knowledge; None where there are none, or a kill left them half-written."""
        try:
            stored = load_surrogates(folder)
        except SurrogateError:
            return None
        same_space = stored.card.get("encoder_sha256") == encoder_sha256(encoder_for([self.meta], self.space))
        return stored if same_space and stored.card.get("data_sha256") == [data_sha256(self.meta)] else None


def groups_of(meta: MetaDataset, leave_out: LeaveOut) -> Mapping[str, str]:
    """Task -> the group it is left out with."""
    by_column = {"family": meta.families, "model": meta.models}
    return by_column.get(leave_out) or {task: task for task in meta.task_ids}


def divide(
    meta: MetaDataset, target: MetaDataset, leave_out: LeaveOut, space: SearchSpace | None, folder: Path
) -> dict[str, Knowledge]:
    """Knowledge for every group of the target's tasks.

    Args:
        meta: to learn from.
        target: to replay on; the same table, or another.
        leave_out: what a target task's methods may not have seen.
        space: of the configurations of `meta`.
        folder: surrogates are kept in `<folder>/<group>/<kind>`.

    Raises:
        MetaDatasetError: if `meta` has fewer than 3 tasks with runs, or nothing is left when a group is out.
    """
    with_runs = set(meta.runs["task"])
    meta = meta.select([task for task in meta.task_ids if task in with_runs])
    if len(meta.task_ids) < LEAST_TASKS:
        message = f"a comparison needs at least {LEAST_TASKS} tasks with runs, got {len(meta.task_ids)}; collect more"
        raise MetaDatasetError(message)
    groups = groups_of(meta, leave_out)
    whole = Knowledge(EVERYTHING, meta, space, folder / EVERYTHING)
    found: dict[str, Knowledge] = {}
    for group in dict.fromkeys(groups_of(target, leave_out).values()):
        kept = [task for task in meta.task_ids if groups[task] != group]
        if not kept:
            message = (
                f"all tasks are of the {leave_out} {group!r}, so nothing is left to learn from; "
                "leave out something else (task, family or model), or collect more"
            )
            raise MetaDatasetError(message)
        if len(kept) == len(meta.task_ids):
            found[group] = whole
        else:
            name = re.sub(r"[^\w.-]+", "_", group)
            found[group] = Knowledge(group, meta.select(kept), space, folder / name)
    return found
