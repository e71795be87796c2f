"""Every optimizer by name: one table for `foretune tune` and `foretune replay`.

A new one is a file with a function of a `Search`, an entry in `OPTIMIZERS`, and a passing
`tests/contract/test_optimizers.py`. What an entry names is imported when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from foretune.errors import ConfigurationError, SurrogateError
from foretune.optimizer.likeness import most_like

if TYPE_CHECKING:
    from foretune.optimizer.protocol import Optimizer
    from foretune.surrogate.protocol import CostSurrogate, Surrogates
    from foretune.types import Configuration, Task


@dataclass(frozen=True)
class Search:
    """All that an optimizer may be built from.

    Attributes:
        task: what is finetuned.
        candidates: the pool to choose from.
        default: the configuration a practitioner would start with.
        surrogates: meta-learned models, where there are any.
        seed: of everything random.
        only_candidates: whether nothing else can be trained, for runs are recorded ones.
    """

    task: Task
    candidates: Sequence[Configuration]
    default: Configuration
    surrogates: Surrogates | None = None
    seed: int = 0
    only_candidates: bool = True

    def realized(self, wanted: Configuration, above_all: str = "") -> Configuration:
        """What can be trained of this: itself, or the configuration of the pool that is most like it, in one
        hyperparameter above all."""
        return most_like(wanted, self.pool, above_all) if self.only_candidates else wanted

    @property
    def pool(self) -> list[Configuration]:
        """The default, then the candidates."""
        return [self.default, *self.candidates]

    @property
    def cost(self) -> CostSurrogate | None:
        """The cost surrogate, where there is one."""
        return self.surrogates.cost if self.surrogates else None

    def learned(self, name: str) -> Surrogates:
        """The surrogates, for the optimizer of that name; a `SurrogateError` if there are none."""
        if self.surrogates is None:
            raise SurrogateError(
                f"the optimizer {name!r} needs fitted surrogates; give some, or choose the optimizer 'random'"
            )
        return self.surrogates


Option = Callable[[str], object]
"""From what is written after the name in a replay to a value; a `ValueError` if it is no legal one."""


@dataclass(frozen=True)
class Entry:
    """An optimizer of the table.

    Attributes:
        where: `module:function`; of a `Search` and options by name the function makes a fresh optimizer.
        kind: of the performance surrogate that it was made for, which a replay fits; empty if it needs none.
        options: name -> how a value is read.
        stochastic: whether the seed makes a difference in a replay.
        default_first: whether its searches are made to begin with the default; if not, it decides that itself.
    """

    where: str
    kind: str = ""
    options: Mapping[str, Option] = field(default_factory=dict[str, Option])
    stochastic: bool = False
    default_first: bool = True

    def make(self, search: Search, **options: Any) -> Optimizer:
        """A fresh optimizer."""
        return _imported(self.where)(search, **options)


def at_least(least: int) -> Callable[[str], int]:
    """Reads whole numbers from `least` on."""

    def read(text: str) -> int:
        if int(text) < least:
            raise ValueError(text)
        return int(text)

    return read


def one_of(*words: str) -> Callable[[str], str]:
    """Reads one of the words."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError(text)
        return text

    return read


def switch(text: str) -> bool:
    """Reads 0 or 1."""
    return one_of("0", "1")(text) == "1"


_PAPER = "foretune.paper"
_RULES = "foretune.optimizer.rules"
OPTIMIZERS: Mapping[str, Entry] = MappingProxyType(
    {
        "transfer": Entry(
            f"{_PAPER}.transfer:transfer",
            "deep-kernel",
            {"portfolio": at_least(1), "horizon": one_of("next", "final", "best"), "cost_power": float},
        ),
        "transfer-in-context": Entry(
            "foretune.optimizer.in_context:transfer_in_context",
            "in-context",
            default_first=False,
        ),
        "quick-tune": Entry(f"{_PAPER}.quick_tune:published", "deep-kernel", {"steps": at_least(0)}),
        "quick-tune-repaired": Entry(f"{_PAPER}.quick_tune:repaired", "deep-kernel", {"steps": at_least(0)}),
        "random": Entry("foretune.optimizer.baselines:random", stochastic=True),
        "default": Entry("foretune.optimizer.baselines:default_only"),
        "lr-probe": Entry("foretune.optimizer.lr_probe:LrProbe", default_first=False),
        "rule:unsloth": Entry(f"{_RULES}:unsloth", default_first=False),
        "rule:tinker": Entry(f"{_RULES}:tinker", default_first=False),
        "rule:llama-factory": Entry(f"{_RULES}:llama_factory", default_first=False),
        "rule:auto-epochs": Entry(f"{_RULES}:auto_epochs", default_first=False),
        "rule:constant": Entry(f"{_RULES}:constant", default_first=False),
    }
)


def split_options(text: str, known: Collection[str]) -> tuple[str, list[str]]:
    """The name of an optimizer or a method, which may have a colon in it, and the options that are written after it."""
    names = [name for name in known if text == name or text.startswith(f"{name}:")]
    name = max(names, key=len, default=text.partition(":")[0])
    return name, text.removeprefix(name).split(":")[1:]


def find_optimizer(name: str) -> Callable[..., Optimizer]:
    """What makes the optimizer of that name of a `Search`; of `module:function`, that function.

    Raises:
        ConfigurationError: there is no such optimizer.
    """
    if name in OPTIMIZERS:
        return OPTIMIZERS[name].make
    if ":" not in name:
        raise ConfigurationError(
            f"no optimizer is called {name!r}; choose one of {', '.join(OPTIMIZERS)}, or give yours as module:function"
        )
    try:
        return _imported(name)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(
            f"cannot import the optimizer {name!r} ({error}); is its folder in PYTHONPATH?"
        ) from error


def needs_surrogates(name: str) -> bool:
    """Whether an optimizer cannot do without; one that is not in the table may use them, so it is taken to."""
    return name not in OPTIMIZERS or bool(OPTIMIZERS[name].kind)


def make_optimizer(
    name: str,
    task: Task,
    candidates: Sequence[Configuration],
    default: Configuration,
    surrogates: Surrogates | None = None,
    seed: int = 0,
    **options: Any,
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
    return find_optimizer(name)(Search(task, candidates, default, surrogates, seed), **options)


def _imported(where: str) -> Callable[..., Optimizer]:
    module, _, attribute = where.partition(":")
    return attrgetter(attribute)(import_module(module))
