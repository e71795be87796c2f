"""Another library as an optimizer. In a replay its proposals are snapped, recorded runs answer, and it is told what
really ran; in a search by the clock its proposals are trained as they are."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from foretune.benchmark.peers.native_space import NativeSpace
from foretune.benchmark.peers.snapping import Pool
from foretune.space.vocabulary import base_name
from foretune.types import Configuration, LearningCurve, Report, Status, Task, Trial, Value

FREE_ANSWERS = 1_000
"""Proposals in a row whose answers are known already, after which a library is taken to have nothing new."""


class Answers(Protocol):
    """The part of an `AdapterProcess` that a search needs."""

    def request(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """What the library answers."""
        ...


@dataclass
class Effort:
    """What a library's own part of a search took.

    Attributes:
        asks: answered.
        seconds: of asking and telling together, as the adapter measures them.
        cpu_seconds: the same on the CPU, which does not depend on what else the machine does.
        peak_bytes: of the adapter's process so far.
    """

    asks: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0


@dataclass(frozen=True)
class Proposal:
    """What a library wants trained.

    Attributes:
        run: the library's name of it; a name that it gave before is that run going on.
        configuration: by the names of the native space.
        fidelity: slices in all.
    """

    run: str
    configuration: Mapping[str, Value]
    fidelity: int


class Peer:
    """Asks a library and tells it, for a replay: one trial at a time, and its state is the library's.

    A new run of the library is given the recorded configuration that is nearest to its proposal and that none of its
    runs has yet. It is told that configuration, beside the loss after each slice; a number beyond the range of the
    space is told as the nearest end, for most libraries take no other. What is known already is answered at once and
    costs nothing, such as the default's run that a replay begins with.

    Args:
        adapter: of the library.
        task: what is finetuned.
        candidates: the pool.
        space: native, at the width of the task's base model.
        start: what the adapter needs beside space, slices and default: its settings, the seed, earlier results.
        default: proposed to the library as its first run, where there is one.
        snapped: whether only the candidates can be trained; else every proposal is, as it is.
    """

    def __init__(
        self,
        adapter: Answers,
        task: Task,
        candidates: Sequence[Configuration],
        space: NativeSpace,
        start: Mapping[str, Any],
        default: Configuration | None = None,
        *,
        snapped: bool = True,
    ) -> None:
        self.effort = Effort()
        self._adapter, self._task, self._space = adapter, task, space
        self._nearest = Pool(candidates, space).nearest if snapped else _itself
        self._runs: dict[str, Configuration] = {}
        self._curves: dict[Configuration, Report] = {}
        self._waiting: tuple[Proposal, Trial] | None = None
        self._told = 0
        adapter.request(
            {
                "verb": "start",
                "space": space.to_json(),
                "pool": [space.clipped(one) for one in candidates],
                "slices": task.max_fidelity,
                "default": space.clipped(default) if default else None,
                "features": dict(task.meta_features),
                **start,
            }
        )

    def ask(self, seconds_left: float = math.inf, pending: Sequence[Trial] = ()) -> Trial | None:
        """See `Optimizer.ask`; trials cannot be pending."""
        del pending
        if seconds_left <= 0:
            return None
        if self._waiting is None:
            self._waiting = self._next()
        return self._waiting[1] if self._waiting else None

    def tell(self, report: Report) -> None:
        """See `Optimizer.tell`; a report that was not asked for answers the library when it proposes that run."""
        self._told += 1
        self._curves[report.trial.configuration] = report
        if self._waiting and self._waiting[1] == report.trial:
            proposal, self._waiting = self._waiting[0], None
            self._answer(proposal, report)

    def _next(self) -> tuple[Proposal, Trial] | None:
        for _ in range(FREE_ANSWERS):
            reply = self._request({"verb": "ask"})
            self.effort.asks += 1
            if "done" in reply:
                return None
            proposal = Proposal(str(reply["run"]), reply["configuration"], int(reply["fidelity"]))
            configuration = self._realized(proposal)
            if configuration is None:
                return None
            known = self._curves.get(configuration)
            seen = len(known.curve) if known else 0
            if known is None or (known.status is Status.OK and seen < proposal.fidelity):
                return proposal, Trial(self._told, configuration, proposal.fidelity, seen)
            self._answer(proposal, known)
        return None

    def _realized(self, proposal: Proposal) -> Configuration | None:
        """The configuration that is trained for a run."""
        if proposal.run not in self._runs:
            nearest = self._nearest(proposal.configuration, self._runs.values())
            if nearest is None:
                return None
            self._runs[proposal.run] = nearest
        return self._runs[proposal.run]

    def _answer(self, proposal: Proposal, report: Report) -> None:
        """Tells the library a report up to the slices that it asked for."""
        curve = LearningCurve(report.curve.scores[: proposal.fidelity], report.curve.seconds[: proposal.fidelity])
        self._request(
            {
                "verb": "tell",
                "run": proposal.run,
                "configuration": self._space.clipped(report.trial.configuration),
                "fidelity": proposal.fidelity,
                "losses": (-curve.scores).tolist(),
                "seconds": curve.seconds.tolist(),
                "ok": len(curve) == proposal.fidelity,
            }
        )

    def _request(self, message: Mapping[str, Any]) -> dict[str, Any]:
        reply = self._adapter.request(message)
        self.effort.seconds += float(reply["seconds"])
        self.effort.cpu_seconds += float(reply["cpu_seconds"])
        self.effort.peak_bytes = int(reply["peak_bytes"])
        return reply


def _itself(named: Mapping[str, Value], taken: Collection[Configuration]) -> Configuration:
    """Of a proposal, whatever was trained before."""
    del taken
    return Configuration({base_name(name): value for name, value in named.items()})
