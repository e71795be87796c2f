"""The adapter's side of the protocol (`foretune.benchmark.peers.process`); standard library only, for any environment.

An adapter is a script with a function from a `Start` to a `Search`, and `serve` as its last line.
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class Parameter:
    """A hyperparameter; see `foretune.benchmark.peers.native_space`."""

    name: str
    kind: str
    values: Sequence[Any]
    log: bool
    default: Any
    weights: Sequence[float]
    parent: str
    when: Sequence[Any]

    @property
    def low(self) -> Any:
        return self.values[0]

    @property
    def high(self) -> Any:
        return self.values[-1]

    def place(self, value: Any) -> Any:
        """From 0 to 1 for a number, see `foretune.benchmark.peers.native_space`; a word as it is."""
        if self.kind == "choice":
            return value
        if self.kind == "ordered":
            return self.values.index(value) / max(1, len(self.values) - 1)
        low, high, given = (math.log(each) if self.log else each for each in (*self.values, value))
        return (given - low) / (high - low)

    def at(self, place: float) -> float:
        """The number of a range at a place from 0 to 1."""
        low, high = (math.log(each) if self.log else each for each in self.values)
        value = low + min(max(place, 0.0), 1.0) * (high - low)
        return min(max(math.exp(value) if self.log else value, self.low), self.high)

    def exists(self, values: dict) -> bool:
        """Whether it belongs beside these values."""
        return not self.parent or values.get(self.parent) in self.when


@dataclass(frozen=True)
class Start:
    """What a search begins with.

    Attributes:
        parameters: of the native space, parents before children.
        configspace: the same as ConfigSpace serializes it.
        pool: the recorded configurations.
        slices: of a complete run.
        default: to be proposed first; None where there is none.
        features: meta-features of the task.
        seed: of everything random.
        settings: of the peer, from `peers.yaml`.
        earlier: tasks with their curves, only for peers that take them.
        cache: a folder for whatever is fitted on `earlier`, only for these.
    """

    parameters: Sequence[Parameter]
    configspace: dict
    pool: Sequence[dict]
    slices: int
    default: dict | None
    features: dict
    seed: int
    settings: dict
    earlier: Sequence[dict]
    cache: str

    @property
    def by_name(self) -> dict:
        return {one.name: one for one in self.parameters}

    def active(self, values: dict) -> dict:
        """Those of the values whose hyperparameters exist beside the others."""
        found: dict = {}
        for one in self.parameters:
            if one.exists(found):
                found[one.name] = values[one.name]
        return found

    def nearest(self, values: dict, taken: Sequence[dict]) -> dict | None:
        """What `foretune.benchmark.peers.snapping` would make of it, for libraries that must know before they ask."""
        wanted = self._places(values)
        free = [one for one in self.pool if one not in taken]
        return min(free, key=lambda one: distance(wanted, self._places(one)), default=None)

    def _places(self, values: dict) -> dict:
        return {name.partition(":")[0]: self.by_name[name].place(value) for name, value in values.items()}


class Flat:
    """The space without conditions, for libraries that have none.

    Of a hyperparameter with a range for each method it has the place within that range, from 0 to 1. Where a
    configuration lacks a hyperparameter it has the default.
    """

    def __init__(self, start: Start) -> None:
        self._start = start
        variants: dict = {}
        for one in start.parameters:
            variants.setdefault(one.name.partition(":")[0], []).append(one)
        usual = {one.name: one.default for one in start.parameters}
        self.variants = {name: ones for name, ones in variants.items() if len(ones) > 1}
        self.parameters = [_merged(name, ones, usual) for name, ones in variants.items()]

    def of(self, values: dict) -> dict:
        """A configuration of the native space."""
        given = {name.partition(":")[0]: self._flattened(name, value) for name, value in values.items()}
        return {one.name: given.get(one.name, one.default) for one in self.parameters}

    def native(self, values: dict) -> dict:
        """Undoes `of`."""
        given = {}
        for one in self._start.parameters:
            name = one.name.partition(":")[0]
            given[one.name] = one.at(values[name]) if name in self.variants else values[name]
        return self._start.active(given)

    def recorded(self, values: dict) -> dict | None:
        """The configuration of the pool that differs from this one by the rounding of a learning rate at most."""
        wanted = self.of(values)
        for one in self._start.pool:
            given = self.of(one)
            if all(apart(wanted[name], given[name]) < ROUNDING for name in wanted):
                return one
        return None

    def encoded(self, values: dict) -> dict:
        """`of`, with ordered numbers by their place in the list."""
        flat = self.of(values)
        return {
            one.name: one.values.index(flat[one.name]) if one.kind == "ordered" else flat[one.name]
            for one in self.parameters
        }

    def decoded(self, values: dict) -> dict:
        """Undoes `encoded`."""
        flat = {
            one.name: one.values[int(values[one.name])] if one.kind == "ordered" else plain(values[one.name])
            for one in self.parameters
        }
        return self.native(flat)

    def _flattened(self, name: str, value: Any) -> Any:
        return self._start.by_name[name].place(value) if name.partition(":")[0] in self.variants else value


def _merged(name: str, variants: Sequence[Parameter], usual: dict) -> Parameter:
    """One of all variants; its default is that of the variant which exists in the default configuration."""
    first = next((one for one in variants if one.exists(usual)), variants[0])
    if len(variants) == 1:
        return replace(first, parent="", when=())
    return Parameter(
        name, "float", (0.0, 1.0), log=False, default=first.place(first.default), weights=(), parent="", when=()
    )


ROUNDING = 0.01
"""Of places that are taken to be the same."""


def distance(one: dict, other: dict) -> float:
    """Gower's, but for a constant factor."""
    return sum(apart(one.get(name), other.get(name)) for name in one.keys() | other.keys())


