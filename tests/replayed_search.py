"""A search on a task of the synthetic table, whose runs answer for those of other people's tools."""

from functools import lru_cache

import numpy as np
from synthetic_table import SLICES, synthetic_surrogates, synthetic_table

from foretune.benchmark.replay import RecordedTask, recorded_task
from foretune.optimizer import Search
from foretune.optimizer.in_context import transfer_in_context
from foretune.types import Configuration, LearningCurve, Report, Status, Trial


@lru_cache(maxsize=1)
def replayed_task() -> RecordedTask:
    return recorded_task(synthetic_table(), "task-3")


@lru_cache(maxsize=1)
def replayed_search() -> Search:
    task = replayed_task()
    first, *others = task.candidates
    return Search(task.task, others, first, synthetic_surrogates("in-context"))


def losses_of(configuration: Configuration) -> list[float]:
    """Of all slices; all runs of one method diverge after three of them."""
    scores = replayed_task().recordings[configuration.key].curve.scores.tolist()
    finite = 3 if configuration.values["method"] == "pissa" else len(scores)
    return [-score for score in scores[:finite]] + [float("nan")] * (SLICES - finite)


def searched_by_slices(slices: int) -> list[tuple[str, int]]:
    """The keys of configurations and the slices that foretune's own search trains, in this order."""
    optimizer, found = transfer_in_context(replayed_search()), list[tuple[str, int]]()
    while len(found) < slices:
        trial = optimizer.ask()
        assert trial is not None
        finite = [-loss for loss in losses_of(trial.configuration)[: trial.fidelity] if np.isfinite(loss)]
        status = Status.OK if len(finite) == trial.fidelity else Status.DIVERGED
        curve = LearningCurve(finite, np.ones(len(finite)))
        optimizer.tell(Report(trial, status, curve))
        found += [(trial.configuration.key, one) for one in range(trial.resumes_from + 1, trial.fidelity + 1)]
    return found[:slices]


def searched_by_runs(runs: int) -> list[str]:
    """The keys of the configurations where each is trained to its end."""
    optimizer, found = transfer_in_context(replayed_search()), list[str]()
    for number in range(runs):
        trial = optimizer.ask()
        assert trial is not None
        finite = [-loss for loss in losses_of(trial.configuration) if np.isfinite(loss)]
        status = Status.OK if len(finite) == SLICES else Status.DIVERGED
        optimizer.tell(
            Report(Trial(number, trial.configuration, SLICES), status, LearningCurve(finite, np.ones(len(finite))))
        )
        found.append(trial.configuration.key)
    return found
