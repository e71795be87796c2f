"""From an example to text: pieces that are given, pieces that are learned, and each begin, end and opening mark
once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from foretune.errors import DataError
from foretune.finetuning.data.examples import Example, Message
from foretune.finetuning.data.template import ChatTemplate, special_tokens

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_OPENED = re.compile(r"(?P<mark><[\w:-]+>|\[[A-Z_]+\])(?P<space>\s*)\Z")
_THINKS = re.compile(r"think|thought|reason", re.IGNORECASE)
_ONE_SPACE = re.compile(r" (?=\S)")


@dataclass(frozen=True)
class Piece:
    """A part of a row.

    Attributes:
        text: may be empty.
        learned: whether the loss is taken on it.
        needs_end: whether the end token has to be put after it, since the text does not have one.
    """

    text: str
    learned: bool
    needs_end: bool = False


@dataclass(frozen=True)
class Rendering:
    """A row as text.

    Attributes:
        pieces: in their order; the last one is learned.
        needs_begin: whether the begin token has to be put before it: yes, no, or None for where the tokenizer does it.
        cleaned: whether marks that the data has were dropped, because they are written anyway.
        last_only: whether answers that should be learned are not, because the template changes them later on.
        toolless: whether the row has tools that the template does not write.
    """

    pieces: tuple[Piece, ...]
    needs_begin: bool | None
    cleaned: bool = False
    last_only: bool = False
    toolless: bool = False


@dataclass(frozen=True)
class Renderer:
    """Writes examples as a model expects them.

    Attributes:
        tokenizer: of the model.
        template: its chat template; None if it has none.
        end: the end token as text; empty if there is none.
    """

    tokenizer: PreTrainedTokenizerBase
    template: ChatTemplate | None
    end: str = ""

    def render(self, example: Example) -> Rendering:
        """The text of an example.

        Raises:
            DataError: if the chat template rejects it, or has no place for what it calls.
        """
        if example.text:
            text = self._bare(example.text)
            begun = bool(self._begin and self._begin.match(example.text))
            pieces = (Piece(text, learned=True, needs_end=True),)
            return Rendering(pieces, True if begun else None, cleaned=text != example.text)
        messages, cleaned = self._clean(example)
        if self.template is None:
            _check_plain(example)
            return Rendering(_plain(messages, example.learned), None, cleaned)
        return replace(self._by_template(example, messages, self.template), cleaned=cleaned)

    def as_learned(self, example: Example) -> Example:
        """A conversation with the contents that are written, and without marks on answers that are not learned.

        Raises:
            DataError: see `render`.
        """
        if example.text:
            return example
        cleaned = replace(example, messages=tuple(self._clean(example)[0]))
        return cleaned.last_turn_only() if self.render(example).last_only else cleaned

    @cached_property
    def _begin(self) -> re.Pattern[str] | None:
        mark = self.tokenizer.bos_token
        return re.compile(rf"(?:\s*{re.escape(str(mark))})+ ?") if mark else None

    @cached_property
    def _ends(self) -> tuple[str, ...]:
        turn_end = self.template.turn_end.strip() if self.template else ""
        own = turn_end if turn_end in special_tokens(self.tokenizer) else ""
        return tuple({str(mark) for mark in (self.tokenizer.eos_token, self.end, own) if mark})

    def _bare(self, text: str) -> str:
        """Without the begin and end tokens around it; a text that is nothing else stays."""
        bare = self._begin.sub("", text, count=1) if self._begin and self._begin.match(text) else text
        while end := next((mark for mark in self._ends if bare.rstrip().endswith(mark)), ""):
            bare = bare.rstrip().removesuffix(end).rstrip()
        return bare if bare.strip() else text

    def _clean(self, example: Example) -> tuple[list[Message], bool]:
        messages: list[Message] = []
        for message in example.messages:
            content = self._bare(message.content)
            if self.template and message.role == "assistant":
                # The space of a completion that was made to follow its prompt at once; a template has its own.
                content = _ONE_SPACE.sub("", content, count=1) if _ONE_SPACE.match(content) else content
            messages.append(replace(message, content=content))
        return messages, any(a.content != b.content for a, b in zip(messages, example.messages, strict=True))

    def _by_template(self, example: Example, messages: Sequence[Message], template: ChatTemplate) -> Rendering:
        conversation = [_as_dict(message) for message in messages]
        tools: Any = json.loads(example.tools) if example.tools else None
        prompt = template.text(conversation[:-1], tools, prompt=True, where=example.where)
        whole = template.text(conversation, tools, prompt=False, where=example.where)
        earlier = example.learned[:-1]
        blocks = template.blocks(conversation, tools, example.where) if earlier and whole.startswith(prompt) else []
        speaks = [at for at, message in enumerate(messages) if message.role == "assistant"]
        if blocks and len(blocks) == len(speaks):
            marked = dict(zip(speaks, blocks, strict=True))
            asked = [_text_or_nothing(conversation[:at], tools, template) for at in earlier]
            spans = [_marked_span(whole, marked[at], ask, template) for at, ask in zip(earlier, asked, strict=True)]
        else:
            spans = _spans(conversation, earlier, prompt, tools, template)
        answer = _answer(prompt, whole, messages[-1], template)
        for message, text in _written(messages, earlier, spans, prompt, answer):
            _check_calls(message, text, example.where)
        pieces = (*_pieces(prompt, spans), answer)
        toolless = bool(tools) and not template.writes_tools(tools)
        return Rendering(pieces, needs_begin=False, last_only=len(spans) < len(earlier), toolless=toolless)


def _as_dict(message: Message) -> dict[str, Any]:
    return {
        "role": message.role,
        "content": message.content,
        **(json.loads(message.other) if message.other else {}),
    }


def _answer(prompt: str, whole: str, message: Message, template: ChatTemplate) -> Piece:
    """The last answer as it follows the prompt that generation starts from."""
    text = whole[len(prompt) :] if whole.startswith(prompt) else ""
    if not text.strip():
        # The template writes an answer in another way than it asks for one, so the answer itself has to do.
        rest = whole[_common(prompt, whole) :]
        text = rest if _calls(message) else message.content + template.turn_end
    text, ended = template.turn(_continued(prompt, text))
    return Piece(text, learned=True, needs_end=not ended)


def _common(one: str, other: str) -> int:
    """Characters that two texts have in common from the beginning."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _continued(prompt: str, answer: str) -> str:
    """An answer after a prompt that may have opened its thinking: that is opened once, and closed."""
    opened = _OPENED.search(prompt)
    if opened is None:
        return answer
    line_end = "\n" if opened["space"] else ""
    if answer.lstrip().startswith(opened["mark"]):
        answer = answer.lstrip().removeprefix(opened["mark"]).removeprefix(line_end)
    closed = opened["mark"][0] + "/" + opened["mark"][1:]
    if _THINKS.search(opened["mark"]) and closed not in answer:
        return f"{line_end}{closed}{line_end * 2}{answer}"
    return answer


