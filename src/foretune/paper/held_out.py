"""How good the performance surrogate is on tasks that it has never seen.

Symbols: E examples of a task, each with its predicted gain (mean, std) and the gain that it was (after); see
`foretune.paper.examples`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from jaxtyping import Float

from foretune.metadata.ranks import spearman
from foretune.paper.examples import make_examples
from foretune.paper.performance import DeepKernelSurrogate
from foretune.surrogate.examples import Run, by_task
from foretune.surrogate.inputs import SLICES


@dataclass(frozen=True)
class HeldOut:
    """What a surrogate predicted on one task that it was not fitted on.

    Attributes:
        task: id.
        seen: (E,) slices seen of each example.
        fidelity: (E,) slices asked.
        mean: (E,) predicted gain.
        std: (E,) its standard deviation.
        after: (E,) the gain it was.
    """

    task: str
    seen: np.ndarray
    fidelity: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    after: np.ndarray

    @property
    def log_loss(self) -> float:
        """Mean negative log-density of the gains, in nats; half of the weight on examples that have seen nothing."""
        z = (self.after - self.mean) / self.std
        losses = 0.5 * z**2 + np.log(self.std) + 0.5 * np.log(2 * np.pi)
        fresh = self.seen == 0
        return float((losses[fresh].mean() + losses[~fresh].mean()) / 2)

    def rank_correlation(self, seen: int) -> float:
        """Spearman's correlation of predicted and true final gains after `seen` slices; 0 where it is undefined."""
        chosen = (self.seen == seen) & (self.fidelity == SLICES)
        return spearman(self.mean[chosen], self.after[chosen]) if chosen.any() else 0.0

    def regret(self, count: int) -> float:
        """Regret after training the `count` configurations with the best predicted peak: 0 is the pool's best, 1 its
        median."""
        fresh = self.seen == 0
        predicted, peaks = (values[fresh].reshape(-1, SLICES).max(1) for values in (self.mean, self.after))
        reached = peaks[np.argsort(-predicted, kind="stable")[:count]].max()
        return float((peaks.max() - reached) / max(peaks.max() - np.median(peaks), 1e-9))

    @property
    def scores(self) -> dict[str, float]:
        """For the card and the command line."""
        return {
            "rank_correlation_unseen": self.rank_correlation(0),
            "rank_correlation_1_slice": self.rank_correlation(1),
            "regret_1_run": self.regret(1),
        }


def hold_out(surrogate: DeepKernelSurrogate, runs: Sequence[Run]) -> list[HeldOut]:
    """Predictions for every example of these runs, task by task; what a search has stopped cannot judge them."""
    ended = [run for run in runs if run.diverged or len(run.gains) == SLICES]
    return [_hold_out_task(surrogate, group) for group in by_task(ended).values()]


def _hold_out_task(surrogate: DeepKernelSurrogate, runs: Sequence[Run]) -> HeldOut:
    inputs = surrogate.inputs
    examples = make_examples(runs, inputs.encoder, inputs.feature_names)
    rows = inputs.standardize(examples.rows)
    mean, std = surrogate.predict_gain(runs[0].task, rows, examples.before, examples.seen, examples.fidelity)
    return HeldOut(runs[0].task.id, examples.seen, examples.fidelity, mean, std, examples.after)


def inflation(results: Sequence[HeldOut]) -> Float[np.ndarray, "9 9"]:
    """Factor on the standard deviation that makes held-out tasks as surprising as predicted.

    The root mean square of the standardized errors of all held-out examples, apart for "nothing seen" and "something
    seen", each task weighing the same; errors beyond 4 standard deviations count as 4. Between 0.5 and 4.
    """
    factors = np.ones((SLICES + 1, SLICES + 1))
    for rows, fresh in ((slice(0, 1), True), (slice(1, None), False)):
        squares: list[float] = []
        for result in results:
            chosen = (result.seen == 0) == fresh
            z = np.clip((result.after[chosen] - result.mean[chosen]) / result.std[chosen], -4, 4)
            if len(z):
                squares.append(float((z**2).mean()))
        factors[rows] = np.clip(np.sqrt(fmean(squares)), 0.5, 4.0) if squares else 1.0
    return factors


def summary(results: Sequence[HeldOut]) -> dict[str, float]:
    """Means over held-out tasks."""
    scores = [result.scores | {"regret_3_runs": result.regret(3), "log_loss": result.log_loss} for result in results]
    return {"tasks": float(len(scores)), **{name: fmean(one[name] for one in scores) for name in scores[0]}}
