"""Prompts to answer, read from the same files as training data, with completions or without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from foretune.errors import DataError
from foretune.finetune.data import Message, prompt_and_completion
from foretune.finetune.data.examples import Example
from foretune.finetune.data.files import Row
from foretune.finetune.data.formats import read_example
from foretune.finetune.data.sources import read_source

_ANSWERS = ("completion", "output", "answer", "response")
_STAND_IN = "unknown"


@dataclass(frozen=True)
class Question:
    """What is to be answered.

    Attributes:
        messages: the conversation up to the answer.
        completion: the answer in the data; empty if there is none.
    """

    messages: tuple[Message, ...]
    completion: str = ""

    @classmethod
    def of(cls, prompt: str) -> Self:
        """A prompt that is the only message of its conversation."""
        return cls((Message("user", prompt),))

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


def read_questions(source: str) -> list[Question]:
    """The rows of a dataset, of its test split if it has one.

    Args:
        source: see `foretune.finetune.data.load_splits`; rows may lack their completion.

    Raises:
        DataError: it cannot be read, or a row has no prompt.
    """
    splits = read_source(source).rows
    return [_question(row) for row in splits.get("test", splits["train"])]


def _question(row: Row) -> Question:
    try:
        example, known = read_example(row), True
    except DataError:
        example, known = _unanswered(row), False
        if example is None:
            raise
    if example.text:
        message = f"{row.where}: a text without a prompt has no answer; give rows with a prompt, or messages"
        raise DataError(message)
    return Question(example.messages[:-1], prompt_and_completion(example)[1] if known else "")


def _unanswered(row: Row) -> Example | None:
    """A row without its completion, read by giving it one; None if that is not what it lacks."""
    turns = row.values.get("messages")
    added = [{name: _STAND_IN} for name in _ANSWERS if not row.values.get(name)]
    if isinstance(turns, list):
        added = [{"messages": [*turns, {"role": "assistant", "content": _STAND_IN}]}]
    for values in added:
        try:
            return read_example(replace(row, values={**row.values, **values}))
        except DataError:
            continue
    return None
