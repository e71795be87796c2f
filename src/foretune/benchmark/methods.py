"""The methods that `foretune replay` compares, by name.

A method is a factory: given a `Setting` (the knowledge of other groups, and the task without its answers) and a seed it
makes a fresh optimizer. A new one is a function and a line in `METHODS`. Options are written after the name, as in
`portfolio-sha:eta=3` or `transfer:horizon=best:portfolio=6`, and become arguments of the function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import cast, get_args

import numpy as np

from foretune.acquisition import Horizon
from foretune.benchmark.knowledge import Knowledge
from foretune.benchmark.needs import needs_default, needs_features, needs_like_tasks, needs_surrogates
from foretune.benchmark.oracle import Oracle
from foretune.benchmark.setting import Setting
from foretune.errors import ConfigurationError
from foretune.optimizer.in_context import TransferInContext
from foretune.optimizer.ordered import Ordered
from foretune.optimizer.protocol import Optimizer
from foretune.optimizer.quick_tune import PUBLISHED, REPAIRED, QuickTune, quick_tune_repaired
from foretune.optimizer.random import random_search
from foretune.optimizer.successive_halving import SuccessiveHalving
from foretune.optimizer.top_k import OneSliceTopK
from foretune.optimizer.transfer import Transfer
from foretune.surrogate import Surrogates
from foretune.surrogate.fit import Kind
from foretune.surrogate.store import DEEP_KERNEL, IN_CONTEXT
from foretune.types import Configuration


@dataclass(frozen=True)
class Method:
    """A method.

    Attributes:
        make: (setting, seed, options by name) -> a fresh optimizer.
        options: name -> type of what may be set.
        stochastic: whether the seed makes a difference; if not, one seed is replayed.
        default_first: whether its searches are made to begin with the default; if not, it decides that itself.
        sees_answers: whether it is given the recorded runs.
        times_steps: whether it times a few steps before a search on hardware that it knows no seconds of.
        check: what keeps it from running on a setting; empty if nothing does.
    """

    make: Callable[..., Optimizer]
    options: Mapping[str, Callable[[str], object]] = field(default_factory=dict[str, Callable[[str], object]])
    stochastic: bool = True
    default_first: bool = True
    sees_answers: bool = False
    times_steps: bool = False
    check: Callable[[Setting], str] = lambda _: ""


@dataclass(frozen=True)
class Chosen:
    """A method with its options.

    Attributes:
        name: as it was written.
        method: what it is.
        options: values by name.
    """

    name: str
    method: Method
    options: Mapping[str, object]

    def make(self, setting: Setting, seed: int) -> Optimizer:
        """A fresh optimizer."""
        return self.method.make(setting, seed, **self.options)


def choose(names: Sequence[str]) -> tuple[Chosen, ...]:
    """Methods by name, each once.

    Raises:
        ConfigurationError: if there is no such method or option.
    """
    return tuple(_choose(name) for name in dict.fromkeys(names))


def _choose(text: str) -> Chosen:
    name, *settings = text.split(":")
    if name not in METHODS:
        raise ConfigurationError(f"no method is called {name!r}; choose from {', '.join(METHODS)}")
    method, options = METHODS[name], dict[str, object]()
    for setting in settings:
        key, _, value = setting.partition("=")
        try:
            options[key] = method.options[key](value)
        except (KeyError, ValueError) as error:
            known = ", ".join(method.options) or "none"
            message = f"{setting!r} is no option of the method {name!r}; write name=value, it has: {known}"
            raise ConfigurationError(message) from error
    return Chosen(text, method, options)


def _zero_shot(setting: Setting, seed: int) -> Optimizer:
    del seed
    return Ordered(setting.task, [])


def _default(setting: Setting, seed: int) -> Optimizer:
    del seed
    return Ordered(setting.task, [setting.default] if setting.default else [])


def _random(setting: Setting, seed: int) -> Optimizer:
    return random_search(setting.task, setting.candidates, first=setting.first, seed=seed)


def _best_average(setting: Setting, seed: int) -> Optimizer:
    return Ordered(setting.task, setting.then_others(setting.average, seed))


def _portfolio(
    setting: Setting, seed: int, cost_power: float = 0.0, after_default: bool = False, same_size: bool = False
) -> Optimizer:
    order = setting.portfolio_for(cost_power=cost_power, after_default=after_default, same_size=same_size)
    return Ordered(setting.task, setting.then_others(order, seed))


def _nearest(setting: Setting, seed: int) -> Optimizer:
    return Ordered(setting.task, setting.then_others(setting.nearest, seed))


def _portfolio_sha(setting: Setting, seed: int, eta: int = 2) -> Optimizer:
    order = setting.then_others(setting.portfolio, seed)
    return SuccessiveHalving(setting.task, order, first=setting.first, eta=eta)


def _top_k(setting: Setting, seed: int, count: int = 12, keep: int = 3) -> Optimizer:
    order = setting.then_others([], seed)
    return OneSliceTopK(setting.task, order, first=setting.first, count=count, keep=keep)


def _oracle(setting: Setting, seed: int, after_default: bool = False) -> Optimizer:
    del seed
    if setting.answers is None:
        raise ValueError("the oracle needs the answers")
    return Oracle(setting.answers, setting.first if after_default else None)


def _transfer(
    setting: Setting, seed: int, portfolio: int = 12, horizon: str = "final", cost_power: float = 0.3
) -> Optimizer:
    del seed
    surrogates = setting.surrogates(DEEP_KERNEL)
    return Transfer(
        setting.task,
        _pool(setting, surrogates),
        surrogates=surrogates,
        horizon=cast("Horizon", horizon),
        cost_power=cost_power,
        portfolio=portfolio,
    )


def _in_context(
    setting: Setting,
    seed: int,
    surrogate: Kind = IN_CONTEXT,
    explore: float = 0.5,
    cost_power: float = 0.0,
    patience: float = 1.0,
    least_slices: int = 3,
    cases: bool = True,
    ahead: bool = True,
    room: float = 0.5,
) -> Optimizer:
    del seed
    surrogates = setting.surrogates(surrogate)
    return TransferInContext(
        setting.task,
        _pool(setting, surrogates),
        surrogates=surrogates,
        explore=explore,
        cost_power=cost_power,
        patience=patience,
        least_slices=least_slices,
        cases=cases,
        ahead=ahead,
        room=room,
    )


def _quick_tune(setting: Setting, seed: int, steps: int = 50, standardized_cost: bool = False) -> Optimizer:
    del seed
    surrogates = setting.surrogates(DEEP_KERNEL)
    return QuickTune(
        setting.task,
        _pool(setting, surrogates),
        surrogates=surrogates,
        refit=replace(PUBLISHED, steps=steps),
        cost_scale=_cost_scale(setting.knowledge) if standardized_cost else (0.0, 1.0),
    )


def _quick_tune_repaired(setting: Setting, seed: int, steps: int = 50) -> Optimizer:
    del seed
    surrogates = setting.surrogates(DEEP_KERNEL)
    refit = replace(REPAIRED, steps=steps)
    return quick_tune_repaired(setting.task, _pool(setting, surrogates), surrogates=surrogates, refit=refit)


def _cost_scale(knowledge: Knowledge) -> tuple[float, float]:
    """Mean and standard deviation of the seconds of all recorded slices."""
    curves = knowledge.meta.curves
    seconds = (curves["train_seconds"] + curves["evaluation_seconds"]).to_numpy(dtype=np.float64)
    return float(seconds.mean()), float(seconds.std())


def _pool(setting: Setting, surrogates: Surrogates) -> list[Configuration]:
    """What all searches begin with, or else the candidate of the best prediction, and then the candidates."""
    if setting.first:
        return [setting.first, *setting.candidates]
    predicted = surrogates.performance.on(setting.task, setting.candidates)({})
    return [setting.candidates[int(np.argmax(predicted.mean.max(axis=1)))], *setting.candidates]


def _horizon(text: str) -> str:
    if text not in {"next", "final", "best"}:
        raise ValueError(text)
    return text


def _kind(text: str) -> str:
    if text not in get_args(Kind):
        raise ValueError(text)
    return text


def _at_least(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if int(text) < least:
            raise ValueError(text)
        return int(text)

    return parse


def _switch(text: str) -> bool:
    if text not in {"0", "1"}:
        raise ValueError(text)
    return text == "1"


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "zero-shot": Method(_zero_shot, stochastic=False, default_first=False),
        "default": Method(_default, stochastic=False, check=needs_default),
        "random": Method(_random),
        "best-average": Method(_best_average),
        "portfolio": Method(_portfolio, {"cost_power": float, "after_default": _switch, "same_size": _switch}),
        "portfolio-sha": Method(_portfolio_sha, {"eta": _at_least(2)}),
        "nearest-task": Method(_nearest, check=needs_features),
        "one-slice-top-k": Method(_top_k, {"count": _at_least(1), "keep": _at_least(1)}),
        "transfer": Method(
            _transfer,
            {"portfolio": _at_least(1), "horizon": _horizon, "cost_power": float},
            stochastic=False,
            times_steps=True,
            check=needs_surrogates,
        ),
        "transfer-in-context": Method(
            _in_context,
            {
                "surrogate": _kind,
                "explore": float,
                "cost_power": float,
                "patience": float,
                "least_slices": _at_least(1),
                "cases": _switch,
                "ahead": _switch,
                "room": float,
            },
            stochastic=False,
            default_first=False,
            times_steps=True,
            check=needs_like_tasks,
        ),
        "quick-tune": Method(
            _quick_tune,
            {"steps": _at_least(0), "standardized_cost": _switch},
            stochastic=False,
            times_steps=True,
            check=needs_surrogates,
        ),
        "quick-tune-repaired": Method(
            _quick_tune_repaired,
            {"steps": _at_least(0)},
            stochastic=False,
            times_steps=True,
            check=needs_surrogates,
        ),
        "oracle": Method(_oracle, {"after_default": _switch}, stochastic=False, default_first=False, sees_answers=True),
    }
)
"""Every method that `foretune replay --methods` knows."""
