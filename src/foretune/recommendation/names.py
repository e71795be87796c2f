"""What the name of a model tells of its size and shape, where its `config.json` is not on this machine.

From a list of published models that comes with the package, else from the size that the name states (`8B`, `135M`,
`30B-A3B`, `8x7B`, `E4B`), else by an assumption: nothing that is asked about a model fails because its size is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from foretune.recommendation.facts import shipped_facts
from foretune.recommendation.shape import ModelShape, shape_of_size

SCHEMA_VERSION = 1
ASSUMED = 7.0
"""Billions of parameters that a model is taken to have of which nothing is known: the size most finetuned."""

_END = r"(?![a-zA-Z])"
_SIZE = re.compile(rf"(?:^|[-_ ])(\d+(?:\.\d+)?)[bB]{_END}")
_SMALL = re.compile(rf"(?:^|[-_ ])(\d+(?:\.\d+)?)[mM]{_END}")
_MIXTURE = re.compile(rf"(?:^|[-_ ])(\d+)[xX](\d+(?:\.\d+)?)[bB]{_END}")
_EFFECTIVE = re.compile(rf"(?:^|[-_ ])[eE](\d+(?:\.\d+)?)[bB]{_END}")
_UNSTATED = {"deepseek-v3": (671.0, 37.0), "deepseek-r1": (671.0, 37.0), "kimi-k2": (1000.0, 32.0)}
"""Billions of all parameters, and of those that a token passes, of models whose names do not tell, from their model
cards."""
_FEED_FORWARD = 0.78
"""Share of a model's parameters that are experts if it is made a mixture: Mixtral-8x7B has 46.7 billion parameters, and
12.9 that a token passes, with two of eight experts chosen, and its dense model has 7.2."""
_CHOSEN = 2
_ALL_OVER_EFFECTIVE = 2.0
"""Gemma 3n E4B has 6.87 billion parameters to write text, E2B 4.46."""


@dataclass(frozen=True)
class Guess:
    """What is taken of a model that is known by its name.

    Attributes:
        shape: of the model.
        billions: of all its parameters.
        note: how it is known, for people.
    """

    shape: ModelShape
    billions: float
    note: str


def guess_model(name: str) -> Guess:
    """The shape of a model by its name; a shape is always found, and the note says what was assumed."""
    short = name.rsplit("/", 1)[-1]
    remedy = f"`hf download {name} config.json tokenizer.json tokenizer_config.json` makes time and memory more exact"
    missing = f"the config.json of {name} is not on this machine, so"
    known = _find_known(short)
    if known is not None:
        about = f"{known.billions:g} billion parameters, {known.shape.layers} layers of width {known.shape.width}"
        return Guess(known.shape, known.billions, f"{missing} it is taken to be as published: {about}")
    if found := _MIXTURE.search(short):
        experts, each = int(found[1]), float(found[2])
        billions = each * (1 - _FEED_FORWARD + _FEED_FORWARD * experts)
        active = each * (1 - _FEED_FORWARD + _FEED_FORWARD * min(_CHOSEN, experts))
        about = f"to be a mixture of about {billions:.3g} billion parameters, {active:.3g} of which a token passes"
        return Guess(_mixture(billions, active), billions, f"{missing} it is taken {about}; {remedy}")
    if found := _EFFECTIVE.search(short):
        effective = float(found[1])
        billions = _ALL_OVER_EFFECTIVE * effective
        shape = replace(shape_of_size(short, effective), parameters=1e9 * billions)
        about = f"to compute like {effective:g} billion parameters and to hold {billions:g}"
        return Guess(shape, billions, f"{missing} it is taken {about}; {remedy}")
    return _of_size(name, short, f"{missing} it is taken", remedy)


def _of_size(name: str, short: str, taken: str, remedy: str) -> Guess:
    billions, unstated = billions_of(short), _unstated(short)
    if billions is None:
        note = (
            f"nothing tells how large {name} is: it is neither a folder nor downloaded, not among the published models "
            f"that foretune knows, and its name states no size. {ASSUMED:g} billion parameters are assumed, and rates, "
            f"time and memory are no better than that; {remedy}"
        )
        return Guess(shape_of_size(short, ASSUMED), ASSUMED, note)
    shape = _mixture(*unstated) if unstated and _SIZE.search(short) is None else shape_of_size(short, billions)
    return Guess(shape, billions, f"{taken} to have the usual shape of {billions:g} billion parameters; {remedy}")


def _mixture(billions: float, active: float) -> ModelShape:
    return shape_of_size(f"mixture-A{active:.4g}B", billions)


def billions_of(name: str) -> float | None:
    """Parameters that a model's name states, as in `Qwen3-8B`; of a few models that do not say, what is known."""
    short = name.rsplit("/", 1)[-1]
    if found := _SIZE.search(short):
        return float(found[1])
    if unstated := _unstated(short):
        return unstated[0]
    small = _SMALL.search(short)
    return float(small[1]) / 1e3 if small else None


def _unstated(short: str) -> tuple[float, float] | None:
    return next((sizes for prefix, sizes in _UNSTATED.items() if short.lower().startswith(prefix)), None)


@dataclass(frozen=True)
class KnownModel:
    """A published model.

    Attributes:
        pattern: that its name begins with.
        billions: of parameters, as published.
        shape: of it.
    """

    pattern: re.Pattern[str]
    billions: float
    shape: ModelShape


@lru_cache(maxsize=1)
def known_models() -> tuple[KnownModel, ...]:
    """The models that come with the package, in the order of the file.

    Raises:
        ConfigurationError: if the file is of another version.
    """
    return tuple(_read(row) for row in shipped_facts("known_models.yaml", SCHEMA_VERSION)["models"])


def _find_known(short: str) -> KnownModel | None:
    """The one that matches the most letters of a name."""
    plain = re.sub(r"[_ ]", "-", short.lower())
    lengths = [(len(found[0]), one) for one in known_models() if (found := one.pattern.match(plain))]
    return max(lengths, key=lambda pair: pair[0])[1] if lengths else None


def _read(row: Mapping[str, Any]) -> KnownModel:
    layers, width, heads = int(row["layers"]), int(row["width"]), int(row["heads"])
    size = int(row.get("size", width // heads))
    queries, pairs = heads * size, int(row.get("kv", heads)) * size
    one, shared = int(row["inner"]), int(row.get("shared", 0))
    gated = int(row.get("matrices", 3)) / 3  # a feed-forward block of two matrices is taken for a narrower one of three
    vocabulary = int(row["vocabulary"])
    shape = ModelShape(
        layers=layers,
        width=width,
        inner=round(gated * (int(row.get("chosen", 1)) * one + shared)),
        queries=queries,
        pairs=pairs,
        vocabulary=vocabulary,
        embeddings=float(vocabulary * width * (1 if row["tied"] else 2)),
        parameters=1e9 * float(row["billions"]),
    )
    pattern = re.compile(rf"(?:{row['name']})(?![a-z0-9])")
    return KnownModel(pattern, float(row["billions"]), shape)
