"""The guard: a second dataset that finetuning should not harm, scored before and after, and a limit on the harm.

Both models are scored on the same rows. With a_i the loss of row i after finetuning and b_i before, the rise is
sum a / sum b - 1, and its standard error is that of a ratio of two sums, see `foretune.finetuning.evaluate`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from foretune.errors import ConfigurationError
from foretune.report.final_scores import GuardChoice, GuardFinalist, GuardScore, Rise
from foretune.session import checks
from foretune.session.averaging import (
    KEPT,
    Adapter,
    Part,
    can_be_summed,
    finalists,
    validation_loss,
    write_average,
)
from foretune.types import VALIDATION_NLL

if TYPE_CHECKING:
    from torch import nn

    from foretune.finetuning.data import Splits, TokenizedSplits, Tokens
    from foretune.finetuning.evaluate import RowLosses
    from foretune.session.ground import SearchSetup
    from foretune.session.measuring import Reader
    from foretune.session.options import TuneOptions
    from foretune.session.search import Found

MOST_ROWS = 200
"""Rows of a guard that are scored: more cost time and say little more."""
_HALVINGS = 4
"""Factors that are tried for an adapter over the limit; the last is a sixteenth from the best factor."""


@dataclass(frozen=True)
class Guard:
    """A dataset that finetuning should not harm.

    Attributes:
        name: of the dataset.
        tokens: the rows that are scored.
        untouched: losses of the base model there, once they are known.
    """

    name: str
    tokens: Tokens
    untouched: RowLosses | None = None


def parse_limit(limit: str | float | None) -> float | None:
    """`10%`, or the fraction 0.1, as a fraction.

    Raises:
        ConfigurationError: it is neither.
    """
    if limit is None or isinstance(limit, int | float):
        value = limit
    else:
        number = limit.strip().removesuffix("%")
        is_percent = limit.strip().endswith("%") and number.strip().replace(".", "", 1).isdecimal()
        value = float(number) / 100 if is_percent else math.nan
    if value is not None and not 0 <= value < math.inf:
        message = f"--guard-limit is {limit!r}, expected the rise of the guard's loss that is allowed, such as 10%"
        raise ConfigurationError(message)
    return value


def check_guard(options: TuneOptions) -> None:
    """Whether the guard is there, and can be read.

    Raises:
        ForetuneError: it is not, or there is a limit without a guard.
    """
    if options.guard is None and options.guard_limit is not None:
        raise ConfigurationError("--guard-limit needs a guard; give --guard FILE, or --guard general")
    if options.guard is not None:
        checks.check_data(source_of(options.guard), alone=True, **asdict(options.data.reading))


def source_of(guard: str) -> str:
    """The file of a guard that comes with the package; else what was given."""
    if guard not in checks.shipped("guards"):
        return guard
    return str(Path(str(resources.files("foretune"))) / "data" / "guards" / f"{guard}.jsonl")


def read_guard(
    options: TuneOptions, reader: Reader, splits: Splits, whole: TokenizedSplits, data: TokenizedSplits
) -> tuple[Guard | None, tuple[str, ...]]:
    """The guard in the model's tokens, without the rows whose prompts are trained on, and notes on it.

    Args:
        options: of the search.
        reader: of the dataset.
        splits: the dataset; what chooses checkpoints counts as trained on.
        whole: the same in tokens.
        data: what slices are scored on; where that is a part, the guard has no more rows.
    """
    from foretune.finetuning.data import load_alone

    if options.guard is None:
        return None, ()
    most = MOST_ROWS if data is whole else min(MOST_ROWS, len(data.validation))
    trained = {one.prompt_key for one in (*splits.train, *splits.validation)}
    source, reading = source_of(options.guard), asdict(options.data.reading)
    name, examples, said = load_alone(source, rows=most, without=trained, **reading)
    tokens, cut = reader.tokens_alone(examples, f"the guard {name}")
    return Guard(name, tokens), (*(f"guard {name}: {note}" for note in said), *cut)


def guarding_seconds(setup: SearchSetup, options: TuneOptions) -> float:
    """Seconds to keep for the guard: the base model and the adapter that is returned and, with a limit, finalists."""
    if setup.guard is None:
        return 0.0
    limited = options.guard_limit is not None
    models = 2 + limited * (1 + _HALVINGS + KEPT)
    return setup.validation_seconds * (models * setup.guard.tokens.total / setup.data.validation.total + limited)


def with_untouched(setup: SearchSetup, options: TuneOptions) -> SearchSetup:
    """The same, with the losses of the base model on the guard."""
    from foretune.finetuning.evaluate import evaluate_rows
    from foretune.session.measuring import base_to_score

    if setup.guard is None:
        return setup
    base = base_to_score(options.model, options.device, dear=True)  # with the layers of finetuned models
    return replace(setup, guard=replace(setup.guard, untouched=evaluate_rows(base, setup.guard.tokens)))


def untouched_score(setup: SearchSetup) -> GuardScore | None:
    """Of the base model; None without a guard."""
    guard = setup.guard
    if guard is None or guard.untouched is None:
        return None
    scores = guard.untouched.scores
    return GuardScore(guard.name, scores.rows, scores.nll, scores.nll_error)


def guard_score(setup: SearchSetup, model: nn.Module) -> GuardScore | None:
    """Of a finetuned model, with the rise over the base model; None without a guard."""
    from foretune.finetuning.evaluate import evaluate_rows, standard_error

    guard = setup.guard
    if guard is None or guard.untouched is None:
        return None
    after, before = evaluate_rows(model, guard.tokens), guard.untouched.losses
    rise = Rise(float(after.losses.sum() / before.sum()) - 1, standard_error(after.losses, before))
    return GuardScore(guard.name, after.scores.rows, after.scores.nll, after.scores.nll_error, rise)


def keep_within(found: Found, best: Adapter) -> tuple[Adapter, GuardChoice | None]:
    """What the search returns: the least validation loss whose rise on the guard is within the limit.

    The best comes first. If it is over the limit, its change of the weights is made smaller until it is not, and only
    checkpoints with a lower validation loss than that are asked. If none is within the limit, the one with the least
    rise is returned. What is asked depends on the journal alone, as for averages.

    Args:
        found: the search; its guard knows the losses of the base model.
        best: that is returned without a limit.

    Returns:
        What is returned, and how the limit has decided; None without a limit.
    """
    limit, rises = found.options.guard_limit, dict[Adapter, Rise]()
    adapters = finalists(found, best)
    if limit is None or not adapters:
        return best, None

    def within(one: Adapter) -> bool:
        if one.parts:
            write_average(found, one.parts)
        rises[one] = _rise_of(found, one)
        return rises[one].share <= limit

    kept = adapters[0] if within(adapters[0]) else _other_within(found, adapters, within)
    kept = kept or min(rises, key=lambda one: rises[one].share)
    if kept.parts:
        write_average(found, kept.parts)
    asked = tuple(GuardFinalist(_name(one), rise) for one, rise in rises.items())
    return kept, GuardChoice(limit, rises[kept].share <= limit, _name(kept), asked)


def _other_within(found: Found, adapters: Sequence[Adapter], within: Callable[[Adapter], bool]) -> Adapter | None:
    """The best that is within the limit, where the first is not."""
    shrunk = _shrunk(adapters, within)
    least = math.inf
    if shrunk:
        least = validation_loss(found, write_average(found, shrunk.parts))
    better = (one for one in adapters[1:] if VALIDATION_NLL.score(one.checkpoint.score) < least)
    return next(filter(within, better), shrunk)


def _shrunk(adapters: Sequence[Adapter], within: Callable[[Adapter], bool]) -> Adapter | None:
    """The best adapter times the largest factor that is within the limit, by bisection; 0 is the base model."""
    whole = next((one for one in adapters if one.parts or can_be_summed(one.checkpoint.configuration)), None)
    if whole is None:
        return None
    found, low, high = None, 0.0, 1.0
    for _ in range(_HALVINGS):
        factor = (low + high) / 2
        parts = whole.parts or (Part(whole.checkpoint, 1.0),)
        smaller = Adapter(whole.checkpoint, tuple(replace(one, weight=factor * one.weight) for one in parts))
        if within(smaller):
            found, low = smaller, factor
        else:
            high = factor
    return found


def _rise_of(found: Found, adapter: Adapter) -> Rise:
    from foretune.execution.finetuned import load_finetuned

    options = found.options
    model = load_finetuned(adapter.folder(found), options.model, device=options.device, shared=True)
    score = guard_score(found.setup, model)
    if score is None or score.rise is None:
        raise ConfigurationError("--guard-limit needs a guard; give --guard FILE")
    return score.rise


def _name(one: Adapter) -> str:
    whole, factor = "average" if len(one.parts) > 1 else one.checkpoint.configuration.key, 1.0
    if one.parts:
        factor = sum(part.weight for part in one.parts)
    return whole if math.isclose(factor, 1.0) else f"{factor:.4g} x {whole}"
