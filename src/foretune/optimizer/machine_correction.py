"""What trials take here, relative to what was predicted: a factor, and how it changes with the batch size.

The cost surrogate learned its seconds on other hardware. How long everything takes differs, and so does what a step
costs beside its tokens: on a CPU the tokens are most of it, on a GPU that a small model does not fill only the steps
count, and a run with large batches is over in a fraction of the time. So

    log(measured / predicted) = a + b log(batch size) + what a configuration has of its own,

a as it comes, b ~ N(0, 0.3^2), the last with a standard deviation of 0.2 (`docs/decisions.md` has what that is worth).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from statistics import median

import numpy as np
from jaxtyping import Float

from foretune.surrogate.pace import expected_slope, log_batch
from foretune.surrogate.protocol import CostSurrogate
from foretune.types import Configuration, Report, Status, Task


class MachineCorrection:
    """Learns from every trial of a search that ends well.

    A trial's own seconds are taken, which include what its slices do not, such as loading.
    """

    def __init__(self, task: Task, pool: Sequence[Configuration], cost: CostSurrogate) -> None:
        """Before the first trial.

        Args:
            task: what is finetuned.
            pool: the N configurations whose factors are asked for.
            cost: what trials were predicted to take is asked once.
        """
        self._task = task
        self._cost = cost
        self._pool = np.array([log_batch(one) for one in pool])
        self._ratios: dict[Configuration, list[float]] = {}
        self._expected: dict[Configuration, Float[np.ndarray, " T"]] = {}

    def tell(self, *reports: Report) -> None:
        """Further trials."""
        ended = [report for report in reports if report.status is Status.OK and report.seconds > 0]
        for report in ended:
            trial = report.trial
            predicted = self._predicted(trial.configuration)[trial.resumes_from : trial.fidelity].sum()
            ratios = self._ratios.setdefault(trial.configuration, [])
            ratios.append(float(np.log(report.seconds / predicted)))

    def _predicted(self, configuration: Configuration) -> Float[np.ndarray, " T"]:
        """Seconds of each slice; asked once, since every slice is a trial of its own."""
        if configuration not in self._expected:
            self._expected[configuration] = slice_seconds(self._task, [configuration], self._cost)[0]
        return self._expected[configuration]

    @property
    def factors(self) -> Float[np.ndarray, " N"]:
        """How much longer each configuration of the pool takes here than predicted; 1 before the first trial."""
        if not self._ratios:
            return np.ones(len(self._pool))
        batches = np.array([log_batch(one) for one in self._ratios])
        slope = expected_slope(batches, np.array([median(ratios) for ratios in self._ratios.values()]))
        counts = [len(ratios) for ratios in self._ratios.values()]
        everything = np.fromiter(chain.from_iterable(self._ratios.values()), dtype=float)
        level = np.median(everything - slope * np.repeat(batches, counts))
        return np.exp(level + slope * self._pool)


def slice_seconds(task: Task, configurations: Sequence[Configuration], cost: CostSurrogate) -> Float[np.ndarray, "n t"]:
    """Predicted seconds of every slice of every candidate, before the local offset."""
    fidelities = np.tile(np.arange(1, task.max_fidelity + 1), len(configurations))
    repeated = [configuration for configuration in configurations for _ in range(task.max_fidelity)]
    return cost.predict(task, repeated, fidelities).reshape(len(configurations), task.max_fidelity)
