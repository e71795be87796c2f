"""Applies a chat template, with the day of the run in place of the day of the call."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from foretune.errors import DataError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_GENERATION = re.compile(r"\{%-?\s*generation\s*-?%\}")
_CLOCK = "strftime_now"
_FROZEN_CLOCK = (
    "{% macro strftime_now(format) %}{% set frozen = namespace(text=format) %}"
    "{% for directive, text in frozen_directives.items() %}"
    "{% set frozen.text = frozen.text.replace(directive, text) %}{% endfor %}{{ frozen.text }}{% endmacro %}{{ '' }}"
)
"""Goes before a template and hides the function of this name that transformers offers: callables cannot be passed."""
_DIRECTIVES = "aAbBcdDeFgGHIjklmMnpPrRsSTuUVwWxXyYzZ"
_PROBE = "ForetuneProbe"


@dataclass(frozen=True)
class ChatTemplate:
    """The chat template of a tokenizer.

    Attributes:
        tokenizer: which has one.
        today: the day that the template is told; None for today.
    """

    tokenizer: PreTrainedTokenizerBase
    today: date | None = None

    def text(
        self, conversation: Sequence[Mapping[str, Any]], tools: Any = None, *, prompt: bool, where: str = ""
    ) -> str:
        """A conversation as text.

        Args:
            conversation: messages as chat templates take them.
            tools: schemas of the tools; None if there are none.
            prompt: whether the beginning of the assistant's next message is added.
            where: the conversation is from, for messages to the user.

        Raises:
            DataError: if the template rejects the conversation.
        """
        return self._render(conversation, tools, where, add_generation_prompt=prompt)[0]

    def blocks(self, conversation: Sequence[Mapping[str, Any]], tools: Any, where: str) -> list[tuple[int, int]]:
        """Where each message of the assistant begins and ends in the text, where the template marks it.

        Returns:
            No pairs if the template has no `{% generation %}`.
        """
        if not _GENERATION.search(self._source(tools)):
            return []
        _, found = self._render(conversation, tools, where, return_assistant_tokens_mask=True)
        return found

    def writes_tools(self, tools: Any) -> bool:
        """Whether the template has a place for schemas of tools."""
        return "tools" in self._source(tools)

    @cached_property
    def after_answer(self) -> str:
        """The text that the template writes after the last answer, such as `<|im_end|>` and a line end."""
        return self._probed.rpartition(_PROBE)[2]

    @cached_property
    def turn_end(self) -> str:
        """The end of a turn in that text: up to the first special token, and special tokens directly after it.

        Empty if nothing but space is written.
        """
        after = self.after_answer
        ends = [at + len(token) for token in self.specials if (at := after.find(token)) >= 0]
        if not ends:
            return after.rstrip()
        end = min(ends)
        while following := next((token for token in self.specials if after.startswith(token, end)), ""):
            end += len(following)
        return after[:end]

    @cached_property
    def in_parts(self) -> bool:
        """Whether the template wants contents as lists of parts, like templates of image models."""
        return _PROBE not in self._probe(in_parts=False) and _PROBE in self._probe(in_parts=True)

    @property
    def _probed(self) -> str:
        text = self._probe(in_parts=self.in_parts)
        return text if _PROBE in text else ""

    def _probe(self, *, in_parts: bool) -> str:
        """A conversation with a known answer; empty if the template rejects it."""
        asked = [{"role": "user", "content": "?"}, {"role": "assistant", "content": _PROBE}]
        try:
            return self._render(asked, None, "", in_parts=in_parts)[0]
        except DataError:
            return ""

    @cached_property
    def end_token_id(self) -> int | None:
        """The special token that ends a turn; None if the template writes none."""
        mark = next((token for token in self.specials if self.turn_end.endswith(token)), None)
        return None if mark is None else cast("int", self.tokenizer.convert_tokens_to_ids(mark))

    @cached_property
    def specials(self) -> tuple[str, ...]:
        """The special tokens of the tokenizer as text."""
        return special_tokens(self.tokenizer)

    def turn(self, text: str) -> tuple[str, bool]:
        """A turn without the text after its end, and whether a special token ends it."""
        at = text.rfind(self.turn_end) if self.turn_end else -1
        bare = text[: at + len(self.turn_end)] if at >= 0 else text.rstrip()
        ended = bare.endswith(self.specials)
        return (bare, ended) if ended or at >= 0 else (text.removesuffix(self.after_answer), False)

    def _source(self, tools: Any) -> str:
        return self.tokenizer.get_chat_template(None, tools)

    def _render(
        self,
        conversation: Sequence[Mapping[str, Any]],
        tools: Any,
        where: str,
        *,
        in_parts: bool | None = None,
        **options: bool,
    ) -> tuple[str, list[tuple[int, int]]]:
        import jinja2  # noqa: PLC0415 (only where there is a template)
        from transformers.utils.chat_template_utils import render_jinja_template  # noqa: PLC0415

        source, variables = self._source(tools), cast("dict[str, Any]", {**self.tokenizer.special_tokens_map})
        if self.today and _CLOCK in source:
            source = _FROZEN_CLOCK + source
            variables["frozen_directives"] = _directives(self.today)
        messages = [dict(one) for one in conversation]
        if self.in_parts if in_parts is None else in_parts:
            messages = [{**one, "content": [{"type": "text", "text": one["content"]}]} for one in messages]

        def rendered(messages: list[dict[str, Any]]) -> Any:
            return render_jinja_template(
                conversations=[messages], tools=tools, chat_template=source, **options, **variables
            )

        try:
            try:
                texts, blocks = rendered(messages)
            except TypeError:
                # Some templates put the arguments of a call into the text as they are, which objects cannot be.
                texts, blocks = rendered([_with_arguments_as_text(one) for one in messages])
        except (jinja2.TemplateError, TypeError) as error:
            roles = ", ".join(str(message["role"]) for message in conversation)
            raise DataError(
                f"{where or 'a row'}: the model's chat template rejects a conversation with the roles {roles} "
                f"({error}); change the conversation (a system message can often be put before the first question)"
            ) from error
        return texts[0], list(blocks[0]) if blocks else []


def _with_arguments_as_text(message: dict[str, Any]) -> dict[str, Any]:
    calls = [
        {**call, "function": {**call["function"], "arguments": json.dumps(call["function"]["arguments"])}}
        for call in message.get("tool_calls", ())
    ]
    return {**message, "tool_calls": calls} if calls else message


def _directives(today: date) -> dict[str, str]:
    """The text of each directive of `strftime` on a day; longer ones first, a literal percent sign last."""
    plain = {f"%{letter}": today.strftime(f"%{letter}") for letter in _DIRECTIVES}
    short = {f"%-{letter}": today.strftime(f"%{letter}").lstrip("0") or "0" for letter in "dmjHIMSyU"}
    return {**short, **plain, "%%": "%"}


def special_tokens(tokenizer: PreTrainedTokenizerBase) -> tuple[str, ...]:
    """All special tokens as text, including added tokens."""
    added = [str(token) for token in tokenizer.added_tokens_decoder.values() if token.special]
    return tuple(token for token in dict.fromkeys([*map(str, tokenizer.all_special_tokens), *added]) if token)
