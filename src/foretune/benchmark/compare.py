"""The comparison: every method on every task with every seed and budget, each search a line of `replays.jsonl`.

Lines of the same data and settings are not replayed again. One search is made for every budget, because an optimizer
may plan with what is left.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

from foretune.benchmark.budgets import Amount
from foretune.benchmark.knowledge import Knowledge, LeaveOut, divide, groups_of
from foretune.benchmark.methods import METHODS, Chosen, Method, choose
from foretune.benchmark.replay import RecordedTask, recorded_task, simulate
from foretune.benchmark.replay_task import ReplayTask
from foretune.benchmark.timing import hardware_by_task, timing_of
from foretune.errors import ConfigurationError, MetaDatasetError
from foretune.metadata import MetaDataset
from foretune.metadata.digest import data_sha256
from foretune.metadata.ranking import ranking_tasks
from foretune.space import SearchSpace
from foretune.surrogate.encoders import encoder_for

JOURNAL = "replays.jsonl"
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Terms:
    """What is the same for every method.

    Attributes:
        leave_out: what a task's methods may not have learned from.
        budgets: each is a search of its own.
        seeds: of stochastic methods.
        default_first: whether searches begin with the default configuration, where it is known.
        charge_overhead: whether the seconds that methods think are spent, too. They never are where the table's costs
            are no seconds.
    """

    leave_out: LeaveOut
    budgets: tuple[Amount, ...]
    seeds: int = 10
    default_first: bool = True
    charge_overhead: bool = True


@dataclass(frozen=True)
class Replayed:
    """One search.

    Attributes:
        task: name.
        method: as it was written, options included.
        seed: of the method.
        budget: as it was written.
        budget_seconds: what that is worth on the task.
        overhead_seconds: of it, that the method itself took.
        slices: trained within the budget.
        steps: (seconds, validation score, test score) at the start and whenever the incumbent changed.
    """

    task: str
    method: str
    seed: int
    budget: str
    budget_seconds: float
    overhead_seconds: float
    slices: int
    steps: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class Contest:
    """All that a comparison is made of.

    Attributes:
        recorded: tasks to replay, by name.
        settings: what methods may know of each.
        charged: tasks on which the methods' own time counts.
        methods: to compare.
        terms: for all of them.
        fingerprint: of data and terms.
        notes: what was left out, and why.
    """

    recorded: Mapping[str, RecordedTask]
    settings: Mapping[str, ReplayTask]
    charged: frozenset[str]
    methods: tuple[Chosen, ...]
    terms: Terms
    fingerprint: str
    notes: tuple[str, ...] = ()


def prepare(
    meta: MetaDataset,
    target: MetaDataset,
    terms: Terms,
    space: SearchSpace | None,
    folder: Path,
    methods: Sequence[str] | None = None,
    known: Mapping[str, Method] = METHODS,
) -> Contest:
    """Check everything before anything is replayed.

    Args:
        meta: what is learned from.
        target: whose tasks are replayed.
        terms: for all methods.
        space: of the configurations of `meta`; None for what suits them (`encoder_for`).
        folder: where fitted surrogates are kept.
        methods: names; by default all that can run on these tables.
        known: the methods that there are, by name.

    Raises:
        ConfigurationError: if a method is unknown or cannot run.
        MetaDatasetError: if too little is left to learn from, or no task has a complete run.
    """
    chosen = choose(methods or list(known), known)
    without = _without_ranking(target)
    meta, target = _of_rankings(meta), _of_rankings(target)
    groups, parts = groups_of(target, terms.leave_out), divide(meta, target, terms.leave_out, space, folder)
    recorded = {task: recorded_task(target, task) for task in target.task_ids}
    idle = tuple(task for task, one in recorded.items() if not one.is_playable)
    recorded = {task: one for task, one in recorded.items() if task not in idle}
    hardware = hardware_by_task(target)
    settings = {
        task: setting(target, one, parts[groups[task]], terms, hardware[task]) for task, one in recorded.items()
    }
    if not recorded:
        raise MetaDatasetError("no task has a complete run, so there is nothing to replay; collect some")
    able, notes = _able(chosen, settings, refuse=methods is not None)
    units = target.facts("cost_unit")
    charged = frozenset(task for task in recorded if terms.charge_overhead and units[task] == "seconds")
    return Contest(
        recorded,
        settings,
        charged,
        able,
        terms,
        _fingerprint(meta, target, terms, space),
        without + _idle(idle) + notes,
    )


def setting(
    target: MetaDataset, recorded: RecordedTask, knowledge: Knowledge, terms: Terms, hardware: str = ""
) -> ReplayTask:
    """What methods may know of a task on that hardware; its default counts only if its run was recorded."""
    task, default = recorded.task, target.default(recorded.task.id)
    known = default if default and default.key in recorded.recordings else None
    return ReplayTask(
        knowledge,
        task,
        tuple(recorded.candidates),
        target.widths[task.id],
        known,
        terms.default_first,
        timing=timing_of(recorded, known, hardware),
    )


def replay_all(contest: Contest, folder: Path, progress: Callable[[int, int], None] | None = None) -> list[Replayed]:
    """Every search of a contest; those found in `<folder>/replays.jsonl` are not made again.

    Args:
        contest: what to replay.
        folder: made if absent.
        progress: is told how many searches of how many are done.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path, jobs = folder / JOURNAL, list(_jobs(contest))
    done = {_key(one): one for one in read_replays(path, contest.fingerprint)}
    with path.open("a", encoding="utf-8") as file:
        for count, (task, method, seed, budget) in enumerate(jobs, start=1):
            key = (task, method.name, seed, str(budget))
            if key not in done:
                done[key] = replay(contest, task, method, seed, budget)
                file.write(_to_line(done[key], contest.fingerprint))
                file.flush()
            if progress:
                progress(count, len(jobs))
    return [done[task, method.name, seed, str(budget)] for task, method, seed, budget in jobs]


