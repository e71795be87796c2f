"""Turns examples into tokens: chat template, where the completion begins, its end, truncation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from foretune.errors import DataError
from foretune.finetune.data.examples import Example, Splits, prompt_and_completion

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Tokens:
    """The rows of one split.

    Attributes:
        input_ids: prompt and completion of each row, int32, at least two tokens.
        completion_starts: (rows,) where the completion begins; at least 1, since nothing predicts the first token.
    """

    input_ids: tuple[np.ndarray, ...]
    completion_starts: np.ndarray

    def __post_init__(self) -> None:
        starts = np.array(self.completion_starts, dtype=np.int64)
        if starts.shape != (len(self.input_ids),) or ((starts < 1) | (starts >= self.lengths)).any():
            raise ValueError(
                "expected one completion start per row, after the first token and before the end of the row"
            )
        starts.setflags(write=False)
        object.__setattr__(self, "completion_starts", starts)

    def __len__(self) -> int:
        return len(self.input_ids)

    @cached_property
    def lengths(self) -> np.ndarray:
        """(rows,) tokens of each row."""
        return np.array([len(row) for row in self.input_ids], dtype=np.int64)

    @property
    def completion_lengths(self) -> np.ndarray:
        """(rows,) tokens of each row that the loss is taken on."""
        return self.lengths - self.completion_starts

    @property
    def total(self) -> int:
        """All tokens of the split, prompts included."""
        return int(self.lengths.sum())


@dataclass(frozen=True)
class TokenizedSplits:
    """What a model is trained, chosen and reported on; `notes` adds what tokenizing did to those of `Splits`."""

    name: str
    train: Tokens
    validation: Tokens
    test: Tokens
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class _Rendering:
    """Text before and from the start of the completion, and whether it carries its own begin and end marks."""

    prompt: str
    completion: str
    begun: bool
    ended: bool


def tokenize(
    splits: Splits, tokenizer: PreTrainedTokenizerBase, max_length: int, *, end_token_id: int | None = None
) -> TokenizedSplits:
    """Tokenize three splits; the loss is to be taken on completions only.

    A tokenizer's chat template is applied where it has one. Otherwise a row is the tokenizer's own begin token (if it
    adds one), the prompt, a space, the completion, and the end token. Rows longer than `max_length` lose the beginning
    of their prompt, and, if that is not enough, the end of their completion; raw text loses its end.

    Args:
        splits: examples.
        tokenizer: of the model to finetune.
        max_length: tokens that a row may have, at least 2.
        end_token_id: ends completions where the chat template does not; the tokenizer's end token if None. Give another
            one for a model that never learned its end token.

    Raises:
        DataError: if every row of a split is too long, or the chat template rejects a conversation.
    """
    if max_length < 2:
        raise DataError(f"max_length is {max_length}; a row needs at least 2 tokens, one to predict and one before it")
    end = end_token_id if end_token_id is not None else cast("int | None", tokenizer.eos_token_id)
    notes = list(splits.notes)
    parts: list[Tokens] = []
    for split in ("train", "validation", "test"):
        examples: tuple[Example, ...] = getattr(splits, split)
        rows = _encode(examples, tokenizer, end)
        notes += _unknown(split, rows, tokenizer)
        rows, cut = _truncate(split, rows, examples, max_length)
        parts.append(_as_tokens(rows))
        notes += cut
    return TokenizedSplits(splits.name, *parts, notes=tuple(notes))


_Ids = tuple[list[int], list[int]]
"""Token ids of the prompt and of the completion of one row."""


def _encode(examples: Sequence[Example], tokenizer: PreTrainedTokenizerBase, end: int | None) -> list[_Ids]:
    renderings = [_render(example, tokenizer) for example in examples]
    prompts = _ids(tokenizer, [rendering.prompt for rendering in renderings])
    wholes = _ids(tokenizer, [rendering.prompt + rendering.completion for rendering in renderings])
    begin = _begin(tokenizer)
    rows: list[_Ids] = []
    for example, rendering, prompt, whole in zip(examples, renderings, prompts, wholes, strict=True):
        # Generation starts from the prompt's own tokens, so a token across the boundary must not be learned.
        if whole[: len(prompt)] == prompt and len(whole) > len(prompt):
            completion = whole[len(prompt) :]
        else:
            completion = _ids(tokenizer, [rendering.completion])[0]
        row = (prompt if rendering.begun else [*begin, *prompt], _end(completion, end, ended=rendering.ended))
        if not completion or len(row[0]) + len(row[1]) < 2:
            raise DataError(f"{example.where or 'a row'}: the tokenizer leaves nothing to learn of it; delete the row")
        rows.append(row)
    return rows


def _ids(tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> list[list[int]]:
    # verbose=False: lengths are limited here, with a note, so the tokenizer need not warn about them.
    encoded = tokenizer(texts, add_special_tokens=False, return_attention_mask=False, verbose=False)
    return cast("list[list[int]]", encoded["input_ids"])


def _begin(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """What the tokenizer puts before any text: its begin token or nothing."""
    own = cast("list[int]", tokenizer("")["input_ids"])
    return own[:1] if own and own[0] == tokenizer.bos_token_id else []


def _end(completion: list[int], end: int | None, *, ended: bool) -> list[int]:
    if end is None:
        return completion
    if not ended:
        return [*completion, end]
    # What a template writes after the end token (often a line end) is never generated.
    last = max((at for at, token in enumerate(completion) if token == end), default=len(completion) - 1)
    return completion[: last + 1]


def _render(example: Example, tokenizer: PreTrainedTokenizerBase) -> _Rendering:
    if example.text:
        return _Rendering("", example.text, begun=False, ended=False)
    if not tokenizer.chat_template:
        prompt, completion = prompt_and_completion(example)
        separator = " " if prompt and not prompt[-1].isspace() else ""
        return _Rendering(prompt, separator + completion, begun=False, ended=False)
    conversation = [{"role": message.role, "content": message.content} for message in example.messages]
    prompt = _apply_template(tokenizer, conversation[:-1], example.where, add_generation_prompt=True)
    whole = _apply_template(tokenizer, conversation, example.where, add_generation_prompt=False)
    answer = conversation[-1]["content"]
    completion = whole[len(prompt) :] if whole.startswith(prompt) else ""
    if not completion.strip():
        return _Rendering(prompt, answer, begun=True, ended=False)
    return _Rendering(prompt, completion, begun=True, ended=not completion.rstrip().endswith(answer.rstrip()))


def _apply_template(
    tokenizer: PreTrainedTokenizerBase, conversation: list[dict[str, str]], where: str, *, add_generation_prompt: bool
) -> str:
    import jinja2  # noqa: PLC0415 (only where there is a template)

    try:
        rendered: Any = tokenizer.apply_chat_template(
            conversation, tokenize=False, add_generation_prompt=add_generation_prompt
        )
    except jinja2.TemplateError as error:
        roles = ", ".join(message["role"] for message in conversation)
        raise DataError(
            f"{where or 'a row'}: the model's chat template rejects a conversation with the roles {roles} ({error}); "
            "change the conversation (a system message can often be put before the first question)"
        ) from error
    return cast("str", rendered)


def _truncate(
    split: str, rows: list[_Ids], examples: Sequence[Example], max_length: int
) -> tuple[list[_Ids], list[str]]:
    lengths = [len(prompt) + len(completion) for prompt, completion in rows]
    count = sum(length > max_length for length in lengths)
    if not count:
        return rows, []
    if count == len(rows):
        shortest = int(np.argmin(lengths))
        raise DataError(
            f"all {count} rows of {split} are longer than max_length={max_length} tokens; the shortest, "
            f"{examples[shortest].where or f'row {shortest + 1}'}, has {lengths[shortest]}. Raise max_length "
            "as far as the model allows, shorten the prompts, or use a model with a longer context"
        )
    kept = [_cut(prompt, completion, max_length) for prompt, completion in rows]
    shortened = sum(len(now[1]) < len(before[1]) for now, before in zip(kept, rows, strict=True))
    note = (
        f"{split}: {count} of {len(rows)} rows are longer than {max_length} tokens and were cut: prompts from the left"
    )
    return kept, [f"{note}, and {shortened} completions at their end" if shortened else note]


def _cut(prompt: list[int], completion: list[int], max_length: int) -> _Ids:
    if len(prompt) + len(completion) <= max_length:
        return prompt, completion
    context = min(max(max_length - len(completion), 1), len(prompt))
    return prompt[len(prompt) - context :], completion[: max_length - context]


def _unknown(split: str, rows: list[_Ids], tokenizer: PreTrainedTokenizerBase) -> list[str]:
    unknown = cast("int | None", tokenizer.unk_token_id)
    # GPT-2 and its like name their end token as the unknown one, too.
    if unknown is None or unknown == tokenizer.eos_token_id:
        return []
    count = sum(unknown in prompt or unknown in completion for prompt, completion in rows)
    return [f"{split}: {count} of {len(rows)} rows hold characters that the tokenizer does not know"] if count else []


def _as_tokens(rows: list[_Ids]) -> Tokens:
    # Without a prompt or a begin token the first token of the completion is all there is to start from.
    starts = [max(len(prompt), 1) for prompt, _ in rows]
    return Tokens(tuple(np.array(prompt + completion, dtype=np.int32) for prompt, completion in rows), np.array(starts))
