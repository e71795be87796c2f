"""A question with its answer, as it is written to the dataset."""

from __future__ import annotations

from dataclasses import dataclass

from foretune.synthesis.questions.drafts import Kind


@dataclass(frozen=True)
class Pair:
    """A row.

    Attributes:
        prompt: the question.
        completion: the answer.
        kind: of the question.
        source: file, headings and place of the passage.
        section: the part of the document that is never divided between splits.
    """

    prompt: str
    completion: str
    kind: Kind
    source: str
    section: str