def apart(one: Any, other: Any) -> float:
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other)
    return 0.0 if one == other else 1.0


@dataclass(frozen=True)
class Result:
    """What came of a proposal.

    Attributes:
        run: that was proposed.
        configuration: what was trained in its place.
        fidelity: asked for.
        losses: after each slice; fewer than `fidelity` if the run ended badly.
        seconds: of each slice.
        ok: whether it ended well.
    """

    run: str
    configuration: dict
    fidelity: int
    losses: Sequence[float]
    seconds: Sequence[float]
    ok: bool

    @property
    def loss(self) -> float:
        """What the run is worth so far: the best of its losses, for that checkpoint is kept; infinite if it ended
        badly."""
        return min(self.losses) if self.ok else math.inf

    @property
    def latest(self) -> float:
        """After the last slice, for whoever watches the curve."""
        return self.losses[-1]


class Search(Protocol):
    """A search of the library."""

    def ask(self) -> dict | None:
        """`proposal(...)`, or None where there is nothing more to propose."""

    def tell(self, result: Result) -> None:
        """Takes in what came of it."""


def proposal(run: object, configuration: dict, fidelity: int) -> dict:
    """What to train; a run that was proposed before goes on."""
    return {"run": str(run), "configuration": configuration, "fidelity": fidelity}


def plain(value: Any) -> Any:
    """Without numpy's types."""
    return value.item() if hasattr(value, "item") else value


def worst(losses: Sequence[float]) -> float:
    """Stands in for the loss of a run that ended badly: the greatest so far."""
    return max((one for one in losses if math.isfinite(one)), default=1e6)


def serve(begin: Callable[[Start], Search], packages: Sequence[str]) -> None:
    """Answers requests until there are no more.

    Args:
        begin: makes a search.
        packages: whose versions are facts.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints is no answer
    search: Search | None = None
    for line in sys.stdin:
        message = json.loads(line)
        started, used = time.perf_counter(), time.process_time()
        try:
            if message["verb"] == "start":
                search = begin(_start(message))
                answer = {"facts": {one: version(one) for one in packages}}
            elif message["verb"] == "ask":
                answer = search.ask() or {"done": "nothing more to propose"}
            else:
                search.tell(Result(**{name: message[name] for name in Result.__dataclass_fields__}))
                answer = {}
        except Exception as error:  # noqa: BLE001 - whatever goes wrong in a library
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        answer["seconds"] = time.perf_counter() - started
        answer["cpu_seconds"] = time.process_time() - used
        answers.write(json.dumps({**answer, "peak_bytes": peak_bytes()}) + "\n")


def peak_bytes() -> int:
    """Greatest memory of this process so far; what `getrusage` says includes the parent's where that is larger."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _start(message: dict) -> Start:
    path = message.get("earlier")
    earlier = json.loads(Path(path).read_text(encoding="utf-8")) if path else []
    space = message["space"]
    return Start(
        [Parameter(**one) for one in space["parameters"]],
        space["configspace"],
        message["pool"],
        message["slices"],
        message["default"],
        message["features"],
        message["seed"],
        message["settings"],
        earlier,
        message.get("cache", ""),
    )
