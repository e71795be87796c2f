"""Which peers there are, and peers as methods of a replay: `peer:NAME` for every entry of a folder's `peers.yaml`."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from foretune.benchmark.methods import Method
from foretune.benchmark.peers.native_space import NativeSpace, native_space
from foretune.benchmark.peers.peer import Peer
from foretune.benchmark.peers.process import AdapterProcess
from foretune.benchmark.replay_task import ReplayTask
from foretune.errors import PeerError
from foretune.metadata import MetaDataset
from foretune.metadata.common import at_width, relative_to_width
from foretune.optimizer import Search
from foretune.space import SearchSpace
from foretune.surrogate.inputs import width_of
from foretune.types import Configuration, Task

PREFIX = "peer:"
ROSTER = "peers.yaml"


@dataclass(frozen=True)
class Entry:
    """A peer.

    Attributes:
        name: without `peer:`.
        adapter: the script.
        python: that runs it.
        settings: that the adapter is given.
        earlier: whether it is given earlier tasks.
        seeds: at most so many searches of a task, where they take long; None for as many as are asked for.
        packages: whose versions matter.
        note: for readers.
        missing: why it cannot take part; empty if it can.
    """

    name: str
    adapter: Path
    python: str
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    earlier: bool = False
    seeds: int | None = None
    packages: tuple[str, ...] = ()
    note: str = ""
    missing: str = ""

    def versions(self) -> list[str]:
        """`package version` for every package that its environment has."""
        if not self.packages or not Path(self.python).is_file():
            return []
        script = (
            "import sys\nfrom importlib.metadata import version\nfor one in sys.argv[1:]:\n  print(one, version(one))"
        )
        command = [self.python, "-c", script, *self.packages]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - of the roster
        return done.stdout.splitlines()


def read_roster(folder: Path) -> dict[str, Entry]:
    """The peers of a folder, by name.

    Raises:
        PeerError: there is none.
    """
    path = folder / ROSTER
    if not path.is_file():
        raise PeerError(f"{path} is missing; give the folder that the peers' adapters are in")
    listed: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {name: _entry(folder, name, one) for name, one in listed.items()}


def _entry(folder: Path, name: str, given: Mapping[str, Any]) -> Entry:
    environment, missing = given.get("environment"), given.get("missing", "")
    python = folder.resolve() / f".venv-{environment}" / "bin" / "python" if environment else Path(sys.executable)
    if environment and not missing and not python.is_file():
        missing = f"there is no environment {python.parent.parent.name}; run `make peers`"
    return Entry(
        name,
        folder.resolve() / given["adapter"],
        str(python),
        given.get("settings", {}),
        bool(given.get("earlier", False)),
        given.get("seeds"),
        tuple(given.get("packages", ())),
        given.get("note", ""),
        missing,
    )


@dataclass(frozen=True)
class _Begin:
    """What a search begins with: the task, its pool, the first configuration, the width of the base model, and the
    tables to learn from, which are those of everything but a group."""

    task: Task
    pool: Sequence[Configuration]
    first: Configuration | None
    width: int | None
    group: str
    tables: Sequence[MetaDataset]


class Peers:
    """Peers of a folder, whose processes live as long as this does.

    Args:
        entries: to take part.
        space: of the recorded configurations, not yet at the width of a base model; or native already.
        folder: for logs and for what adapters are given of earlier tasks.
    """

    def __init__(self, entries: Mapping[str, Entry], space: SearchSpace | NativeSpace, folder: Path) -> None:
        self._space, self._folder = space, folder
        self._entries = entries
        self._processes = {name: _process(one, folder) for name, one in entries.items()}
        self._spaces: dict[int | None, NativeSpace] = {}
        self.latest: dict[str, Peer] = {}

    def methods(self) -> dict[str, Method]:
        """`peer:NAME` -> the method."""
        return {f"{PREFIX}{name}": Method(self._maker(name)) for name in self._entries}

    def close(self) -> None:
        """Ends the processes."""
        for one in self._processes.values():
            one.close()

    def live(self, name: str, search: Search, tables: Sequence[MetaDataset]) -> Peer:
        """A search of a peer by the clock, which may have learned from these tables."""
        begin = _Begin(search.task, search.pool, search.default, width_of(search.task), "live", tables)
        return self._begun(name, begin, search.seed, snapped=False)

    def _maker(self, name: str) -> Callable[[ReplayTask, int], Peer]:
        def make(setting: ReplayTask, seed: int) -> Peer:
            """A fresh search of the peer, told of the earlier runs that it may know."""
            known, width = setting.knowledge, setting.hidden_size
            begin = _Begin(setting.task, setting.candidates, setting.first, width, known.group, [known.meta])
            self.latest[name] = self._begun(name, begin, seed, snapped=True)
            return self.latest[name]

        return make

    def _begun(self, name: str, begin: _Begin, seed: int, *, snapped: bool) -> Peer:
        entry, space = self._entries[name], self._at(begin.width)
        start: dict[str, Any] = {"seed": seed, "settings": dict(entry.settings)}
        if entry.earlier:
            earlier = self._earlier(begin, space)
            start |= {"earlier": str(earlier), "cache": str(earlier.with_suffix("") / name)}
        return Peer(self._processes[name], begin.task, begin.pool, space, start, begin.first, snapped=snapped)

    def _at(self, width: int | None) -> NativeSpace:
        if isinstance(self._space, NativeSpace):
            return self._space
        if width not in self._spaces:
            self._spaces[width] = native_space((self._space if width is None else self._space.at(width)).space)
        return self._spaces[width]

    def _earlier(self, begin: _Begin, space: NativeSpace) -> Path:
        """A file with the earlier runs, written once for each group and width."""
        group = hashlib.sha256(begin.group.encode()).hexdigest()[:8]
        path = self._folder / "earlier" / f"{group}-{begin.width}.json"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            tasks = [one for meta in begin.tables for one in earlier_tasks(meta, space, begin.width)]
            path.write_text(json.dumps(tasks), encoding="utf-8")
        return path


def _process(entry: Entry, folder: Path) -> AdapterProcess:
    return AdapterProcess([entry.python, str(entry.adapter)], folder / "logs" / f"{entry.name}.txt")


def earlier_tasks(meta: MetaDataset, space: NativeSpace, width: int | None) -> list[dict[str, Any]]:
    """Complete runs of a table's tasks, the first of each configuration, with learning rates moved to this width.

    Returns:
        Tasks with `task`, `features` and `runs`; a run has its `configuration` by the names of the native space, the
        `losses` after every slice, and its `seconds`.
    """
    found = list[dict[str, Any]]()
    for name in meta.task_ids:
        task, runs = meta.task(name), dict[str, dict[str, Any]]()
        for run in meta.runs_of(name):
            curve = meta.curve(run)
            moved = at_width(relative_to_width(meta.configurations[run], meta.widths[name]), width)
            if len(curve) == task.max_fidelity:
                one = {
                    "configuration": space.clipped(moved),
                    "losses": (-curve.scores).tolist(),
                    "seconds": curve.seconds.tolist(),
                }
                runs.setdefault(moved.key, one)
        found.append({"task": name, "features": dict(task.meta_features), "runs": list(runs.values())})
    return found
