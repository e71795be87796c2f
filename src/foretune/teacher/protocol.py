"""What a teacher is asked, and what it answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Protocol


@dataclass(frozen=True)
class Request:
    """A request to a chat model.

    Attributes:
        system: its role.
        prompt: of the user.
        schema: JSON schema of the answer, for endpoints that enforce one; empty for any text.
        max_tokens: at which an answer is cut.
        temperature: 0 for the most likely words.
    """

    system: str
    prompt: str
    schema: Mapping[str, Any] = field(default_factory=dict[str, Any])
    max_tokens: int = 4096
    temperature: float = 0.0

    def body(self, model: str) -> dict[str, Any]:
        """The request in the words of the chat completions API, without the schema, which not every server takes."""
        return {
            "model": model,
            "messages": [{"role": "system", "content": self.system}, {"role": "user", "content": self.prompt}],
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
        }

    def key(self, model: str) -> str:
        """Digest of all that decides the answer."""
        return sha256(json.dumps(self.body(model), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Reply:
    """An answer.

    Attributes:
        text: of the model.
        prompt_tokens: as the teacher counted them; estimated if it did not.
        completion_tokens: likewise.
    """

    text: str
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class Failure:
    """A request without an answer, after all attempts; another request may succeed."""

    message: str


class Teacher(Protocol):
    """A chat model."""

    @property
    def name(self) -> str:
        """The model's."""
        ...

    @property
    def concurrency(self) -> int:
        """Requests that may be under way at a time."""
        ...

    def ask(self, request: Request) -> Reply | Failure:
        """Answer; called from several threads.

        Raises:
            TeacherError: no request can succeed.
        """
        ...


def estimate_tokens(text: str) -> int:
    """Four characters a token."""
    return (len(text) + 3) // 4
