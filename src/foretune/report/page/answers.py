"""Answers before and after finetuning, side by side."""

from __future__ import annotations

from dataclasses import dataclass

from foretune.metrics.text import exact_match
from foretune.report.run_report import RunReport


@dataclass(frozen=True)
class Answers:
    """Of the models to one question of the test split.

    Attributes:
        question: as it was asked.
        reference: the answer in the data.
        given: name of the model, its answer, and whether that is the reference.
    """

    question: str
    reference: str
    given: tuple[tuple[str, str, bool], ...]


def answers_of(report: RunReport) -> list[Answers]:
    """Of the base model and of the returned one, as far as the report has them."""
    if len(report.scores) < 2:
        return []
    models = (("before", report.scores[0]), ("after", report.returned))
    return [
        Answers(
            one.question,
            one.reference,
            tuple(
                (name, row.answers[at], exact_match(row.answers[at], one.reference) > 0)
                for name, row in models
                if at < len(row.answers)
            ),
        )
        for at, one in enumerate(report.asked)
    ]
