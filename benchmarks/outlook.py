"""How good the expected loss after finetuning is on models and datasets left out, and what doublings and searches gave.

`python benchmarks/outlook.py` leaves each pair of a language model and a dataset of the published losses by training
rows out, with all other results of either, and predicts the loss over the zero-shot loss from the rest: by the law of
`foretune.recommendation.outlook`, and by the quantiles of the ratios at the same number of rows. It prints the errors
and the share of losses in the intervals of 80 percent. Then it prints the sentences for datasets of several sizes.
Seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from foretune.metadata import read_meta_dataset
from foretune.recommendation import outlook, read_published, recorded_cases, swept_cases
from foretune.recommendation.advice import Interval
from foretune.recommendation.outlook import Case, loss_after


def by_quantiles(rows: int, cases: Sequence[Case]) -> Interval:
    ratios = [one.loss / (one.zero_shot or math.nan) for one in cases if one.rows == rows]
    low, middle, high = np.quantile(ratios, [0.1, 0.5, 0.9])
    return Interval(middle, low, high)


def judge(name: str, predict: Callable[[int, Sequence[Case]], Interval | None], cases: Sequence[Case]) -> None:
    errors, inside = list[float](), list[bool]()
    for dataset, model in sorted({(one.dataset, one.model) for one in cases}):
        others = [one for one in cases if one.dataset != dataset and one.model != model]
        known = {rows: predict(rows, others) for rows in {one.rows for one in cases}}
        for one in cases:
            if (one.dataset, one.model) == (dataset, model) and (found := known[one.rows]) and one.zero_shot:
                ratio = one.loss / one.zero_shot
                errors.append(abs(math.log(ratio / found.middle)))
                inside.append(found.low <= ratio <= found.high)
    said = f"median error of the log ratio {np.median(errors):.3f}, mean {np.mean(errors):.3f}"
    print(f"{name:10s} {said}, {np.mean(inside):.0%} in the interval ({len(errors)} losses)")


def main() -> None:
    published = read_meta_dataset("public-llm-v2")
    cases = recorded_cases(published, "published tasks")
    law = [one for one in cases if one.zero_shot is not None]
    judge("law", loss_after, law)
    judge("quantiles", by_quantiles, law)
    tiny = recorded_cases(read_meta_dataset("foretune-tiny-v1"), "tasks of small models")
    every = [*cases, *tiny, *swept_cases(read_published(published))]
    for tokens, kind in ((3, "short"), (100, "long")):
        for rows in (60, 100, 200, 1_000, 10_000, 100_000):
            print(f"{rows:,} rows, {kind} answers:", *outlook(rows, tokens, every).sentences() or ("nothing is known",))


if __name__ == "__main__":
    main()
