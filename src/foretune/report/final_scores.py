"""Rows of the final table, and how their last was chosen: by loss, by written answers, or within a limit on a guard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from foretune.metrics.summary import Agreement, Answered
from foretune.teacher.price import Price, Tokens
from foretune.types import Value


@dataclass(frozen=True)
class Measurement:
    """Scores of a model on a split.

    Attributes:
        nll: nats per completion token.
        token_accuracy: share of completion tokens that are the model's first guess.
        exact_match: share of completions that it gives word for word.
        nll_error: standard error of `nll` over rows; None where not known.
        rows: that were scored; 0 where not known.
        answered: of written answers, where a metric of them was asked for.
    """

    nll: float
    token_accuracy: float
    exact_match: float
    nll_error: float | None = None
    rows: int = 0
    answered: Answered | None = None


@dataclass(frozen=True)
class Member:
    """A checkpoint in an average.

    Attributes:
        key: content hash of its configuration.
        configuration: how it was finetuned.
        slices: slices trained to this checkpoint.
        weight: in the average; all add up to 1, or to less where a limit on the guard leaves a rest to the base model.
    """

    key: str
    configuration: Mapping[str, Value]
    slices: int
    weight: float


@dataclass(frozen=True)
class Rise:
    """Of the loss over that of the base model.

    Attributes:
        share: of the base model's loss; below 0 where the loss has fallen.
        error: standard error of `share` over rows, each of which was scored with both models; None for a single row.
    """

    share: float
    error: float | None


@dataclass(frozen=True)
class GuardScore:
    """Scores of a model on the guard, a dataset that finetuning should not harm.

    Attributes:
        name: of that dataset.
        rows: that were scored.
        nll: nats per completion token.
        nll_error: standard error of `nll` over rows; None where not known.
        rise: over the base model; None for the base model itself.
    """

    name: str
    rows: int
    nll: float
    nll_error: float | None
    rise: Rise | None = None


@dataclass(frozen=True)
class ModelScores:
    """One row of the final table.

    Attributes:
        name: `zero-shot`, `default`, `best` (by validation loss), then the returned one if it is another: `average`,
            `chosen` (by another metric) or `guarded` (by a limit on the guard).
        validation: on the split that chooses.
        test: on the split that nothing was chosen by.
        configuration: how it was finetuned; empty for the base model and for an average.
        slices: slices trained to this checkpoint; 0 for the base model and for an average.
        members: of an average, the best first.
        guard: on the dataset that finetuning should not harm, if there is one.
        answers: to the first questions of the test split, where a metric of written answers was asked for.
    """

    name: str
    validation: Measurement
    test: Measurement
    configuration: Mapping[str, Value] = field(default_factory=dict)
    slices: int = 0
    members: tuple[Member, ...] = ()
    guard: GuardScore | None = None
    answers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finalist:
    """A model that a metric of written answers chose from.

    Attributes:
        name: `average`, or how it was finetuned.
        score: mean of the metric on the validation questions; None of a judge, which compares only.
        lead: mean lead over the finalist that was the choice so far; None of the first, or if no answer was compared.
        lead_error: its standard error.
        chosen: whether the metric chose it.
        unscored: questions that the lead leaves out, since the verdict of a judge could not be read.
    """

    name: str
    score: float | None
    lead: float | None
    lead_error: float | None
    chosen: bool
    unscored: int = 0


@dataclass(frozen=True)
class Judged:
    """What a judge has cost, and how often exact match says the same.

    Attributes:
        requests: different ones, whether this run paid for them or an earlier one.
        prompt_tokens: of all of them.
        completion_tokens: of the replies.
        dollars: None where the price is not known.
        agreement: over all answers in the final table.
    """

    requests: int
    prompt_tokens: int
    completion_tokens: int
    dollars: float | None
    agreement: Agreement

    @classmethod
    def of(cls, tokens: Tokens, price: Price, agreement: Agreement) -> Self:
        """By the tokens of a judge."""
        dollars = price.of(tokens) if price.known else None
        return cls(tokens.requests, tokens.prompt, tokens.completion, dollars, agreement)


@dataclass(frozen=True)
class GuardFinalist:
    """An adapter that a search could have returned: its configuration's key, or `average`, with any factor."""

    name: str
    rise: Rise


@dataclass(frozen=True)
class GuardChoice:
    """How a limit on the harm to the guard has decided which adapter a search returns.

    Attributes:
        limit: of the share by which the loss there rises.
        within: whether the returned adapter stays within it.
        kept: name of the finalist that is returned.
        finalists: that were asked, in that order; the first has the least validation loss.
    """

    limit: float
    within: bool
    kept: str
    finalists: tuple[GuardFinalist, ...]