def replay(contest: Contest, task: str, method: Chosen, seed: int, budget: Amount) -> Replayed:
    """One search."""
    recorded, given = contest.recorded[task], contest.settings[task]
    optimizer = method.make(replace(given, answers=recorded) if method.method.sees_answers else given, seed)
    first = [given.first] if given.first and method.method.default_first else []
    seconds, watch = budget.seconds(recorded), _Stopwatch()
    clock = watch if task in contest.charged else None
    begun = given.timing.seconds if method.method.times_steps and given.is_elsewhere else 0.0
    points = simulate(optimizer, recorded, seconds, first=first, clock=clock, begun=begun)
    improved = [after for before, after in pairwise(points) if after.score > before.score]
    steps = tuple((point.seconds, point.score, point.test) for point in [points[0], *improved])
    return Replayed(task, method.name, seed, str(budget), seconds, watch.total, len(points) - 1, steps)


class _Stopwatch:
    """A clock that adds up what lies between every second reading and the one before: time of asking and telling."""

    def __init__(self) -> None:
        self.total = 0.0
        self._started: float | None = None

    def __call__(self) -> float:
        now = time.perf_counter()
        if self._started is None:
            self._started = now
        else:
            self.total += now - self._started
            self._started = None
        return now


def read_replays(path: Path, fingerprint: str) -> list[Replayed]:
    """The searches in a journal that belong to this data and these terms; what a kill left half-written is cut off."""
    lines = path.read_text(encoding="utf-8").split("\n") if path.is_file() else [""]
    if lines[-1]:
        path.write_text("".join(line + "\n" for line in lines[:-1]), encoding="utf-8")
    rows = [json.loads(line) for line in lines[:-1]]
    return [from_row(row) for row in rows if row["fingerprint"] == fingerprint]


def _jobs(contest: Contest) -> Iterator[tuple[str, Chosen, int, Amount]]:
    for method in contest.methods:
        for task in contest.recorded:
            for seed in range(contest.terms.seeds if method.method.stochastic else 1):
                for budget in contest.terms.budgets:
                    yield task, method, seed, budget


def _able(
    methods: Sequence[Chosen], settings: Mapping[str, ReplayTask], *, refuse: bool
) -> tuple[tuple[Chosen, ...], tuple[str, ...]]:
    """The methods that can run, and a note on each that cannot; `refuse` raises instead.

    A method must be able to run on all tasks, except that the default may be unknown on some: there it trains nothing.
    """
    able, notes = list[Chosen](), list[str]()
    for chosen in methods:
        problems = [problem for one in settings.values() if (problem := chosen.method.check(one))]
        if not problems or (chosen.method is METHODS["default"] and len(problems) < len(settings)):
            able.append(chosen)
        else:
            notes.append(f"the method {chosen.name!r} cannot run here: {problems[0]}")
    if notes and refuse:
        raise ConfigurationError(f"{notes[0]}; leave it out of --methods, or use a table that has what it needs")
    return tuple(able), tuple(notes)


def _of_rankings(meta: MetaDataset) -> MetaDataset:
    """The tasks on which one configuration is better than another."""
    ranking = ranking_tasks(meta)
    return meta if ranking == meta.task_ids else meta.select(ranking)


def _without_ranking(meta: MetaDataset) -> tuple[str, ...]:
    count = len(meta.task_ids) - len(ranking_tasks(meta))
    what = f"{count} tasks that rank no configurations, of one configuration or by the loss of training"
    return (what,) if count else ()


def _idle(tasks: Sequence[str]) -> tuple[str, ...]:
    return (f"without a complete run {', '.join(tasks)}",) if tasks else ()


def _fingerprint(meta: MetaDataset, target: MetaDataset, terms: Terms, space: SearchSpace | None) -> str:
    facts = {
        "foretune": version("foretune"),
        "data": [data_sha256(meta), data_sha256(target)],
        "defaults": target.provenance.get("defaults"),
        "terms": [terms.leave_out, terms.default_first, terms.charge_overhead],
        "space": encoder_for([meta], space).to_json(),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def _key(one: Replayed) -> tuple[str, str, int, str]:
    return one.task, one.method, one.seed, one.budget


def _to_line(one: Replayed, fingerprint: str) -> str:
    return json.dumps({"schema_version": SCHEMA_VERSION, "fingerprint": fingerprint, **to_row(one)}) + "\n"


def to_row(one: Replayed) -> dict[str, Any]:
    """For JSON, which has no infinities."""
    steps = [[value if math.isfinite(value) else None for value in step] for step in one.steps]
    return {**asdict(one), "steps": steps}


def from_row(row: Mapping[str, Any]) -> Replayed:
    """Undoes `to_row`; the schema version and the fingerprint of a line may be there."""
    steps = tuple(
        (seconds, -math.inf if score is None else score, math.nan if test is None else test)
        for seconds, score, test in row["steps"]
    )
    kept = {name: value for name, value in row.items() if name not in {"schema_version", "fingerprint", "steps"}}
    return Replayed(**kept, steps=steps)
