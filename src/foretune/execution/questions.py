"""Prompts to answer, read from the same files as training data, with completions or without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from foretune.errors import DataError
from foretune.finetuning.data import Message, prompt_and_completion
from foretune.finetuning.data.columns import parse_columns
from foretune.finetuning.data.examples import Example
from foretune.finetuning.data.formats import COLUMN_NAMES, read_row
from foretune.finetuning.data.rows import Row
from foretune.finetuning.data.sources import read_source
from foretune.metrics.protocol import Asked

_ANSWERS = ("output", "completion", "response", "answer", "label")
_STAND_IN = "unknown"


@dataclass(frozen=True)
class Question:
    """Prompts to be answered.

    Attributes:
        messages: the conversation up to the answer.
        completion: the answer in the data; empty if there is none.
        tools: see `Example`.
    """

    messages: tuple[Message, ...]
    completion: str = ""
    tools: str = ""

    @classmethod
    def of(cls, prompt: str) -> Self:
        """A prompt that is the only message of its conversation."""
        return cls((Message("user", prompt),))

    @classmethod
    def of_example(cls, example: Example) -> Self:
        """The last answer of a conversation that is known, to be given anew."""
        return cls(example.messages[:-1], prompt_and_completion(example)[1], example.tools)

    @property
    def asked(self) -> Asked:
        """For those who score the answer; a conversation of several messages with the role of each."""
        if len(self.messages) == 1:
            return Asked(self.text, self.completion)
        return Asked("\n".join(f"{one.role}: {one.said}" for one in self.messages), self.completion)

    @property
    def example(self) -> Example:
        """The question with a stand-in for its answer."""
        return Example((*self.messages, Message("assistant", _STAND_IN)), tools=self.tools)

    @property
    def text(self) -> str:
        """The last message."""
        return self.messages[-1].content

    def matches(self, answer: str) -> bool:
        """Whether an answer is the completion, but for space around it."""
        return answer.strip() == self.completion.strip()

    def with_answer(self, answer: str) -> Mapping[str, Any]:
        """A line of the file of answers; conversations of several messages are written as such."""
        several = [{"role": message.role, "content": message.content} for message in self.messages]
        asked = {"prompt": self.text} if len(several) == 1 else {"messages": several}
        known = {"completion": self.completion, "match": self.matches(answer)} if self.completion else {}
        return {**asked, "answer": answer, **known}


def read_questions(source: str, columns: str | None = None) -> list[Question]:
    """The rows of a dataset, of its test split if it has one.

    Args:
        source: see `foretune.finetuning.data.load_splits`; rows may lack their completion.
        columns: see `foretune.finetuning.data.load_splits`.

    Raises:
        DataError: it cannot be read, or a row has no prompt.
    """
    splits = read_source(source).rows
    renamed = parse_columns(columns, COLUMN_NAMES)
    return [_question(row, renamed) for row in splits.get("test", splits["train"])]


def _question(row: Row, renamed: Mapping[str, str]) -> Question:
    try:
        example = read_row(row, renamed).example
        if not example.text:
            return Question.of_example(example)
    except DataError:
        if row.fault or (example := _unanswered(row, renamed)) is None:
            raise
        return Question(example.messages[:-1], tools=example.tools)
    return Question.of(example.text)


def _unanswered(row: Row, renamed: Mapping[str, str]) -> Example | None:
    """A row without its completion, read by giving it one; None if it lacks something else."""
    turns = row.values.get("messages")
    names = [renamed.get(name, name) for name in _ANSWERS]
    added = [{name: _STAND_IN} for name in names if not row.values.get(name)]
    if isinstance(turns, list):
        added = [{"messages": [*turns, {"role": "assistant", "content": _STAND_IN}]}]
    for values in added:
        try:
            return read_row(replace(row, values={**row.values, **values}), renamed).example
        except DataError:
            continue
    return None
