"""Learning rate and rank for a real language model, from published sweeps over other models.

Each published model has a loss for pairs of learning rate and LoRA rank. What a pair costs is its *excess*, the loss
over the least of that model, minus 1, in percent; a run that diverged has 20. For a new model the excesses of the
others are averaged, each weighed by how alike the models and the pairs are (Nadaraya, 1964; Watson, 1964):

    w = exp(-d_size^2 / 2) (1 if same family else 1/10) exp(-d_rate^2 / 2) exp(-d_rank^2 / 2)

with d the differences of natural logarithms, of all parameters over 1, of learning rates over 1/4, of ranks over 0.7.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from foretune.errors import MetaDatasetError
from foretune.metadata import MetaDataset
from foretune.recommendation.advice import Advice, Interval, Recommendation
from foretune.recommendation.names import billions_of
from foretune.types import Configuration

WORST = 20.0
"""Excess in percent that a run can have at most."""
FAR = 4.0
"""Ratio of sizes beyond which a published model says nothing."""
_RATE_WIDTH, _RANK_WIDTH, _STRANGER = 0.25, 0.7, 0.1
_DEVIATIONS = 1.28


@dataclass(frozen=True)
class PublishedModel:
    """What was published of a model.

    Attributes:
        name: without the organization.
        billions: of parameters.
        pairs: (n, 2) natural logarithms of learning rate and rank.
        excess: (n,) percent over the best pair.
    """

    name: str
    billions: float
    pairs: np.ndarray
    excess: np.ndarray

    @property
    def family(self) -> str:
        """What comes before the first hyphen, such as `Qwen3`."""
        return family_of(self.name)


def family_of(name: str) -> str:
    """What comes before the first hyphen of a model's name, in small letters."""
    return re.split(r"[-_ ]", name.rsplit("/", 1)[-1], maxsplit=1)[0].lower()


def read_published(table: MetaDataset) -> tuple[PublishedModel, ...]:
    """The models of a table that were swept over learning rate and rank.

    Raises:
        MetaDatasetError: if there is none whose size is known.
    """
    found = (_read(table, task) for task in table.task_ids)
    models = tuple(one for one in found if one)
    if not models:
        raise MetaDatasetError("the table has no model of known size with runs over learning rate and rank")
    return models


def _read(table: MetaDataset, task: str) -> PublishedModel | None:
    name, metric = table.models[task].rsplit("/", 1)[-1], table.metrics[task]
    billions = billions_of(name)
    pairs, losses = list[tuple[float, float]](), list[float]()
    for run in table.runs_of(task):
        values, scores = table.configurations[run].values, table.curve(run).scores
        if {"learning_rate", "rank"} <= values.keys() and values.get("method") == "lora" and not metric.maximize:
            pairs.append((math.log(float(values["learning_rate"])), math.log(float(values["rank"]))))
            losses.append(-float(scores.max()) if len(scores) else math.inf)
    least = min(losses, default=math.inf)
    if billions is None or not math.isfinite(least) or len({pair[0] for pair in pairs}) < 3:
        return None
    excess = np.minimum(100.0 * (np.array(losses) / least - 1.0), WORST)
    return PublishedModel(name, billions, np.array(pairs), excess)


def predicted_excess(
    name: str, billions: float, models: Sequence[PublishedModel], pairs: Float[np.ndarray, "n 2"]
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Mean and standard deviation of the excess of pairs (natural logarithms) on a model, in percent."""
    weights = np.concatenate([np.full(len(one.excess), likeness(name, billions, one)) for one in models])
    published = np.concatenate([one.pairs for one in models])
    excess = np.concatenate([one.excess for one in models])
    apart = (pairs[:, None, :] - published[None, :, :]) / np.array([_RATE_WIDTH, _RANK_WIDTH])
    share = weights * np.exp(-0.5 * (apart**2).sum(axis=2)) + 1e-12
    share /= share.sum(axis=1, keepdims=True)
    mean = share @ excess
    return mean, np.sqrt(np.maximum(share @ excess**2 - mean**2, 0.0))


def likeness(name: str, billions: float, other: PublishedModel) -> float:
    """How much a published model says about another, from 0 to 1."""
    apart = math.log(billions / other.billions)
    return math.exp(-0.5 * apart**2) * (1.0 if family_of(name) == other.family else _STRANGER)


def from_published(
    name: str,
    billions: float,
    models: Sequence[PublishedModel],
    default: Configuration,
    top: int,
    *,
    methods: Sequence[str] = ("lora",),
    allows: Callable[[Configuration], bool] = lambda _: True,
) -> Advice | None:
    """The `top` pairs for a model, in a configuration that has all else from `default`; None if no published model is
    within a factor of 4 in size, or none of the pairs is allowed.

    Args:
        name: of the base model.
        billions: of its parameters.
        models: published.
        default: that method, learning rate, rank and alpha are changed of.
        top: how many.
        methods: `lora`, `qlora` or both; a pair is taken to do the same in 4 bits (Dettmers et al., 2023).
        allows: whether a configuration may be recommended.
    """
    near = [one for one in models if max(billions / one.billions, one.billions / billions) <= FAR]
    if not near:
        return None
    ranked = sorted(near, key=lambda one: -likeness(name, billions, one))
    pairs = np.unique(np.vstack([one.pairs for one in ranked[:5]]).round(6), axis=0)
    mean, std = predicted_excess(name, billions, models, pairs)
    cases = np.array([predicted_excess(name, billions, [one], pairs)[0] for one in near])
    rows = [
        Recommendation(
            configuration,
            _interval(float(mean[place]), float(std[place])),
            None,
            None,
            _reason(pairs[place], ranked, method),
            tuple(cases[:, place].tolist()),
        )
        for place in np.argsort(mean, kind="stable")
        for method in methods
        if allows(configuration := _with_pair(default, method, *np.exp(pairs[place])))
    ]
    if not rows:
        return None
    closest = ranked[0]
    distance = (
        f"nearest of {len(models)} published models: {closest.name}, {closest.billions / billions:.2g} times the size, "
        f"{'the same' if closest.family == family_of(name) else 'another'} family"
    )
    warnings = ["the published sweeps are of one large dataset (tulu3, 99,840 rows): on small data train for less"]
    if "qlora" in methods:
        warnings.append("the published sweeps are of LoRA; with the base model in 4 bits it is taken to do as well")
    weights = tuple(likeness(name, billions, one) for one in near)
    return Advice(
        tuple(rows[:top]), "published sweeps", "percent over the best loss", distance, tuple(warnings), weights
    )


def _with_pair(default: Configuration, method: str, rate: float, rank: float) -> Configuration:
    values = {**default.values, "method": method, "learning_rate": float(f"{rate:.3g}"), "rank": round(rank)}
    return Configuration({**values, "alpha_over_rank": 32.0 / round(rank)})


def _interval(mean: float, std: float) -> Interval:
    return Interval(mean, max(mean - _DEVIATIONS * std, 0.0), mean + _DEVIATIONS * std)


def _reason(pair: Float[np.ndarray, " 2"], ranked: Sequence[PublishedModel], method: str) -> str:
    """How the pair did on the models most alike that tried it."""
    tried = [(one, np.abs(one.pairs - pair).sum(axis=1)) for one in ranked[:5]]
    said = [f"{one.name} {one.excess[int(apart.argmin())]:.2f} %" for one, apart in tried if apart.min() < 1e-3]
    reason = "over their best: " + ", ".join(said[:3]) if said else "between pairs that were tried"
    return f"{reason}, with LoRA" if method == "qlora" else reason
