"""Optimizers by name. A new one is a file, a line in `OPTIMIZERS`, and a passing
`tests/contract/test_optimizers.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from operator import attrgetter
from types import MappingProxyType

from foretune.errors import ConfigurationError, SurrogateError
from foretune.optimizer.in_context import TransferInContext
from foretune.optimizer.ordered import Ordered
from foretune.optimizer.protocol import Optimizer
from foretune.optimizer.quick_tune import PUBLISHED, REPAIRED, QuickTune, quick_tune_repaired
from foretune.optimizer.random import random_search
from foretune.optimizer.transfer import Transfer
from foretune.surrogate.protocol import CostSurrogate, Surrogates
from foretune.types import Configuration, Task

__all__ = ["OPTIMIZERS", "Optimizer", "Search", "find_optimizer", "make_optimizer"]


@dataclass(frozen=True)
class Search:
    """All that an optimizer may be built from.

    Attributes:
        task: what is finetuned.
        candidates: the pool to choose from.
        default: the configuration a practitioner would start with.
        surrogates: meta-learned models, where there are any.
        seed: of everything random.
    """

    task: Task
    candidates: Sequence[Configuration]
    default: Configuration
    surrogates: Surrogates | None = None
    seed: int = 0

    @property
    def cost(self) -> CostSurrogate | None:
        """The cost surrogate, where there is one."""
        return self.surrogates.cost if self.surrogates else None


def _transfer(search: Search) -> Optimizer:
    return Transfer(search.task, [search.default, *search.candidates], surrogates=_surrogates(search, "transfer"))


def _in_context(search: Search) -> Optimizer:
    surrogates = _surrogates(search, "transfer-in-context")
    return TransferInContext(search.task, [search.default, *search.candidates], surrogates=surrogates)


def _quick_tune(search: Search) -> Optimizer:
    surrogates = _surrogates(search, "quick-tune")
    pool = [search.default, *search.candidates]
    return QuickTune(search.task, pool, surrogates=surrogates, refit=PUBLISHED, seed=search.seed)


def _quick_tune_repaired(search: Search) -> Optimizer:
    surrogates = _surrogates(search, "quick-tune-repaired")
    pool = [search.default, *search.candidates]
    return quick_tune_repaired(search.task, pool, surrogates=surrogates, refit=REPAIRED, seed=search.seed)


def _surrogates(search: Search, name: str) -> Surrogates:
    if search.surrogates is None:
        raise SurrogateError(
            f"the optimizer {name!r} needs fitted surrogates; give some, or choose the optimizer 'random'"
        )
    return search.surrogates


def _random(search: Search) -> Optimizer:
    return random_search(search.task, search.candidates, first=search.default, cost=search.cost, seed=search.seed)


def _default(search: Search) -> Optimizer:
    return Ordered(search.task, [search.default], cost=search.cost)


OPTIMIZERS: Mapping[str, Callable[[Search], Optimizer]] = MappingProxyType(
    {
        "transfer": _transfer,
        "transfer-in-context": _in_context,
        "quick-tune": _quick_tune,
        "quick-tune-repaired": _quick_tune_repaired,
        "random": _random,
        "default": _default,
    }
)
"""Every optimizer that `foretune tune --optimizer` and the benchmarks know."""


def find_optimizer(name: str) -> Callable[[Search], Optimizer]:
    """What makes the optimizer of that name; of `module:function`, that function of a module which Python finds.

    Raises:
        ConfigurationError: there is no such optimizer.
    """
    if name in OPTIMIZERS:
        return OPTIMIZERS[name]
    module, _, attribute = name.partition(":")
    if not attribute:
        raise ConfigurationError(
            f"no optimizer is called {name!r}; choose one of {', '.join(OPTIMIZERS)}, or give yours as module:function"
        )
    try:
        return attrgetter(attribute)(import_module(module))
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(
            f"cannot import the optimizer {name!r} ({error}); is its folder in PYTHONPATH?"
        ) from error


def make_optimizer(
    name: str,
    task: Task,
    candidates: Sequence[Configuration],
    default: Configuration,
    surrogates: Surrogates | None = None,
    seed: int = 0,
) -> Optimizer:
    """The optimizer of that name, ready to be asked.

    Raises:
        ConfigurationError: if there is no such optimizer or no candidate.
        SurrogateError: if it needs surrogates and none are given.
    """
    if not candidates:
        raise ConfigurationError(
            "an optimizer needs at least one candidate configuration; sample some from the search space"
        )
    return find_optimizer(name)(Search(task, candidates, default, surrogates, seed))