def _spans(
    conversation: Sequence[dict[str, Any]], learned: Sequence[int], base: str, tools: Any, template: ChatTemplate
) -> list[tuple[int, int]]:
    """Where each of these messages stands in a text; none if one of them is written in another way there."""
    spans: list[tuple[int, int]] = []
    for at in learned:
        span = _span(conversation[: at + 1], base, tools, template)
        if span is None:
            return []
        spans.append(span)
    return spans


def _span(
    conversation: Sequence[dict[str, Any]], base: str, tools: Any, template: ChatTemplate
) -> tuple[int, int] | None:
    """Where the last message of a conversation stands in the text of a longer one; None if it is another there."""
    try:
        prompt = template.text(conversation[:-1], tools, prompt=True)
        whole = template.text(conversation, tools, prompt=False)
    except DataError:
        return None
    turn = template.turn(whole[len(prompt) :])[0]
    same = whole.startswith(prompt) and base.startswith(prompt + turn)
    return (len(prompt), len(prompt) + len(turn)) if same and turn.strip() else None


def _text_or_nothing(conversation: Sequence[dict[str, Any]], tools: Any, template: ChatTemplate) -> str:
    """The prompt of a conversation; empty if the template rejects it."""
    try:
        return template.text(conversation, tools, prompt=True)
    except DataError:
        return ""


def _marked_span(whole: str, block: tuple[int, int], prompt: str, template: ChatTemplate) -> tuple[int, int]:
    """The span that the template itself marks as the assistant's: from the end of the prompt to the end of the turn."""
    begin, end = block
    asked = _common(prompt, whole)
    begin = asked if begin < asked < end else begin
    turn, ended = template.turn(whole[begin:end])
    if not ended and template.turn_end and whole.startswith(template.turn_end, end):
        return begin, end + len(template.turn_end)
    return begin, begin + len(turn)


def _pieces(text: str, spans: Sequence[tuple[int, int]]) -> Iterator[Piece]:
    at = 0
    for start, end in spans:
        yield Piece(text[at:start], learned=False)
        yield Piece(text[start:end], learned=True)
        at = end
    yield Piece(text[at:], learned=False)


def _written(
    messages: Sequence[Message],
    earlier: Sequence[int],
    spans: Sequence[tuple[int, int]],
    prompt: str,
    answer: Piece,
) -> Iterator[tuple[Message, str]]:
    """Each message that is learned, with its text."""
    for at, (start, end) in zip(earlier, spans, strict=False):
        yield messages[at], prompt[start:end]
    yield messages[-1], answer.text


def _calls(message: Message) -> list[Any]:
    return json.loads(message.other).get("tool_calls", []) if message.other else []


def _check_calls(message: Message, text: str, where: str) -> None:
    for call in _calls(message):
        if call["function"]["name"] not in text:
            raise DataError(
                f"{where or 'a row'}: the model's chat template does not write tool calls, such as that of "
                f"{call['function']['name']!r}; use a model that knows tools, or delete the row"
            )


def _check_plain(example: Example) -> None:
    if example.tools or any(message.role == "tool" or _calls(message) for message in example.messages):
        raise DataError(
            f"{example.where or 'a row'}: the row has tools, and the model has no chat template to write them; "
            "use a model that knows tools, or delete the row"
        )


def _plain(messages: Sequence[Message], learned: Sequence[int]) -> tuple[Piece, ...]:
    """Without a template: messages on lines of their own, answers after a space and with an end token each."""
    pieces: list[Piece] = []
    for at, message in enumerate(messages):
        before = pieces[-1] if pieces else Piece("", learned=False)
        if message.role == "assistant" and not before.needs_end:
            pieces.append(Piece(_after(before.text, message.content), learned=at in learned, needs_end=True))
            continue
        text = f"\n{message.content}" if at else message.content
        if message.role == "assistant":
            pieces.append(Piece(text, learned=at in learned, needs_end=True))
        elif pieces and not before.needs_end:
            pieces[-1] = Piece(before.text + text, learned=False)
        else:
            pieces.append(Piece(text, learned=False))
    return tuple(pieces)


def _after(before: str, answer: str) -> str:
    """An answer with a single space before it, unless a line end or space already separates it from the text before."""
    if before.endswith(" ") and _ONE_SPACE.match(answer):
        return answer[1:]
    return answer if not before or before[-1].isspace() or answer[:1].isspace() else f" {answer}"
