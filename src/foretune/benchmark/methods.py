"""The methods that `foretune replay` compares, by name.

A method is a factory: given a `ReplayTask` (the knowledge of other groups, and the task without its answers) and a seed
it makes a fresh optimizer. Every optimizer of `foretune.optimizer.registry` is a method. The others, which read the
table itself, are here: a function and a line in `METHODS` each. Options are written after the name, as in
`portfolio-sha:eta=3` or `transfer:horizon=best:portfolio=6`, and become arguments of the function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType

import numpy as np

from foretune.benchmark.knowledge import Knowledge
from foretune.benchmark.needs import needs_default, needs_features, needs_of_kind
from foretune.benchmark.oracle import Oracle
from foretune.benchmark.replay_task import ReplayTask
from foretune.errors import ConfigurationError
from foretune.optimizer.baselines import Ordered, one_slice_top_k, successive_halving
from foretune.optimizer.protocol import Optimizer
from foretune.optimizer.registry import OPTIMIZERS, Entry, Option, Search, at_least, split_options, switch
from foretune.surrogate import Surrogates
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
    options: Mapping[str, Option] = field(default_factory=dict[str, Option])
    stochastic: bool = True
    default_first: bool = True
    sees_answers: bool = False
    times_steps: bool = False
    check: Callable[[ReplayTask], str] = lambda _: ""


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

    def make(self, setting: ReplayTask, seed: int) -> Optimizer:
        """A fresh optimizer."""
        return self.method.make(setting, seed, **self.options)


def choose(names: Sequence[str], known: Mapping[str, Method] | None = None) -> tuple[Chosen, ...]:
    """Methods by name, each once.

    Args:
        names: with options.
        known: to choose from; by default `METHODS`.

    Raises:
        ConfigurationError: if there is no such method or option.
    """
    return tuple(_choose(name, METHODS if known is None else known) for name in dict.fromkeys(names))


def _choose(text: str, known: Mapping[str, Method]) -> Chosen:
    name, settings = split_options(text, known)
    if name not in known:
        raise ConfigurationError(f"no method is called {name!r}; choose from {', '.join(known)}")
    method, options = known[name], dict[str, object]()
    for setting in settings:
        key, _, value = setting.partition("=")
        try:
            options[key] = method.options[key](value)
        except (KeyError, ValueError) as error:
            legal = ", ".join(method.options) or "none"
            message = f"{setting!r} is no option of the method {name!r}; write name=value, it has: {legal}"
            raise ConfigurationError(message) from error
    return Chosen(text, method, options)


def _zero_shot(setting: ReplayTask, seed: int) -> Optimizer:
    del seed
    return Ordered(setting.task, [])


def _default(setting: ReplayTask, seed: int) -> Optimizer:
    del seed
    return Ordered(setting.task, [setting.default] if setting.default else [])


def _best_average(setting: ReplayTask, seed: int) -> Optimizer:
    return Ordered(setting.task, setting.then_others(setting.average, seed))


def _portfolio(
    setting: ReplayTask, seed: int, cost_power: float = 0.0, after_default: bool = False, same_size: bool = False
) -> Optimizer:
    order = setting.portfolio_for(cost_power=cost_power, after_default=after_default, same_size=same_size)
    return Ordered(setting.task, setting.then_others(order, seed))


def _nearest(setting: ReplayTask, seed: int) -> Optimizer:
    return Ordered(setting.task, setting.then_others(setting.nearest, seed))


def _portfolio_sha(setting: ReplayTask, seed: int, eta: int = 2) -> Optimizer:
    order = setting.then_others(setting.portfolio, seed)
    return successive_halving(setting.task, order, first=setting.first, eta=eta)


def _top_k(setting: ReplayTask, seed: int, count: int = 12, keep: int = 3) -> Optimizer:
    order = setting.then_others([], seed)
    return one_slice_top_k(setting.task, order, first=setting.first, count=count, keep=keep)


def _oracle(setting: ReplayTask, seed: int, after_default: bool = False) -> Optimizer:
    del seed
    if setting.answers is None:
        raise ValueError("the oracle needs the answers")
    return Oracle(setting.answers, setting.first if after_default else None)


def _learned(entry: Entry, setting: ReplayTask, seed: int, **options: object) -> Optimizer:
    """An optimizer of the table, with surrogates of its kind."""
    surrogates = setting.surrogates(entry.kind) if entry.kind else None
    begin = setting.first or _first_candidate(setting, surrogates, seed)
    return entry.make(Search(setting.task, setting.candidates, begin, surrogates, seed), **options)


def _first_candidate(setting: ReplayTask, surrogates: Surrogates | None, seed: int) -> Configuration:
    """Of a search that does not begin with the default: that of the best prediction, else the first one drawn."""
    if surrogates is None:
        return setting.candidates[np.random.default_rng(seed).permutation(len(setting.candidates))[0]]
    predicted = surrogates.performance.on(setting.task, setting.candidates)({})
    return setting.candidates[int(np.argmax(predicted.mean.max(axis=1)))]


def _quick_tune(setting: ReplayTask, seed: int, standardized_cost: bool = False, **options: object) -> Optimizer:
    if standardized_cost:
        options["cost_scale"] = _cost_scale(setting.knowledge)
    return _learned(OPTIMIZERS["quick-tune"], setting, seed, **options)


def _cost_scale(knowledge: Knowledge) -> tuple[float, float]:
    """Mean and standard deviation of the seconds of all recorded slices."""
    curves = knowledge.meta.curves
    seconds = (curves["train_seconds"] + curves["evaluation_seconds"]).to_numpy(dtype=np.float64)
    return float(seconds.mean()), float(seconds.std())


def _method(name: str) -> Method:
    """An optimizer of the table as a method."""
    entry = OPTIMIZERS[name]
    return Method(
        partial(_learned, entry),
        entry.options,
        stochastic=entry.stochastic,
        default_first=entry.default_first,
        times_steps=bool(entry.kind),
        check=partial(needs_of_kind, entry.kind) if entry.kind else partial(_needs_facts, entry),
    )


def _needs_facts(entry: Entry, setting: ReplayTask) -> str:
    """What an optimizer without surrogates misses in a task, such as its rows."""
    try:
        _learned(entry, setting, 0)
    except ConfigurationError as error:
        return str(error)
    return ""


def _published() -> Method:
    """Quick-Tune with one of the faults of the library that came later."""
    method = _method("quick-tune")
    return replace(method, make=_quick_tune, options={**method.options, "standardized_cost": switch})


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "zero-shot": Method(_zero_shot, stochastic=False, default_first=False),
        "default": Method(_default, stochastic=False, check=needs_default),
        "random": _method("random"),
        "best-average": Method(_best_average),
        "portfolio": Method(_portfolio, {"cost_power": float, "after_default": switch, "same_size": switch}),
        "portfolio-sha": Method(_portfolio_sha, {"eta": at_least(2)}),
        "nearest-task": Method(_nearest, check=needs_features),
        "one-slice-top-k": Method(_top_k, {"count": at_least(1), "keep": at_least(1)}),
        **{name: _method(name) for name in OPTIMIZERS if name.startswith("rule:")},
        "lr-probe": _method("lr-probe"),
        "transfer": _method("transfer"),
        "transfer-in-context": _method("transfer-in-context"),
        "quick-tune": _published(),
        "quick-tune-repaired": _method("quick-tune-repaired"),
        "oracle": Method(_oracle, {"after_default": switch}, stochastic=False, default_first=False, sees_answers=True),
    }
)
"""Every method that `foretune replay --methods` knows."""
