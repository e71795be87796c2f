"""Join meta-datasets that several people collected, whatever order they are given in.

Tasks of the same name are united if their facts agree; each adds the facts that the others lack; runs are united by
name, and get as many slices as the longest of their task. A source that is itself a merged table counts as its own
sources, so that merging in one step or in several comes to the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from foretune.errors import MetaDatasetError
from foretune.metadata.dataset import MetaDataset
from foretune.metadata.digest import data_sha256
from foretune.metadata.frames import frame_to_rows
from foretune.metadata.rows import assemble
from foretune.metadata.schema import CONFIGURATION_PREFIX, FEATURE_PREFIX, TASK_COLUMNS
from foretune.metadata.slices import resampled_rows

_TOLERANCE = 1e-3
"""How far facts measured on two machines may be apart, relative to the larger one or to 1."""

OnConflict = Literal["error", "keep-first"]
Row = dict[str, Any]


@dataclass(frozen=True)
class MergePart:
    """A table to be merged.

    Attributes:
        name: that people know it by.
        meta: its content.
    """

    name: str
    meta: MetaDataset


@dataclass(frozen=True)
class Merged:
    """Result of a merge.

    Attributes:
        meta: all of them as one.
        partial_features: meta-features that are not known of every task.
        duplicates: runs found again with the same content.
        conflicts: runs found again with other content, left out in favor of the first.
    """

    meta: MetaDataset
    partial_features: tuple[str, ...]
    duplicates: int
    conflicts: tuple[str, ...]


def merge(sources: Sequence[MergePart], *, on_conflict: OnConflict = "error") -> Merged:
    """One meta-dataset of all.

    Args:
        sources: in the order that decides what is first.
        on_conflict: whether a run whose name, or whose task, configuration and seed, occurs with other content is an
            error, or left out where it comes later.

    Raises:
        MetaDatasetError: if tasks of one name differ, runs conflict, or the sources disagree on a default.
    """
    tasks, partial = _merge_tasks(sources)
    slices = {row["task"]: int(row["max_fidelity"]) for row in tasks}
    records, duplicates, conflicts = _merge_runs(sources, slices, on_conflict)
    runs = [record["run"] for record in records]
    _unite_numbers(runs)
    curves = [one for record in records for one in record["slices"]]
    meta = assemble({"tasks": tasks, "runs": runs, "curves": curves}, _provenance(sources))
    return Merged(meta, partial, duplicates, conflicts)


def _merge_tasks(sources: Sequence[MergePart]) -> tuple[list[Row], tuple[str, ...]]:
    found: dict[str, tuple[str, Row]] = {}
    for source in sources:
        for row in frame_to_rows(source.meta.tasks):
            first, known = found.setdefault(row["task"], (source.name, row))
            _check_same_task(first, known, source.name, row)
            longest = max(known["max_fidelity"], row["max_fidelity"])
            found[row["task"]] = first, {**row, **known, "max_fidelity": longest}
    rows = [found[task][1] for task in sorted(found)]
    features = [{name for name in row if name.startswith(FEATURE_PREFIX)} for row in rows]
    everywhere = set[str].intersection(*features) if features else set[str]()
    partial = sorted(set[str]().union(*features) - everywhere)
    return rows, tuple(name.removeprefix(FEATURE_PREFIX) for name in partial)


def _check_same_task(first: str, known: Row, second: str, row: Row) -> None:
    facts = [column.name for column in TASK_COLUMNS if column.name != "max_fidelity"]
    facts += [name for name in row if name.startswith(FEATURE_PREFIX)]
    both = [name for name in facts if name in known and name in row]
    differing = [name for name in both if not _same(known[name], row[name])]
    if differing:
        said = ", ".join(f"{name} is {known.get(name)!r} and {row.get(name)!r}" for name in differing[:3])
        raise MetaDatasetError(
            f"the task {row['task']!r} is not the same in {first} and {second}: {said}; give different tasks different "
            "names, or leave one of the tables out"
        )


def _same(first: Any, second: Any) -> bool:
    if isinstance(first, float) and isinstance(second, float):
        return abs(first - second) <= _TOLERANCE * max(abs(first), abs(second), 1.0)
    return first == second


def _merge_runs(
    sources: Sequence[MergePart], slices: Mapping[str, int], on_conflict: OnConflict
) -> tuple[list[Row], int, tuple[str, ...]]:
    kept: dict[str, tuple[str, Row]] = {}
    same_work: dict[tuple[Any, ...], str] = {}
    duplicates, conflicts = 0, list[str]()
    for source in sources:
        for record in _records(source.meta, slices):
            name = record["run"]["run"]
            earlier = name if name in kept else same_work.get(_work(record["run"]))
            if earlier is None:
                kept[name], same_work[_work(record["run"])] = (source.name, record), name
            elif kept[earlier][1] == record:
                duplicates += 1
            elif on_conflict == "keep-first":
                conflicts.append(name)
            else:
                _refuse(kept[earlier], earlier, source.name, record)
    return [kept[name][1] for name in sorted(kept)], duplicates, tuple(conflicts)


def _records(meta: MetaDataset, lengths: Mapping[str, int]) -> list[Row]:
    """Each run with its slices; a complete run has the number of slices in `lengths` of its task."""
    slices: dict[str, list[Row]] = {run: [] for run in meta.runs["run"]}
    for one in frame_to_rows(meta.curves):
        slices[one["run"]].append(one)
    own = meta.facts("max_fidelity")
    return [
        {"run": run, "slices": resampled_rows(slices[run["run"]], int(own[run["task"]]), lengths[run["task"]])}
        for run in frame_to_rows(meta.runs)
    ]


def _work(run: Row) -> tuple[Any, ...]:
    """Key that no two runs of a table may share: task, seed and configuration."""
    values = sorted((name, value) for name, value in run.items() if name.startswith(CONFIGURATION_PREFIX))
    return (run["task"], run["seed"], *values)


def _refuse(earlier: tuple[str, Row], name: str, second: str, record: Row) -> None:
    first, known = earlier
    run, before = record["run"], known["run"]
    columns = sorted(column for column in {*run, *before} if run.get(column) != before.get(column))
    what = ", ".join(columns) or "its slices in curves.parquet"
    raise MetaDatasetError(
        f"the run {run['run']!r} of {second} and the run {name!r} of {first} are the same by name or by task, "
        f"configuration and seed, but differ in {what}; give --on-conflict keep-first to keep the one of {first}"
    )


def _unite_numbers(runs: Sequence[Row]) -> None:
    """Where a hyperparameter is an integer in one table and a float in another, all become integers if all are whole,
    else floats."""
    names = {name for run in runs for name in run if name.startswith(CONFIGURATION_PREFIX)}
    for name in names:
        having = [run for run in runs if name in run]
        if {type(run[name]) for run in having} == {int, float}:
            kind = int if all(float(run[name]).is_integer() for run in having) else float
            for run in having:
                run[name] = kind(run[name])


def _provenance(sources: Sequence[MergePart]) -> dict[str, Any]:
    """Where all came from: every source once, in the order of their names, and the defaults that they agree on."""
    parts = [part for source in sources for part in _parts(source)]
    unique = {part["sha256"]: part for part in reversed(parts)}
    return {
        "how": "tables of several sources were joined by `foretune metadata merge`",
        "defaults": _defaults(sources),
        "sources": sorted(unique.values(), key=lambda part: (part["name"], part["sha256"])),
    }


def _parts(source: MergePart) -> list[Mapping[str, Any]]:
    if known := source.meta.provenance.get("sources"):
        return list(known)
    own = {"name": source.name, "sha256": data_sha256(source.meta), "provenance": dict(source.meta.provenance)}
    return [own]


def _defaults(sources: Sequence[MergePart]) -> dict[str, Any]:
    found: dict[str, tuple[str, Any]] = {}
    for source in sources:
        for model, default in source.meta.provenance.get("defaults", {}).items():
            first, known = found.setdefault(model, (source.name, default))
            if known != default:
                raise MetaDatasetError(
                    f"the default configuration on {model!r} is {known} in {first} and {default} in {source.name}; "
                    "correct `defaults` in the metadata.json of one of them"
                )
    return {model: found[model][1] for model in sorted(found)}
