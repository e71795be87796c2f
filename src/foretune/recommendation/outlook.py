"""What finetuning will bring: the loss against that before training, and whether more data or more search helps more.

Everything is read from recorded results on datasets with answers of the same kind, short (a label, a name) or long
(sentences), and of about as many rows: within a factor of 4 for what more rows bring, and of 10 for what a search
brings, which depends less on them. Where fewer than ten cases are recorded nothing is said.

The loss after finetuning over the loss before, of language models finetuned on datasets of many sizes, follows

    ln(loss / zero-shot loss) = a + b ln(rows)

by least squares. The interval is that of the errors on a dataset left out of the fit. Quantiles of the ratios at the
same rows predict models and datasets that were left out worse (`benchmarks/outlook.py`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import groupby, pairwise
from typing import Any

import numpy as np
from jaxtyping import Float

from foretune.metadata import MetaDataset
from foretune.recommendation.advice import Interval
from foretune.recommendation.published import FAR, PublishedModel

SHORT = 8
"""Tokens that the median answer of a dataset of short answers has at most."""
ENOUGH = 10
"""Recorded cases below which nothing is said."""
_FEATURE = "log_completion_tokens_p50"
_NO_DECODER = re.compile(r"bart|t5|switch", re.IGNORECASE)
_SEARCH_FAR = 10.0
_TENTHS = (0.1, 0.5, 0.9)
SWEPT_RATE, SWEPT_ROWS = 3e-4, 99_840


@dataclass(frozen=True)
class Case:
    """What was recorded of a base model on a dataset.

    Attributes:
        dataset: its name.
        model: name of the base model.
        rows: trained on.
        short: whether its answers are short.
        zero_shot: loss before training; None where not recorded.
        loss: of the best run.
        searched: test loss of the best run by validation over that of the default; None where not recorded.
        source: whose runs these are.
    """

    dataset: str
    model: str
    rows: int
    short: bool
    zero_shot: float | None
    loss: float
    searched: float | None = None
    source: str = ""


@dataclass(frozen=True)
class Outlook:
    """Ratios of losses, each with the interval of four of five cases; None where nothing is known.

    Attributes:
        short: whether it is for short answers.
        after: loss after finetuning over the zero-shot loss.
        doubled: loss with twice the rows over the loss with the rows there are.
        searched: loss of the best of a search over that of the default.
        doubled_cases: pairs of sizes that `doubled` is from.
        searched_cases: tasks that `searched` is from.
        searched_source: whose tasks these are.
    """

    short: bool
    after: Interval | None
    doubled: Interval | None
    searched: Interval | None
    doubled_cases: int = 0
    searched_cases: int = 0
    searched_source: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values, with the sentences."""
        return {**asdict(self), "in_words": list(self.sentences())}

    def sentences(self) -> tuple[str, ...]:
        """For people."""
        said: list[str] = []
        if self.after:
            one = self.after
            said.append(
                f"Expect {one.middle:.2f} times the loss before training ({one.low:.2f} to {one.high:.2f} in four of "
                "five cases), like language models on published datasets of translations, summaries and instructions."
            )
        if self.doubled and self.searched:
            first = "More data" if self.doubled.middle < self.searched.middle else "More search"
            said.append(
                f"More data or more search? {first}: on recorded datasets with {'short' if self.short else 'long'} "
                f"answers twice the rows lowered the loss by {_lowered(self.doubled)}), a search by "
                f"{_lowered(self.searched)}; {self.searched_cases} {self.searched_source})."
            )
        return tuple(said)


def _lowered(ratio: Interval) -> str:
    middle, least, most = (100 * (1 - end) for end in (ratio.middle, ratio.high, ratio.low))
    return f"{middle:.2g} % ({max(least, 0.0):.2g} to {most:.2g} %"


def outlook(rows: int, answer_tokens: float, cases: Sequence[Case]) -> Outlook:
    """What recorded cases say of a dataset.

    Args:
        rows: to train on.
        answer_tokens: of its median answer.
        cases: recorded, of any kind and size.
    """
    short = answer_tokens <= SHORT
    alike = [one for one in cases if one.short == short]
    pairs = [ratio for middle, ratio in doublings(alike) if _is_near(rows, middle, FAR)]
    near = [one for one in alike if one.searched is not None and _is_near(rows, one.rows, _SEARCH_FAR)]
    searched = _quantiles([one.searched for one in near if one.searched is not None])
    sources = " and ".join(sorted({one.source for one in near}))
    return Outlook(short, loss_after(rows, alike), _quantiles(pairs), searched, len(pairs), len(near), sources)


