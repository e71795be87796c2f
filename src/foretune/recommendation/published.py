"""Learning rate and rank of LoRA for a real language model, from published sweeps over other models.

Each published model has a loss for pairs of learning rate and LoRA rank. What a pair costs is its *excess*, the loss
over the least of that model, minus 1, in percent; a run that diverged has 20. For a new model the excess of a pair is
the mean over its variants (`-Base`, `-Instruct`) among the published models. Where there is none, it is the mean over
all published models of up to 5 billion parameters, or over all larger ones: 1e-3 is best for the small, 3e-4 for the
large, at the largest rank. Families say no more than that (`benchmarks/published_sweeps.py`).

The sweeps took batches of 128 rows and 780 steps; `foretune.recommendation.schedule` says what a rate becomes at
others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from foretune.errors import MetaDatasetError
from foretune.metadata import MetaDataset
from foretune.recommendation.advice import Advice, Interval, Recommendation
from foretune.recommendation.families import Family
from foretune.recommendation.names import billions_of
from foretune.recommendation.schedule import scaled_rate, steps_of
from foretune.types import Configuration

WORST = 20.0
"""Excess in percent that a run can have at most."""
FAR = 4.0
"""Ratio of sizes beyond which a published model says nothing."""
RATES = (1e-4, 3e-4, 1e-3)
"""Learning rates that are compared: those that nearly all sweeps have, without the two that never won."""
SMALL = 5.0
"""Billions of parameters that a small model has at most; there is none between 4 and 8 in the sweeps."""
SWEPT_BATCH, SWEPT_STEPS, SWEPT_ALPHA = 128, 780, 32.0
_RANK_WEIGHT = 0.1
"""Of a difference of log ranks beside one of log rates, where the nearest pair is sought that was tried."""
_DEVIATIONS = 1.28
_LEAST_ERROR = 0.5
"""Percent: standard deviation of an excess at least. Variants agree more with each other than with a new one; with
this, 82 % of the excesses of models left out lie in their intervals (`benchmarks/published_sweeps.py`)."""


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

    def excess_of(self, pairs: Float[np.ndarray, "k 2"]) -> Float[np.ndarray, " k"]:
        """Of the pair nearest to each that was tried, the learning rate first."""
        apart = np.abs(pairs[:, None, :] - self.pairs[None, :, :]) @ np.array([1.0, _RANK_WEIGHT])
        return self.excess[apart.argmin(axis=1)]


@dataclass(frozen=True)
class Target:
    """A base model and a dataset that a configuration is wanted for.

    Attributes:
        name: of the model.
        family: of the model; None if not known.
        billions: of its parameters.
        rows: to train on.
    """

    name: str
    family: Family | None
    billions: float
    rows: int


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


def variants_of(name: str, models: Sequence[PublishedModel]) -> list[PublishedModel]:
    """The published models that are a model itself or its variants, such as `-Base` and `-Instruct`, by their names."""
    plain = Path(name).name.lower()
    return [one for one in models if one.name.lower() in plain or _begins(one.name.lower(), plain)]


def of_its_size(billions: float, models: Sequence[PublishedModel]) -> list[PublishedModel]:
    """The small of the published models for a small one, else the large; all if there is none."""
    return [one for one in models if (one.billions <= SMALL) == (billions <= SMALL)] or list(models)


def _begins(longer: str, name: str) -> bool:
    """Whether a name that states a size is the first part of a longer one."""
    return billions_of(name) is not None and longer.startswith(f"{name}-")


def _apart(billions: float, model: PublishedModel) -> float:
    return max(billions / model.billions, model.billions / billions)


def candidate_pairs(billions: float, models: Sequence[PublishedModel]) -> Float[np.ndarray, "k 2"]:
    """Natural logarithms of the rates, with the three largest ranks that models within a factor of 4 in size were tried
    with, the largest first."""
    near = [one.pairs[:, 1] for one in models if _apart(billions, one) <= FAR]
    ranks = np.unique(np.concatenate(near).round(6))[:-4:-1]
    return np.array([(math.log(rate), rank) for rank in ranks for rate in RATES])


def intervals(cases: Float[np.ndarray, "M k"]) -> list[Interval]:
    """Mean excess of each pair over the models that it was compared on, and where that of a new model should lie."""
    reach = _DEVIATIONS * np.hypot(cases.std(axis=0), _LEAST_ERROR)
    ends = zip(cases.mean(axis=0).tolist(), reach.tolist(), strict=True)
    return [Interval(mean, max(mean - one, 0.0), mean + one) for mean, one in ends]


def from_published(
    target: Target,
    models: Sequence[PublishedModel],
    default: Configuration,
    *,
    methods: Sequence[str] = ("lora",),
    fit: Callable[[Configuration], Configuration | None] = lambda one: one,
) -> Advice | None:
    """Configurations that have rate, rank and alpha by the sweeps and all else from `default`; None if no published
    model is within a factor of 4 in size, or none of the configurations fits.

    Args:
        target: that they are for.
        models: published.
        default: that method, learning rate, rank and alpha are changed of.
        methods: `lora`, `qlora` or both; a pair is taken to do the same in 4 bits (Dettmers et al., 2023).
        fit: a configuration as it may be recommended; None if it may not.
    """
    if all(_apart(target.billions, one) > FAR for one in models):
        return None
    variants = [one for one in variants_of(target.name, models) if _apart(target.billions, one) <= FAR]
    compared = variants or of_its_size(target.billions, models)
    pairs = candidate_pairs(target.billions, compared)
    cases = np.array([one.excess_of(pairs) for one in compared])
    scores = intervals(cases)
    rows = [
        Recommendation(
            configuration,
            scores[place],
            None,
            None,
            _reason(pairs[place], cases[:, place], variants, wanted, target) + _moved(wanted, configuration),
            tuple(cases[:, place].tolist()),
        )
        for place in np.argsort([one.middle for one in scores], kind="stable").tolist()
        for method in methods
        for wanted in [_with_pair(target, default, method, *np.exp(pairs[place]))]
        if (configuration := fit(wanted)) is not None
    ]
    if not rows:
        return None
    first: dict[Configuration, Recommendation] = {}  # rates outside the space move to the same end
    for one in rows:
        first.setdefault(one.configuration, one)
    warnings = _warnings(target, methods)
    weights = (1.0,) * len(compared)
    said = _distance(target, variants, len(compared), len(models))
    return Advice(tuple(first.values()), "published sweeps", "percent over the best loss", said, warnings, weights)


def _with_pair(target: Target, default: Configuration, method: str, rate: float, rank: float) -> Configuration:
    scaled = _share(target) * _scaled(rate, int(default.values["batch_size"]), steps_of(default, target.rows))
    pair = {"learning_rate": float(f"{scaled:.2g}"), "rank": round(rank), "alpha_over_rank": SWEPT_ALPHA / round(rank)}
    return replace(default, values={**default.values, "method": method, **pair})


def _reason(
    pair: Float[np.ndarray, " 2"],
    excess: Float[np.ndarray, " M"],
    variants: Sequence[PublishedModel],
    wanted: Configuration,
    target: Target,
) -> str:
    """How the pair did on the models that it was compared on, and what became of its rate."""
    rate = math.exp(pair[0])
    if variants:
        said = ", ".join(f"{one.name} {over:.2f} %" for one, over in list(zip(variants, excess, strict=True))[:3])
        said = f"over their best: {said}"
    else:
        said = f"{excess.mean():.2f} % over the best on average of {len(excess)} published models"
    batch, steps = int(wanted.values["batch_size"]), steps_of(wanted, target.rows)
    family = "" if _share(target) == 1.0 or not target.family else f", x {_share(target):.2g} for {target.family.name}"
    return (
        f"{said}; lr {rate:.3g} there (batch {SWEPT_BATCH}, {SWEPT_STEPS} steps), x "
        f"{_scaled(1.0, batch, steps):.2g} for batch {batch} and {steps:,} steps{family}"
    )


def _moved(wanted: Configuration, found: Configuration) -> str:
    rate = found.values["learning_rate"]
    return "" if rate == wanted.values["learning_rate"] else f"; {rate:.3g} is the nearest in the search space"


def _scaled(rate: float, batch: int, steps: int) -> float:
    return scaled_rate(rate, batch=batch, steps=steps, of_batch=SWEPT_BATCH, of_steps=SWEPT_STEPS)


def _share(target: Target) -> float:
    return (target.family.lora_share if target.family else None) or 1.0


def _distance(target: Target, variants: Sequence[PublishedModel], compared: int, count: int) -> str:
    swept = f"{count} models published on tulu3 (99,840 rows)"
    if variants:
        return f"By this model or variants of it among {swept}: {', '.join(one.name for one in variants)}"
    side = f"{'up to' if target.billions <= SMALL else 'above'} {SMALL:.0f} billion parameters"
    return f"None of {swept} is a variant of this: by the average of the {compared} {side}"


def _warnings(target: Target, methods: Sequence[str]) -> tuple[str, ...]:
    said: list[str] = []
    family = target.family
    if family is None or family.lora_share is None:
        what = family.name if family else target.name
        said.append(
            f"no learning rate is published for {what}: that of the nearest families, Llama 3 and Qwen, is taken; some "
            "families want a third to a fifth of it"
        )
    elif family.lora_share != 1.0:
        said.append(
            f"{family.name} wants lower learning rates than Llama 3 and Qwen, how much lower is known roughly: spend a "
            f"second run on {1 / family.lora_share:.2g} times the rate"
        )
    if "qlora" in methods:
        said.append("the published sweeps are of LoRA; with the base model in 4 bits it is taken to do as well")
    return tuple(said)
