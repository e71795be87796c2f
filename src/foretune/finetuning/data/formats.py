"""Recognizes the column conventions of TRL, Alpaca, ShareGPT and of tables for questions and for classification.

A new convention is a function and a line in `FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from foretune.errors import DataError
from foretune.finetuning.data.columns import Cells
from foretune.finetuning.data.examples import Example, Message, not_learned
from foretune.finetuning.data.rows import Row
from foretune.finetuning.data.turns import read_list, read_messages, read_text, read_tools, written


@dataclass(frozen=True)
class Format:
    """A convention: required columns, optional columns, and the function that makes an example of them."""

    columns: tuple[str, ...]
    optional: tuple[str, ...]
    read: Callable[[Cells], Example]

    def __str__(self) -> str:
        return "+".join(self.columns)


@dataclass(frozen=True)
class Reading:
    """A row as an example.

    Attributes:
        example: to learn from.
        used: the columns that it was made of.
        written: whether it has numbers or truth values as text.
    """

    example: Example
    used: frozenset[str]
    written: bool


def read_row(row: Row, renamed: Mapping[str, str]) -> Reading:
    """The example that a row holds.

    Args:
        row: as it was read.
        renamed: the user's column for each name; if they make up a convention, the others are left aside.

    Raises:
        DataError: if the row could not be read, no convention fits, or a value is missing, empty or of the wrong type.
    """
    if row.fault:
        raise DataError(row.fault)
    cells = Cells.of(row, renamed, alone=any(renamed.keys() >= set(known.columns) for known in FORMATS))
    for known in FORMATS:
        if cells.has(known.columns):
            example = known.read(cells)
            return Reading(example, frozenset(cells.used), cells.written)
    raise DataError(f"{row.where}: {_missing(row, cells)}")


def _missing(row: Row, cells: Cells) -> str:
    """The fault of columns that match no convention."""
    found = f"columns missing; found: {', '.join(repr(str(name)) for name in row.values) or 'none'}"
    advice = "say which columns to take, for instance --columns prompt=QUESTION,completion=ANSWER"
    for known in FORMATS:
        there = [column for column in known.columns if cells.has([column])]
        if there:
            absent = " and ".join(repr(column) for column in known.columns if column not in there)
            return f"{found}; {cells.name(there[0])} needs {absent} beside it: fill it in, or {advice}"
    return f"{found}; recognized: {', '.join(map(str, FORMATS))}; {advice}"


def _text(cells: Cells, column: str, *, needed: bool = True) -> str:
    value = cells.take(column)
    cells.written |= not isinstance(value, str) and isinstance(written(value), str)
    return read_text(value, cells.name(column), cells.where, needed=needed)


def _optional(cells: Cells, column: str) -> str:
    return "" if cells.take(column) is None else _text(cells, column, needed=False)


def _system(cells: Cells) -> list[Message]:
    text = _optional(cells, "system")
    return [Message("system", text)] if text.strip() else []


def _conversation(cells: Cells, messages: list[Message]) -> Example:
    tools = read_tools(cells.take("tools"), cells.name("tools"), cells.where)
    return Example(tuple(messages), tools=tools, where=cells.where)


def _read_messages(cells: Cells) -> Example:
    return _conversation(cells, read_messages(cells.take("messages"), cells.name("messages"), cells.where))


def _read_prompt_completion(cells: Cells) -> Example:
    prompt, completion = cells.take("prompt"), cells.take("completion")
    if isinstance(prompt, list):
        # As in TRL: nothing of the prompt is learned, even where the assistant speaks in it.
        before = not_learned(read_messages(prompt, cells.name("prompt"), cells.where))
    else:
        before = [*_system(cells), Message("user", _text(cells, "prompt", needed=False))]
    if isinstance(completion, list):
        after = read_messages(completion, cells.name("completion"), cells.where)
    else:
        after = [Message("assistant", _text(cells, "completion"))]
    if after[0].role != "assistant":
        raise DataError(
            f"{cells.where}: {cells.name('completion')} must begin with the assistant's message; "
            "move the others into the prompt"
        )
    return _conversation(cells, [*before, *after])


def _read_conversations(cells: Cells) -> Example:
    turns = read_messages(cells.take("conversations"), cells.name("conversations"), cells.where)
    return _conversation(cells, [*_system(cells), *turns])


def _pair(question: str, answer: str, more: str = "") -> Format:
    """A convention of a question, perhaps with its context, and an answer."""

    def read(cells: Cells) -> Example:
        asked = _text(cells, question, needed=False)
        about = _optional(cells, more) if more else ""
        prompt = f"{asked}\n{about}" if about.strip() else asked
        answered = Message("assistant", _text(cells, answer))
        before = [*_system(cells), *_history(cells)]
        return Example((*before, Message("user", prompt), answered), where=cells.where)

    return Format((question, answer), (more, "system", "history") if more else ("system", "history"), read)


def _history(cells: Cells) -> list[Message]:
    messages: list[Message] = []
    name = cells.name("history")
    for number, turn in enumerate(read_list(cells.take("history") or [], name, cells.where), start=1):
        what = f"turn {number} of {name}"
        pair = read_list(turn, what, cells.where)
        if len(pair) != 2:
            raise DataError(f"{cells.where}: {what} must be a pair of question and answer, found {len(pair)} items")
        texts = [read_text(text, what, cells.where) for text in pair]
        messages += [Message("user", texts[0]), Message("assistant", texts[1])]
    return messages


def _labels(text: str, label: str) -> Format:
    """A convention of a text and its class."""

    def read(cells: Cells) -> Example:
        messages = Message("user", _text(cells, text)), Message("assistant", _text(cells, label))
        return Example(messages, where=cells.where)

    return Format((text, label), (), read)


def _read_text(cells: Cells) -> Example:
    return Example(text=_text(cells, "text"), where=cells.where)


FORMATS: tuple[Format, ...] = (
    Format(("messages",), ("tools",), _read_messages),
    Format(("prompt", "completion"), ("system", "tools"), _read_prompt_completion),
    Format(("conversations",), ("system", "tools"), _read_conversations),
    _pair("instruction", "output", "input"),
    _pair("instruction", "response", "context"),
    _pair("question", "answer", "context"),
    _pair("query", "response"),
    _pair("prompt", "response"),
    _pair("question", "response"),
    _pair("instruction", "completion"),
    _pair("query", "answer"),
    _pair("input", "output"),
    _labels("text", "label_text"),
    _labels("text", "label"),
    _labels("sentence", "label"),
    Format(("text",), (), _read_text),
)
"""In the order they are tried: `text` is last because Alpaca's own file has such a column, too."""

COLUMN_NAMES = tuple(dict.fromkeys(name for known in FORMATS for name in (*known.columns, *known.optional)))
"""Uses of a column."""
