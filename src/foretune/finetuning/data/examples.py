"""The few types of a dataset before it is tokenized."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from foretune.errors import DataError


@dataclass(frozen=True)
class Message:
    """One turn of a conversation.

    Attributes:
        role: system, user, assistant or tool.
        content: the text; may be empty where an assistant only calls tools.
        other: JSON object of further entries for chat templates, such as `tool_calls`; may be empty.
        learned: whether the loss is taken on it; only the assistant's messages ever are.
    """

    role: str
    content: str
    other: str = ""
    learned: bool = True

    @property
    def said(self) -> str:
        """The content, or the tool calls of a message without content."""
        return self.content or self.other


def not_learned(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The same messages, none of them learned."""
    return tuple(replace(one, learned=False) if one.role == "assistant" else one for one in messages)


@dataclass(frozen=True)
class Example:
    """A conversation whose assistant's messages are learned, the last one always; or raw text, all of it learned.

    Attributes:
        messages: empty if the example is raw text.
        text: empty if the example is a conversation.
        tools: JSON list of the schemas of the tools that the assistant may call; empty if there are none.
        where: file and line it was read from, for messages to the user; does not take part in comparisons.
    """

    messages: tuple[Message, ...] = ()
    text: str = ""
    tools: str = ""
    where: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if bool(self.messages) == bool(self.text):
            raise DataError(f"{self.where or 'an example'}: expected either messages or text; give one of the two")
        if self.messages and (len(self.messages) < 2 or self.messages[-1].role != "assistant"):
            roles = ", ".join(message.role for message in self.messages)
            raise DataError(
                f"{self.where or 'an example'}: a conversation must end with the assistant's answer to an "
                f"earlier message, but its roles are: {roles}. Add what is missing or delete the row"
            )

    @property
    def prompt_key(self) -> str:
        """The key that must not be in two splits: the prompt with its roles, or all of an example without a prompt."""
        turns = self.messages[:-1] if any(turn.said.strip() for turn in self.messages[:-1]) else self.messages
        return "\x1e".join(f"{turn.role}\x1f{turn.said.strip()}" for turn in turns) or self.text.strip()

    @property
    def learned(self) -> tuple[int, ...]:
        """Numbers of the messages that are learned; one that answers nothing is not."""
        last = len(self.messages) - 1
        return tuple(
            at
            for at, message in enumerate(self.messages)
            if at == last or (at and message.role == "assistant" and message.learned)
        )

    def last_turn_only(self) -> Example:
        """The same with nothing learned but the last message."""
        return replace(self, messages=(*not_learned(self.messages[:-1]), *self.messages[-1:]))


@dataclass(frozen=True)
class Splits:
    """A dataset, ready to be tokenized.

    Attributes:
        name: of the file, folder or hub dataset.
        train: examples to learn from.
        validation: examples that choose configurations and checkpoints.
        test: examples for the report on the final choice.
        notes: changes to the data, for the user.
        skip_bad_rows: whether rows that cannot be used are left out, and counted in a note, instead of being an error.
    """

    name: str
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]
    notes: tuple[str, ...] = ()
    skip_bad_rows: bool = False

    def __post_init__(self) -> None:
        for split in ("train", "validation", "test"):
            if not getattr(self, split):
                raise DataError(f"{self.name}: the {split} split has no rows; give it at least one")


def prompt_and_completion(example: Example) -> tuple[str, str]:
    """Both as plain text, without a chat template; the prompt of raw text is empty."""
    if example.text:
        return "", example.text
    return "\n".join(message.said for message in example.messages[:-1]), example.messages[-1].said
