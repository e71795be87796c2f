"""Examples as the rows that trainers read: conversations, prompts with completions, or pieces of written-out text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, cast

from foretune.finetuning.data import Example
from foretune.finetuning.data.rendering import Renderer
from foretune.finetuning.data.template import ChatTemplate
from foretune.interop.trainers.planned import Form

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Style = Literal["turns", "split", "pieces"]
"""Of conversations: whole, with the prompt apart where one answer is learned, or as written-out text."""


@dataclass(frozen=True)
class RowWriter:
    """Writes examples as the rows of a trainer.

    Attributes:
        form: of the dataset.
        renderer: writes the chat template out.
        begin: what the tokenizer puts before a text, as text.
        ends: the template's end of an answer, and the end that is learned in its place.
    """

    form: Form
    renderer: Renderer
    begin: str
    ends: tuple[str, str]

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase, form: Form, ends: tuple[int, int], day: date) -> RowWriter:
        """For the tokenizer of the base model, with the template's end token and the one in its place."""
        own, end = (str(one) for one in tokenizer.convert_ids_to_tokens(list(ends)))
        template = ChatTemplate(tokenizer, day) if tokenizer.chat_template else None
        first = cast("list[int]", tokenizer("")["input_ids"])
        begin = str(tokenizer.bos_token) if first and first[0] == tokenizer.bos_token_id else ""
        return cls(form, Renderer(tokenizer, template, end), begin, (own, end))

    def row(self, example: Example, style: Style, *, last_only: bool) -> dict[str, Any]:
        """An object for a line of JSON.

        Args:
            example: as it is learned, see `Renderer.as_learned`.
            style: that the trainer reads.
            last_only: whether each row of the dataset has one answer that is learned, its last message.
        """
        if style == "pieces":
            return {"pieces": list(self._pieces(example))}
        if self.form == "chat":
            return _conversation(example, style, last_only=last_only)
        rendering = self.renderer.render(example)
        *asked, answer = rendering.pieces
        if self.form == "plain":
            return {"prompt": "".join(piece.text for piece in asked), "completion": answer.text}
        begin = str(self.renderer.tokenizer.bos_token) if rendering.needs_begin and not self.begin else ""
        return {"text": begin + answer.text}

    def _pieces(self, example: Example) -> Iterator[tuple[str, bool]]:
        rendering, (own, end) = self.renderer.render(example), self.ends
        begin = str(self.renderer.tokenizer.bos_token) if rendering.needs_begin else ""
        if opening := begin or (self.begin if rendering.needs_begin is None else ""):
            yield opening, False
        for piece in rendering.pieces:
            text = piece.text.replace(own, end) if piece.learned and rendering.needs_begin is False else piece.text
            text += end if piece.needs_end else ""
            if text:
                yield text, piece.learned


def _conversation(example: Example, style: Style, *, last_only: bool) -> dict[str, Any]:
    messages: list[dict[str, Any]] = []
    for at, message in enumerate(example.messages):
        other = json.loads(message.other) if message.other else {}
        unlearned = message.role == "assistant" and at not in example.learned and style == "turns"
        left = {"train": False} if unlearned else {}
        messages.append({"role": message.role, "content": message.content, **other, **left})
    tools = {"tools": json.loads(example.tools)} if example.tools else {}
    if style == "split" and last_only:
        return {"prompt": messages[:-1], "completion": messages[-1:], **tools}
    return {"messages": messages, **tools}
