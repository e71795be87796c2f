"""Reads the parts of conversations: texts, messages with their parts and tool calls, schemas of tools."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, cast

from foretune.errors import DataError
from foretune.finetuning.data.examples import Message
from foretune.parsing import parse_json

_ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
}
_ALSO_READ = ("tool_calls", "tool_call_id", "name", "reasoning_content", "thinking")
"""Fields of a message that chat templates read besides role and content."""


def read_text(value: object, what: str, where: str, *, needed: bool = True) -> str:
    """A text, or a number or truth value as it was written.

    Raises:
        DataError: if it is something else, empty though needed, or no valid Unicode.
    """
    value = written(value)
    if not isinstance(value, str):
        found = "null" if value is None else type(value).__name__
        raise DataError(f"{where}: {what} must be a string, found {found}; write it in quotes or delete the row")
    if needed and not value.strip():
        raise DataError(f"{where}: {what} is empty; fill it in or delete the row")
    if not value.isascii():
        _check_characters(value, what, where)
    return value


def written(value: object) -> object:
    """Numbers and truth values as JSON writes them, all else as it is; NaN becomes null."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isnan(value):
        return None
    return str(value) if isinstance(value, int | float) else value


def _check_characters(value: str, what: str, where: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise DataError(f"{where}: {what} holds half a surrogate pair at character {error.start}; delete it") from error


def read_list(value: object, what: str, where: str) -> list[Any]:
    """A list.

    Raises:
        DataError: if it is none.
    """
    if not isinstance(value, list):
        raise DataError(
            f"{where}: {what} must be a list, found {type(value).__name__}; "
            "a CSV file cannot hold lists, use JSONL or Parquet for these"
        )
    return cast("list[Any]", value)


def read_messages(value: object, column: str, where: str) -> list[Message]:
    """The messages of a column, in the manner of OpenAI and TRL (role, content) or ShareGPT (from, value).

    Raises:
        DataError: if one is not as it should be.
    """
    turns = read_list(value, column, where)
    if not turns:
        raise DataError(f"{where}: the conversation has no messages; fill it in or delete the row")
    return [_message(turn, f"message {n} of {column}", where) for n, turn in enumerate(turns, start=1)]


def _message(value: object, what: str, where: str) -> Message:
    if not isinstance(value, Mapping):
        raise DataError(f"{where}: {what} must be an object with 'role' and 'content', found {type(value).__name__}")
    turn = cast("Mapping[str, Any]", value)
    of_sharegpt = "role" not in turn and "from" in turn
    role_name, content_name = ("from", "value") if of_sharegpt else ("role", "content")
    role = turn.get(role_name)
    if not isinstance(role, str) or role.lower() not in _ROLES:
        raise DataError(f"{where}: {what} has {role_name} {role!r}; use one of {', '.join(_ROLES)}")
    known = _ROLES[role.lower()]
    other = {name: turn[name] for name in _ALSO_READ if turn.get(name)}
    if "tool_calls" in other:
        other["tool_calls"] = _tool_calls(other["tool_calls"], what, where)
    needed = known == "assistant" and "tool_calls" not in other
    content = _content(turn.get(content_name), f"'{content_name}' of {what}", where, needed=needed, role=known)
    return Message(known, content, _to_json(other, what, where) if other else "", learned=turn.get("weight") != 0)


def _content(value: object, what: str, where: str, *, needed: bool, role: str) -> str:
    if isinstance(value, list):
        parts = [_part(part, what, where) for part in cast("list[Any]", value)]
        return read_text("".join(parts), what, where, needed=needed)
    if value is None and role == "assistant" and not needed:
        return ""
    if isinstance(value, dict) and role == "tool":
        return _to_json(value, what, where)
    return read_text(value, what, where, needed=needed)


def _part(part: object, what: str, where: str) -> str:
    """The text of one part of a content, as the API of OpenAI has them."""
    if isinstance(part, str):
        return part
    fields = cast("Mapping[str, Any]", part) if isinstance(part, Mapping) else {}
    kind = fields.get("type")
    if kind in ("text", "input_text", "output_text") and isinstance(fields.get("text"), str):
        return fields["text"]
    found = f"a part of type {kind!r}" if kind else f"a part that is {type(part).__name__}"
    raise DataError(f"{where}: {what} has {found}; only parts of type 'text' can be learned, so delete the row")


def _tool_calls(value: object, what: str, where: str) -> list[Any]:
    """Calls with their arguments as objects, which is how chat templates take them; OpenAI has them as JSON text."""
    calls: list[Any] = []
    for call in read_list(_from_json(value, f"'tool_calls' of {what}", where), f"'tool_calls' of {what}", where):
        function: Any = call.get("function", call) if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping) or "name" not in function:
            raise DataError(f"{where}: 'tool_calls' of {what} needs the name of a function in each call; see TRL")
        named = cast("Mapping[str, Any]", function)
        arguments = _from_json(named.get("arguments") or {}, f"'arguments' of {what}", where)
        calls.append({"type": "function", "function": {**named, "arguments": arguments}})
        if cast("Mapping[str, Any]", call).get("id"):
            calls[-1]["id"] = cast("Mapping[str, Any]", call)["id"]
    return calls


def read_tools(value: object, what: str, where: str) -> str:
    """Schemas of tools, a list or the same as JSON text, as one JSON text; empty if there are none.

    Raises:
        DataError: if it is something else.
    """
    if not value:
        return ""
    tools = read_list(_from_json(value, what, where), what, where)
    if not all(isinstance(tool, Mapping) for tool in tools):
        raise DataError(f"{where}: {what} must hold a JSON schema for each tool; see the documentation of TRL")
    return _to_json(tools, what, where)


def _from_json(value: object, what: str, where: str) -> object:
    if not isinstance(value, str):
        return _without_nulls(value)
    try:
        return parse_json(value)
    except ValueError as error:
        raise DataError(f"{where}: {what} is no valid JSON ({error}); correct it or delete the row") from error


def _without_nulls(value: object) -> Any:
    """Without the values that Parquet fills in: each object there has the fields of all others, as null."""
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        return {name: _without_nulls(inner) for name, inner in fields.items() if inner is not None}
    return [_without_nulls(inner) for inner in cast("list[Any]", value)] if isinstance(value, list) else value


def _to_json(value: Any, what: str, where: str) -> str:
    text = json.dumps(value, ensure_ascii=False)
    _check_characters(text, what, where)
    return text
