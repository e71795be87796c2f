"""What a slice costs: log seconds by ridge regression on a few logarithms, for training and for evaluation apart.

    seconds = p exp(b) (exp(w . x) + exp(v . x))

A token's price p is that of the base model's parameters and, for small models, of its layers, each of which costs as
much as so many parameters more (`LAYER_PARAMETERS`). That seconds grow in proportion is not left to the regression:
the few base models of a table would not tell, and another one would be priced by chance. A base model with runs of its
own has a factor of its own, exp(b): the median of measured over predicted seconds of its runs; b is 0 for all others.

The columns x say how much work a slice is: optimizer steps, tokens, "step tokens" (tokens + 150 per step: a step has a
fixed price of about that many tokens: 10-16 ms against 54-125 us a token on a CPU), tokens per step, tokens of an
evaluation, and the encoded configuration (method, rank, target modules ...). Seconds are those of the machine that the
runs were recorded on; the optimizer shifts them to the user's by the slices it has measured
(`foretune.optimizer.machine_correction`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from foretune.space import Encoder
from foretune.surrogate.examples import Run
from foretune.surrogate.inputs import encode, number
from foretune.surrogate.meta_features import has_facts, read_task
from foretune.surrogate.ridge import Ridge, fit_ridge
from foretune.types import Configuration, Task

STEP_TOKENS = 150.0
LAYER_PARAMETERS = 3e5
"""Chosen by the errors on base models left out of `foretune-tiny-v1`: 0.12 to 0.16 of log seconds on each of four."""
_LEAST_SECONDS = 1e-4
_SECONDS_PER_PRICE = 1e-10
"""Seconds a token and a parameter: 6 operations on a processor of 60 billion a second, until slices are measured."""
_TRAINED_PER_EVALUATED = 3.0
"""A token that is trained on costs a pass forward and two backward, one that is evaluated on a pass forward."""


@dataclass(frozen=True)
class LinearCost:
    """A fitted cost surrogate.

    Attributes:
        encoder: of configurations.
        regression: of log seconds of training and of evaluation.
        offsets: b of each base model with runs on the kind of hardware that is learned from; the machines of these runs
            are part of it.
    """

    encoder: Encoder
    regression: Ridge
    offsets: Mapping[str, float]

    def predict(self, task: Task, configurations: Sequence[Configuration], fidelities: np.ndarray) -> np.ndarray:
        """Seconds (N,), see `CostSurrogate`. Slices are equal shares of a run, so the fidelity makes no difference."""
        del fidelities
        distinct = list(dict.fromkeys(configurations))
        place = {configuration.key: index for index, configuration in enumerate(distinct)}
        parts = np.exp(self.regression(cost_rows(self.encoder, task, distinct)) + self.offsets.get(task.model, 0.0))
        return _price(task) * parts.sum(1)[[place[configuration.key] for configuration in configurations]]


@dataclass(frozen=True)
class EvenCost:
    """For tables that do not tell how much work a run is: by the work where the task asked about tells that, at a speed
    that nobody has measured yet; else every slice takes a second."""

    def predict(self, task: Task, configurations: Sequence[Configuration], fidelities: np.ndarray) -> np.ndarray:
        """Seconds (N,), see `CostSurrogate`."""
        del fidelities
        if not (has_facts(task) and all(_has_work(one) for one in configurations)):
            return np.ones(len(configurations))
        steps, tokens, evaluated = _work(task, configurations)
        tokens = tokens + STEP_TOKENS * steps + evaluated / _TRAINED_PER_EVALUATED
        return _price(task) * tokens * _SECONDS_PER_PRICE


def _has_work(configuration: Configuration) -> bool:
    return all(isinstance(configuration.values.get(name), int | float) for name in ("epochs", "batch_size"))


def tells_work(run: Run) -> bool:
    """Whether the run's task and configuration say how many steps and tokens it took."""
    return _has_work(run.configuration) and has_facts(run.task)


def cost_rows(encoder: Encoder, task: Task, configurations: Sequence[Configuration]) -> Float[np.ndarray, "n D"]:
    """The columns x, before standardization."""
    steps, tokens, evaluated = _work(task, configurations)
    work = [steps, tokens, tokens + STEP_TOKENS * steps, tokens / steps, evaluated]
    return np.hstack([np.log(np.column_stack(work)), encode(encoder, task, configurations)])


def _work(
    task: Task, configurations: Sequence[Configuration]
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Optimizer steps, tokens trained on and tokens evaluated on, of a slice."""
    facts = read_task(task)
    epochs = number(configurations, "epochs") / task.max_fidelity
    batch = np.minimum(number(configurations, "batch_size"), facts.rows)
    steps = epochs * np.ceil(facts.rows / batch)
    return steps, epochs * facts.tokens, np.full(len(steps), facts.validation_tokens)


def _price(task: Task) -> float:
    facts = read_task(task)
    return facts.parameters + LAYER_PARAMETERS * facts.layers


def _design(encoder: Encoder, runs: Sequence[Run]) -> tuple[np.ndarray, np.ndarray, Int[np.ndarray, " r"]]:
    """Rows (R, D) of runs that have a curve, the logarithms (R, 2) of their mean seconds a slice over the price of a
    token, and which runs these are."""
    kept = [index for index, run in enumerate(runs) if len(run.train_seconds)]
    rows = [cost_rows(encoder, runs[index].task, [runs[index].configuration])[0] for index in kept]
    seconds = [(runs[index].train_seconds.mean(), runs[index].evaluation_seconds.mean()) for index in kept]
    prices = np.array([_price(runs[index].task) for index in kept])[:, None]
    return np.array(rows), np.log(np.maximum(np.array(seconds), _LEAST_SECONDS) / prices), np.array(kept, dtype=np.intp)


def fit_cost(runs: Sequence[Run], encoder: Encoder) -> LinearCost:
    """By the mean seconds a slice of each run."""
    rows, targets, kept = _design(encoder, runs)
    regression = fit_ridge(rows, targets)
    missed = np.logaddexp(*targets.T) - np.logaddexp(*regression(rows).T)  # of training and evaluation together
    models = np.array([runs[index].task.model for index in kept])
    offsets = {name: float(np.median(missed[models == name])) for name in dict.fromkeys(models.tolist()) if name}
    return LinearCost(encoder, regression, offsets)


def cost_errors(cost: LinearCost, runs: Sequence[Run]) -> Float[np.ndarray, " r"]:
    """Log of measured over predicted seconds a slice, one number a run that has a curve."""
    measured = [
        (run, run.train_seconds.mean() + run.evaluation_seconds.mean()) for run in runs if len(run.train_seconds)
    ]
    predicted = [cost.predict(run.task, [run.configuration], np.array([1]))[0] for run, _ in measured]
    return np.log(np.array([seconds for _, seconds in measured]) / np.array(predicted))
