"""Kinds of performance surrogate by name. A new one is a `Kind` and a line in `KINDS`, and passes
`tests/contract/test_surrogates.py`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Any

import numpy as np

from foretune.errors import SurrogateError
from foretune.space import Encoder
from foretune.surrogate.examples import Run, by_task
from foretune.surrogate.protocol import PerformanceSurrogate
from foretune.types import Configuration

IN_CONTEXT = "in-context"
"""The kind that the default search needs."""

KINDS: Mapping[str, str] = MappingProxyType(
    {IN_CONTEXT: "foretune.surrogate.in_context_kind:IN_CONTEXT_KIND", "deep-kernel": "foretune.paper.kind:DEEP_KERNEL"}
)
"""Name -> `module:attribute` of a `Kind`, which is imported when it is first asked for."""

Scores = Mapping[str, float]
Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Data:
    """What a performance surrogate is fitted on.

    Attributes:
        runs: of at least two tasks.
        encoder: of their configurations.
        names: of the meta-features that every task has.
        parts: ids of tasks that are held out together.
        reference: the configuration, relative to the width of the base model, with which searches begin; None if
            nobody knows.
        seed: of everything random.
        tell: is told what comes next.
    """

    runs: Sequence[Run]
    encoder: Encoder
    names: Sequence[str]
    parts: Sequence[Collection[str]]
    reference: Configuration | None
    seed: int
    tell: Callable[[str], None]

    def held_out(self) -> Iterator[Collection[str]]:
        """The parts, one after the other, and what is told of each."""
        for number, part in enumerate(self.parts, start=1):
            self.tell(f"without part {number} of {len(self.parts)} of the tasks, on which it is judged")
            yield part
        self.tell("all tasks")

    def of(self, part: Collection[str]) -> list[Run]:
        """The runs of these tasks."""
        groups = by_task(self.runs)
        return [run for name in part for run in groups[name]]

    def without(self, part: Collection[str]) -> list[Run]:
        """The runs of the other tasks."""
        return [run for name, group in by_task(self.runs).items() if name not in part for run in group]


@dataclass(frozen=True)
class Fitted:
    """A performance surrogate, and how it did on tasks that were held out.

    Attributes:
        performance: fitted on all tasks.
        mean: scores over held-out tasks.
        by_task: scores of each.
        facts: what else the card says of it.
    """

    performance: PerformanceSurrogate
    mean: Scores
    by_task: Mapping[str, Scores]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Kind:
    """What a kind of performance surrogate has to offer. Its class names the kind in an attribute `kind`.

    Attributes:
        fit: (data, recipe of its own type or None) -> the surrogate, fitted on all tasks and judged.
        take_apart: surrogate -> what goes into the JSON, with `kind`, `encoder` and `features`, and its arrays.
        put_together: (encoder, JSON, arrays) -> the surrogate.
        needs_all: whether it learns from tasks alone that foretune has described, with all of their meta-features.
        needs_held_out: whether the fit needs tasks held out, also where nobody wants to know how good it is.
        check: raises a `SurrogateError` if what the fit needs is not installed.
    """

    fit: Callable[[Data, Any], Fitted]
    take_apart: Callable[[Any], tuple[dict[str, Any], dict[str, np.ndarray]]]
    put_together: Callable[[Encoder, Mapping[str, Any], Arrays], PerformanceSurrogate]
    needs_all: bool = False
    needs_held_out: bool = False
    check: Callable[[], None] = lambda: None


def find_kind(name: object) -> Kind:
    """The kind of that name.

    Raises:
        SurrogateError: if there is none.
    """
    if not isinstance(name, str) or name not in KINDS:
        raise SurrogateError(f"no kind of surrogate is called {name!r}; choose one of {', '.join(KINDS)}")
    module, _, attribute = KINDS[name].partition(":")
    return getattr(import_module(module), attribute)
