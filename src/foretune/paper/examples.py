"""The examples that the performance surrogate learns from, made of the runs of the meta-dataset.

One run with a curve of T = 8 slices gives 36 examples: every prefix of s slices, s = 0 ... 7, with every later fidelity
f > s. The surrogate so learns to extend learning curves of any length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from foretune.paper.inputs import raw_rows
from foretune.space import Encoder
from foretune.surrogate.examples import Run, by_task
from foretune.surrogate.inputs import SLICES
from foretune.types import Task

_PAIRS = np.array([(seen, fidelity) for seen in range(SLICES) for fidelity in range(seen + 1, SLICES + 1)])


@dataclass(frozen=True)
class Examples:
    """E examples of many tasks, before standardization.

    Attributes:
        rows: (E, D) see `foretune.paper.inputs`.
        seen: (E,) s, slices the prefix has.
        fidelity: (E,) f, slices asked for.
        before: (E,) gain at the end of the prefix, 0 if it is empty.
        after: (E,) gain at the fidelity asked for.
        task: (E,) index into `tasks`.
        tasks: the tasks.
    """

    rows: np.ndarray
    seen: Int[np.ndarray, " e"]
    fidelity: Int[np.ndarray, " e"]
    before: Float[np.ndarray, " e"]
    after: Float[np.ndarray, " e"]
    task: Int[np.ndarray, " e"]
    tasks: tuple[Task, ...]


def make_examples(runs: Sequence[Run], encoder: Encoder, feature_names: Sequence[str]) -> Examples:
    """Every (prefix, fidelity) of every run. A diverged run keeps the worst gain seen on its task after its end."""
    groups = list(by_task(runs).values())
    parts = [_examples_of_task(index, group, encoder, feature_names) for index, group in enumerate(groups)]
    columns = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Examples(*columns, tasks=tuple(group[0].task for group in groups))


def _examples_of_task(
    index: int, runs: Sequence[Run], encoder: Encoder, feature_names: Sequence[str]
) -> tuple[np.ndarray, ...]:
    worst = min([0.0, *(float(run.gains.min()) for run in runs if len(run.gains))])
    pairs = [_pairs(run) for run in runs]
    padded = [np.append(run.gains, np.full(SLICES - len(run.gains), worst)) for run in runs]
    seen, fidelity = np.concatenate(pairs).T
    before = np.concatenate([np.append(0.0, gains)[pair[:, 0]] for gains, pair in zip(padded, pairs, strict=True)])
    after = np.concatenate([gains[pair[:, 1] - 1] for gains, pair in zip(padded, pairs, strict=True)])
    configurations = [run.configuration for run, pair in zip(runs, pairs, strict=True) for _ in pair]
    prefixes = [run.gains[:stop] for run, pair in zip(runs, pairs, strict=True) for stop in pair[:, 0]]
    rows = raw_rows(encoder, feature_names, runs[0].task, configurations, prefixes, fidelity)
    return rows, seen, fidelity, before, after, np.full(len(rows), index)


def _pairs(run: Run) -> Int[np.ndarray, "p 2"]:
    """The (s, f) that a run has an answer to: what came after the end of a stopped run is not known."""
    last = SLICES if run.diverged else len(run.gains)
    return _PAIRS[(_PAIRS[:, 0] <= len(run.gains)) & (_PAIRS[:, 1] <= last)]
