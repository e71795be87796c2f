"""The few types of a dataset before it is tokenized."""

from __future__ import annotations

from dataclasses import dataclass, field

from foretune.errors import DataError


@dataclass(frozen=True)
class Message:
    """One turn of a conversation; `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True)
class Example:
    """A conversation whose last message, the assistant's, is learned; or raw text, all of which is learned.

    Attributes:
        messages: empty if the example is raw text.
        text: empty if the example is a conversation.
        where: file and line it was read from, for messages to the user; does not take part in comparisons.
    """

    messages: tuple[Message, ...] = ()
    text: str = ""
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
        """What must not lie in two splits: the prompt with its roles, or all of an example without a prompt."""
        turns = self.messages[:-1] if any(turn.content.strip() for turn in self.messages[:-1]) else self.messages
        return "\x1e".join(f"{turn.role}\x1f{turn.content.strip()}" for turn in turns) or self.text.strip()


@dataclass(frozen=True)
class Splits:
    """A dataset, ready to be tokenized.

    Attributes:
        name: of the file, folder or hub dataset.
        train: what is learned.
        validation: what configurations and checkpoints are chosen by.
        test: what the final choice is reported on.
        notes: what was done to the data on its way here, for the user.
    """

    name: str
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for split in ("train", "validation", "test"):
            if not getattr(self, split):
                raise DataError(f"{self.name}: the {split} split has no rows; give it at least one")


def prompt_and_completion(example: Example) -> tuple[str, str]:
    """Both as plain text, without a chat template; the prompt of raw text is empty."""
    if example.text:
        return "", example.text
    return "\n".join(message.content for message in example.messages[:-1]), example.messages[-1].content
