"""How good any performance surrogate is on a task that it was not fitted on, by asking it as a search would."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from foretune.metadata.ranks import spearman
from foretune.surrogate.examples import Run
from foretune.surrogate.protocol import Observed, PerformanceSurrogate
from foretune.types import Configuration, LearningCurve, Prediction


def judge(
    surrogate: PerformanceSurrogate, runs: Sequence[Run], reference: Configuration | None = None
) -> dict[str, float]:
    """Scores on one task that `can_be_judged`; regret is 0 for the pool's best configuration and 1 for its median.

    Args:
        surrogate: fitted on other tasks.
        runs: of the task; repeated runs of a configuration, and those whose end is not known, are left out.
        reference: of the task's configurations, the one that a search begins with.

    Returns:
        `rank_correlation_unseen` of predicted and true peaks when nothing was seen, and `rank_correlation_1_slice` when
        the first slice of every run was; `regret_1_run` and `regret_3_runs` of the best predicted configurations;
        `regret_after_reference` of the better of the reference and the best predicted other, given the curve of the
        reference, where it was run; `errors_in_std`, below which four of five errors of predicted peaks are, in
        predicted standard deviations.
    """
    pool = _pool(runs)
    predictor = surrogate.on(runs[0].task, [run.configuration for run in pool])
    peaks = np.array([float(run.curve.scores.max()) if len(run.curve) else -np.inf for run in pool])
    peaks = np.where(np.isfinite(peaks), peaks, peaks[np.isfinite(peaks)].min())
    regrets = (peaks.max() - peaks) / max(peaks.max() - float(np.median(peaks)), 1e-9)
    unseen = predictor({})
    found = {
        "rank_correlation_unseen": spearman(unseen.mean.max(axis=1), peaks),
        "rank_correlation_1_slice": spearman(predictor(_prefixes(pool, 1)).mean.max(axis=1), peaks),
        "regret_1_run": float(regrets[_best(unseen)[:1]].min()),
        "regret_3_runs": float(regrets[_best(unseen)[:3]].min()),
        "errors_in_std": _errors_in_std(unseen, peaks),
    }
    places = [place for place, run in enumerate(pool) if run.configuration == reference and not run.diverged]
    if places:
        given = predictor({pool[places[0]].configuration.key: pool[places[0]].curve})
        other = next(place for place in _best(given) if place != places[0])
        found["regret_after_reference"] = float(min(regrets[places[0]], regrets[other]))
    return found


def can_be_judged(runs: Sequence[Run]) -> bool:
    """Whether a task has two configurations or more to tell apart."""
    pool = _pool(runs)
    return len(pool) > 1 and any(len(run.curve) for run in pool)


def _pool(runs: Sequence[Run]) -> list[Run]:
    ended = (run for run in runs if run.diverged or len(run.curve) == run.task.max_fidelity)
    return list({run.configuration.key: run for run in reversed(list(ended))}.values())[::-1]


def _prefixes(runs: Sequence[Run], slices: int) -> Observed:
    return {run.configuration.key: LearningCurve(run.curve.scores[:slices], run.curve.seconds[:slices]) for run in runs}


def _best(prediction: Prediction) -> list[int]:
    return np.argsort(-prediction.mean.max(axis=1), kind="stable").tolist()


def _errors_in_std(prediction: Prediction, peaks: Float[np.ndarray, " n"]) -> float:
    which = np.arange(len(peaks)), prediction.mean.argmax(axis=1)
    return float(np.quantile(np.abs(peaks - prediction.mean[which]) / prediction.std[which], 0.8))
