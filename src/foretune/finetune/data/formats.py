"""Recognizes the column conventions of TRL, Alpaca and ShareGPT, and turns a row into an example.

A new convention is one function and one line in `FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from foretune.errors import DataError
from foretune.finetune.data.examples import Example, Message
from foretune.finetune.data.files import Row

_ROLES = {
    "system": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
}


@dataclass(frozen=True)
class Format:
    """A convention: the columns it needs, those it may have, and how an example is made of them."""

    columns: tuple[str, ...]
    optional: tuple[str, ...]
    read: Callable[[Row], Example]

    def __str__(self) -> str:
        names = " + ".join(self.columns)
        return f"{names} (with {', '.join(self.optional)})" if self.optional else names


def read_example(row: Row) -> Example:
    """The example that a row holds.

    Raises:
        DataError: if no convention fits, or a value is missing, empty or of the wrong type.
    """
    for known in FORMATS:
        present = [row.values[column] for column in known.columns if column in row.values]
        # Tables made of several sources have every column, and null where it does not apply.
        if len(present) == len(known.columns) and any(value is not None for value in present):
            return known.read(row)
    found = ", ".join(repr(str(name)) for name in row.values) or "none"
    raise DataError(
        f"{row.where}: columns missing; found: {found}; recognized: {'; '.join(map(str, FORMATS))}. "
        "Rename the columns to one of these sets, for instance the question to 'prompt' and the answer to 'completion'"
    )


def _text(value: object, what: str, where: str, *, needed: bool = True) -> str:
    if not isinstance(value, str):
        found = "null" if value is None else type(value).__name__
        raise DataError(f"{where}: {what} must be a string, found {found}; write it in quotes or delete the row")
    if needed and not value.strip():
        raise DataError(f"{where}: {what} is empty; fill it in or delete the row")
    if not value.isascii():
        _check_characters(value, what, where)
    return value


def _check_characters(value: str, what: str, where: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise DataError(f"{where}: {what} holds half a surrogate pair at character {error.start}; delete it") from error


def _list(value: object, what: str, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise DataError(
            f"{where}: {what} must be a list, found {type(value).__name__}; "
            "a CSV file cannot hold lists, use JSONL or Parquet for these"
        )
    return cast("list[Any]", value)


def _message(value: object, role_name: str, content_name: str, what: str, where: str) -> Message:
    if not isinstance(value, Mapping):
        raise DataError(
            f"{where}: {what} must be an object with '{role_name}' and '{content_name}', found {type(value).__name__}"
        )
    turn = cast("Mapping[str, Any]", value)
    role = turn.get(role_name)
    if not isinstance(role, str) or role not in _ROLES:
        raise DataError(f"{where}: {what} has {role_name} {role!r}; use one of {', '.join(_ROLES)}")
    learned = _ROLES[role] == "assistant"
    content = _text(turn.get(content_name), f"'{content_name}' of {what}", where, needed=learned)
    return Message(_ROLES[role], content)


def _messages(value: object, column: str, where: str, names: tuple[str, str] = ("role", "content")) -> list[Message]:
    turns = _list(value, f"'{column}'", where)
    return [_message(turn, *names, f"message {n} of '{column}'", where) for n, turn in enumerate(turns, start=1)]


def _conversation(messages: Sequence[Message], where: str) -> Example:
    if not messages:
        raise DataError(f"{where}: the conversation has no messages; fill it in or delete the row")
    return Example(tuple(messages), where=where)


def _read_messages(row: Row) -> Example:
    return _conversation(_messages(row.values["messages"], "messages", row.where), row.where)


def _read_prompt_completion(row: Row) -> Example:
    prompt, completion = row.values["prompt"], row.values["completion"]
    if isinstance(prompt, list):
        before = _messages(cast("list[Any]", prompt), "prompt", row.where)
    else:
        before = [Message("user", _text(prompt, "'prompt'", row.where, needed=False))]
    if not isinstance(completion, list):
        return _conversation([*before, Message("assistant", _text(completion, "'completion'", row.where))], row.where)
    answer = _messages(cast("list[Any]", completion), "completion", row.where)
    if [message.role for message in answer] != ["assistant"]:
        raise DataError(
            f"{row.where}: 'completion' must hold exactly one message, the assistant's; move the others into 'prompt'"
        )
    return _conversation([*before, *answer], row.where)


def _read_conversations(row: Row) -> Example:
    turns = _messages(row.values["conversations"], "conversations", row.where, ("from", "value"))
    return _conversation(turns, row.where)


def _read_alpaca(row: Row) -> Example:
    where = row.where
    optional = {
        name: _text(row.values.get(name) or "", f"'{name}'", where, needed=False) for name in ("system", "input")
    }
    instruction = _text(row.values["instruction"], "'instruction'", where)
    question = f"{instruction}\n{optional['input']}" if optional["input"].strip() else instruction
    system = [Message("system", optional["system"])] if optional["system"].strip() else []
    answer = Message("assistant", _text(row.values["output"], "'output'", where))
    return _conversation([*system, *_history(row), Message("user", question), answer], where)


def _history(row: Row) -> list[Message]:
    messages: list[Message] = []
    for number, turn in enumerate(_list(row.values.get("history") or [], "'history'", row.where), start=1):
        what = f"turn {number} of 'history'"
        pair = _list(turn, what, row.where)
        if len(pair) != 2:
            raise DataError(f"{row.where}: {what} must be a pair of question and answer, found {len(pair)} items")
        texts = [_text(text, what, row.where) for text in pair]
        messages += [Message("user", texts[0]), Message("assistant", texts[1])]
    return messages


def _read_text(row: Row) -> Example:
    return Example(text=_text(row.values["text"], "'text'", row.where), where=row.where)


FORMATS: tuple[Format, ...] = (
    Format(("messages",), (), _read_messages),
    Format(("prompt", "completion"), (), _read_prompt_completion),
    Format(("conversations",), (), _read_conversations),
    Format(("instruction", "output"), ("input", "system", "history"), _read_alpaca),
    Format(("text",), (), _read_text),
)
"""In the order they are tried: `text` is last because Alpaca's own file has such a column, too."""