def _is_near(rows: float, other: float, factor: float) -> bool:
    return max(rows / other, other / rows) <= factor


def _quantiles(values: Sequence[float]) -> Interval | None:
    if len(values) < ENOUGH:
        return None
    low, middle, high = (float(np.quantile(values, share)) for share in _TENTHS)
    return Interval(middle, low, high)


def doublings(cases: Sequence[Case]) -> list[tuple[float, float]]:
    """Of each two sizes next to each other of a dataset on a base model: the rows between them (geometric mean), and
    what a doubling multiplied the loss by."""

    def name(one: Case) -> tuple[str, str]:
        return one.dataset, one.model

    found: list[tuple[float, float]] = []
    for _, group in groupby(sorted(cases, key=lambda one: (*name(one), one.rows)), key=name):
        for less, more in pairwise(group):
            once = (more.loss / less.loss) ** (1 / math.log2(more.rows / less.rows))
            found.append((math.sqrt(less.rows * more.rows), once))
    return found


def loss_after(rows: int, cases: Sequence[Case]) -> Interval | None:
    """Loss after finetuning over the zero-shot loss, of published language models."""
    known = [one for one in cases if one.zero_shot is not None and one.searched is None]
    datasets = sorted({one.dataset for one in known})
    if len(datasets) < 2 or not min(one.rows for one in known) / FAR <= rows <= FAR * max(one.rows for one in known):
        return None
    where = np.array([datasets.index(one.dataset) for one in known])
    design = _design(np.array([one.rows for one in known]))
    ratios = np.array([math.log(one.loss / (one.zero_shot or math.nan)) for one in known])
    errors = [
        ratios[where == place] - design[where == place] @ _fit(design[where != place], ratios[where != place])
        for place in range(len(datasets))
    ]
    middle = float((_design(np.array([rows])) @ _fit(design, ratios))[0])
    low, high = np.quantile(np.concatenate(errors), [_TENTHS[0], _TENTHS[-1]])
    return Interval(math.exp(middle), math.exp(middle + low), math.exp(middle + high))


def _design(rows: np.ndarray) -> Float[np.ndarray, "n 2"]:
    return np.stack([np.ones(len(rows)), np.log(rows)], axis=1)


def _fit(design: Float[np.ndarray, "n 2"], ratios: Float[np.ndarray, " n"]) -> Float[np.ndarray, " 2"]:
    return np.linalg.lstsq(design, ratios, rcond=None)[0]


def recorded_cases(table: MetaDataset, source: str) -> list[Case]:
    """Of every task of a table with a loss, but for models that are no decoders.

    Args:
        table: with or without a default run and test losses for each task.
        source: whose runs these are.
    """
    best = table.curves.sort_values("validation_value").drop_duplicates("run").set_index("run")
    losses, tests = best["validation_value"].to_dict(), best["test_value"].to_dict()
    found: list[Case] = []
    for name in table.task_ids:
        task = table.task(name)
        runs = [run for run in table.runs_of(name) if run in losses]
        if task.metric.maximize or task.rows is None or not runs or _NO_DECODER.search(table.models[name]):
            continue
        chosen = min(runs, key=lambda run: losses[run])
        default = next((run for run in runs if table.configurations[run] == table.default(name)), None)
        searched = tests[chosen] / tests[default] if default is not None else math.nan
        features = task.meta_features
        found.append(
            Case(
                task.dataset or name,
                table.models[name],
                task.rows,
                features.get(_FEATURE, math.inf) <= math.log10(1 + SHORT),
                features.get("zero_shot_nll"),
                losses[chosen],
                searched if math.isfinite(searched) else None,
                source,
            )
        )
    return found


def swept_cases(models: Sequence[PublishedModel]) -> list[Case]:
    """Of the published sweeps: the best pair against the constant 3e-4 at the largest rank."""
    constant = [one.excess_of(np.array([[math.log(SWEPT_RATE), one.pairs[:, 1].max()]]))[0] for one in models]
    return [
        Case("tulu3", one.name, SWEPT_ROWS, False, None, 1.0, 1 / (1 + over / 100), "published sweeps")
        for one, over in zip(models, constant, strict=True)
    ]
