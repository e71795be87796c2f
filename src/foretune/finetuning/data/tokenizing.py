"""Turns examples into tokens: marks and template, where completions begin and end, truncation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import accumulate
from typing import TYPE_CHECKING, cast

import numpy as np

from foretune.errors import DataError
from foretune.finetuning.data.examples import Example, Message, Splits, not_learned
from foretune.finetuning.data.rendering import Piece, Renderer, Rendering
from foretune.finetuning.data.rows import Fault, check_bad_rows
from foretune.finetuning.data.splits import read_splits
from foretune.finetuning.data.template import ChatTemplate
from foretune.finetuning.data.tokens import TokenizedSplits, Tokens
from foretune.request import DEFAULT_MAX_LENGTH, DataRequest

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def read_tokens(request: DataRequest, tokenizer: PreTrainedTokenizerBase) -> tuple[Splits, TokenizedSplits]:
    """The rows that can be used of a request's dataset, as text and in tokens; the request's `end` is taken as it is.

    Raises:
        DataError: see `tokenize`.
    """
    splits, day = read_splits(request), date.fromisoformat(request.today) if request.today else None
    encoder = _Encoder.of(tokenizer, request.end, day)
    return _tokenized(splits, encoder, request.max_length or DEFAULT_MAX_LENGTH)


def tokenize(
    splits: Splits,
    tokenizer: PreTrainedTokenizerBase,
    max_length: int,
    *,
    end_token_id: int | None = None,
    today: date | None = None,
) -> TokenizedSplits:
    """Tokenize three splits; the loss is to be taken on completions only.

    A tokenizer's chat template is applied where it has one. Otherwise a row is the tokenizer's own begin token (if it
    adds one), the prompt, a space, the completion, and the end token. Begin and end tokens that the data has as text
    are not doubled. Rows longer than `max_length` lose their last turns, if they have several, then the beginning of
    their prompt, and, if that is not enough, the end of their completion; raw text loses its end.

    Args:
        splits: examples.
        tokenizer: of the model to finetune.
        max_length: tokens that a row may have, at least 2.
        end_token_id: ends completions, whatever the chat template writes; if None that, or else the tokenizer's end
            token. See `foretune.finetuning.ending` for models that cannot learn it.
        today: the day for chat templates that write the date; None for today.

    Raises:
        DataError: if every row of a split is too long, or the chat template rejects a conversation.
    """
    return _tokenized(splits, _Encoder.of(tokenizer, end_token_id, today), max_length)[1]


def _tokenized(splits: Splits, encoder: _Encoder, max_length: int) -> tuple[Splits, TokenizedSplits]:
    if max_length < 2:
        raise DataError(f"max_length is {max_length}; a row needs at least 2 tokens, one to predict and one before it")
    parts = {
        split: encoder.part(split, getattr(splits, split), max_length, skip=splits.skip_bad_rows)
        for split in ("train", "validation", "test")
    }
    notes = [*splits.notes, *(note for part in parts.values() for note in part.notes)]
    notes += _changes([one for part in parts.values() for one in part.renderings])
    return (
        replace(splits, **{split: part.examples for split, part in parts.items()}),
        TokenizedSplits(
            splits.name,
            **{split: part.tokens for split, part in parts.items()},
            notes=tuple(notes),
            cut=sum(part.cut for part in parts.values()),
        ),
    )


def tokenize_alone(
    examples: Sequence[Example], tokenizer: PreTrainedTokenizerBase, request: DataRequest, name: str
) -> tuple[Tokens, list[str]]:
    """Tokenize rows that are no split of a dataset as a request's rows are tokenized.

    Args:
        examples: the rows.
        tokenizer: of the model.
        request: of the dataset, with its length, its end and its day.
        name: of the rows, for notes and errors.

    Returns:
        The tokens, and notes on them.

    Raises:
        DataError: see `tokenize`.
    """
    day = date.fromisoformat(request.today) if request.today else None
    length, skip = request.max_length or DEFAULT_MAX_LENGTH, request.reading.skip_bad_rows
    part = _Encoder.of(tokenizer, request.end, day).part(name, examples, length, skip=skip)
    return part.tokens, [*part.notes, *_changes(part.renderings)]


def prompt_ids(asked: Example, tokenizer: PreTrainedTokenizerBase, *, end: int) -> list[int]:
    """The tokens that an answer follows, as they are in training rows before the completion.

    Args:
        asked: a conversation; its last message is a stand-in for the answer.
        tokenizer: of the model.
        end: see `tokenize`; ends earlier answers where there is no chat template.

    Raises:
        DataError: if the chat template rejects the conversation.
    """
    alone = replace(asked, messages=(*not_learned(asked.messages[:-1]), Message("assistant", "x")))
    return _Encoder.of(tokenizer, end, None).prompt(alone)


@dataclass(frozen=True)
class _Row:
    """Token ids of a row, where each learned part begins and ends, and where the row was read."""

    ids: list[int]
    learned: list[tuple[int, int]]
    where: str


@dataclass(frozen=True)
class _Part:
    """Rows that can be used, how they are written, their tokens, notes on them, and how many of them were cut."""

    examples: tuple[Example, ...]
    renderings: tuple[Rendering, ...]
    tokens: Tokens
    notes: tuple[str, ...]
    cut: int


@dataclass(frozen=True)
class _Encoder:
    """A tokenizer with the begin token of a text, the token that ends completions, the template's end token that this
    replaces, and the renderer of examples."""

    tokenizer: PreTrainedTokenizerBase
    begin: list[int]
    end: int | None
    replaced: int | None
    renderer: Renderer

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase, end_token_id: int | None, today: date | None) -> _Encoder:
        """For a tokenizer: its begin token, if it adds one, and the end of completions, the tokenizer's own if None."""
        end = end_token_id if end_token_id is not None else cast("int | None", tokenizer.eos_token_id)
        text = "" if end is None else str(tokenizer.convert_ids_to_tokens(end))
        template = ChatTemplate(tokenizer, today) if tokenizer.chat_template else None
        own = cast("list[int]", tokenizer("")["input_ids"])
        begin = own[:1] if own and own[0] == tokenizer.bos_token_id else []
        replaced = None if end_token_id is None or template is None else template.end_token_id
        return cls(tokenizer, begin, end, replaced, Renderer(tokenizer, template, text))

    def prompt(self, example: Example) -> list[int]:
        """The tokens before the last answer of an example, which is only a stand-in."""
        rendering = self.renderer.render(example)
        texts = list(accumulate(piece.text for piece in rendering.pieces))
        row = self._row(example, rendering, self._ids(texts))
        return row.ids[: row.learned[-1][0]]

    def part(self, split: str, examples: Sequence[Example], max_length: int, *, skip: bool) -> _Part:
        """A split, or other rows of this name."""
        kept, left_out = self._rows(split, examples, skip=skip)
        whole = [row for *_, row in kept]
        rows, said = _truncate(split, whole, max_length)
        return _Part(
            tuple(example for example, *_ in kept),
            tuple(rendering for _, rendering, _ in kept),
            _as_tokens(rows),
            (*left_out, *self._unknown(split, whole), *said),
            sum(len(row.ids) > max_length for row in whole),
        )

    def _rows(
        self, split: str, examples: Sequence[Example], *, skip: bool
    ) -> tuple[list[tuple[Example, Rendering, _Row]], list[str]]:
        """The rows that can be used, and notes on the others."""
        rendered: list[tuple[Example, Rendering]] = []
        faults: list[Fault] = []
        for example in examples:
            try:
                rendered.append((example, self.renderer.render(example)))
            except DataError as error:
                faults.append(Fault.of(example.where or "a row", error))
        texts = [list(accumulate(piece.text for piece in rendering.pieces)) for _, rendering in rendered]
        encoded = iter(self._ids([text for row in texts for text in row]))
        kept: list[tuple[Example, Rendering, _Row]] = []
        for (example, rendering), row in zip(rendered, texts, strict=True):
            ids = [next(encoded) for _ in row]
            try:
                kept.append((example, rendering, self._row(example, rendering, ids)))
            except DataError as error:
                faults.append(Fault.of(example.where or "a row", error))
        return kept, check_bad_rows(faults, len(examples), split, skip=skip)

    def _row(self, example: Example, rendering: Rendering, prefixes: Sequence[list[int]]) -> _Row:
        begins = rendering.needs_begin and self.tokenizer.bos_token_id is not None
        adds = rendering.needs_begin is None
        ids: list[int] = [cast("int", self.tokenizer.bos_token_id)] if begins else list(self.begin) if adds else []
        learned: list[tuple[int, int]] = []
        before: list[int] = []
        for piece, upto in zip(rendering.pieces, prefixes, strict=True):
            # Generation starts from the prompt's own tokens, so a token across the boundary must not be learned.
            fresh = upto[len(before) :] if upto[: len(before)] == before else self._piece(piece)
            start, before = len(ids), upto
            ids += fresh
            if piece.needs_end and self.end is not None:
                ids.append(self.end)
            if piece.learned and fresh:
                ids[start:] = self._ended(ids[start:])
                learned.append((start, len(ids)))
        if not learned or learned[-1][1] < len(ids) or len(ids) < 2:
            raise DataError(f"{example.where or 'a row'}: the tokenizer leaves nothing to learn of it; delete the row")
        return _Row(ids, learned, example.where)

    def _ended(self, ids: list[int]) -> list[int]:
        """A learned part with the end token in place of the template's own."""
        end = self.end
        return ids if self.replaced is None or end is None else [end if one == self.replaced else one for one in ids]

    def _ids(self, texts: list[str]) -> list[list[int]]:
        if not texts:
            return []
        # verbose=False: lengths are limited here, with a note, so the tokenizer need not warn about them.
        encoded = self.tokenizer(texts, add_special_tokens=False, return_attention_mask=False, verbose=False)
        return cast("list[list[int]]", encoded["input_ids"])

    def _piece(self, piece: Piece) -> list[int]:
        """Tokens of a part of a text; after a line end, since some tokenizers put a space before the first word."""
        after, alone, line_end = self._ids([f"\n{piece.text}", piece.text, "\n"])
        return after[len(line_end) :] if after[: len(line_end)] == line_end else alone

    def _unknown(self, split: str, rows: Sequence[_Row]) -> list[str]:
        unknown = cast("int | None", self.tokenizer.unk_token_id)
        # GPT-2 and its like name their end token as the unknown one, too.
        if unknown is None or unknown == self.tokenizer.eos_token_id:
            return []
        count = sum(unknown in row.ids for row in rows)
        return (
            [f"{split}: {count} of {len(rows)} rows hold characters that the tokenizer does not know"] if count else []
        )


def _changes(renderings: Sequence[Rendering]) -> list[str]:
    cleaned = sum(one.cleaned for one in renderings)
    last_only = sum(one.last_only for one in renderings)
    toolless = sum(one.toolless for one in renderings)
    notes: list[str] = []
    if cleaned:
        notes.append(
            f"{cleaned} of {len(renderings)} rows have begin or end tokens as text, or a space before an answer, that "
            "are written anyway; they were dropped, so that each is there once"
        )
    if toolless:
        notes.append(
            f"the tools of {toolless} rows are left aside, since the model's chat template does not write tools"
        )
    if last_only:
        notes.append(
            f"of {last_only} of {len(renderings)} conversations only the last answer is learned, since the "
            "model's chat template writes earlier answers in another way than the last one; to learn all, give a row "
            "for each answer"
        )
    return notes


def _truncate(split: str, rows: list[_Row], max_length: int) -> tuple[list[_Row], list[str]]:
    long = [row for row in rows if len(row.ids) > max_length]
    if not long:
        return rows, []
    if len(long) == len(rows):
        shortest = min(long, key=lambda row: len(row.ids))
        raise DataError(
            f"all {len(rows)} rows of {split} are longer than max_length={max_length} tokens; the shortest, "
            f"{shortest.where or 'one of them'}, has {len(shortest.ids)}. Raise max_length "
            "as far as the model allows, shorten the prompts, or use a model with a longer context"
        )
    cut = [_cut(row, max_length) for row in rows]
    turns = sum(len(now.learned) < len(row.learned) for now, row in zip(cut, rows, strict=True))
    ends = sum(_is_shorter(now, row) for now, row in zip(cut, rows, strict=True))
    note = f"{split}: {len(long)} of {len(rows)} rows are longer than {max_length} tokens and were cut: "
    parts = [f"{turns} lost their last turns"] if turns else []
    parts += ["prompts from the left"] if turns < len(long) or ends else []
    parts += [f"{ends} completions at their end"] if ends else []
    return cut, [note + ", and ".join(parts)]


def _is_shorter(now: _Row, row: _Row) -> bool:
    """Whether the last completion that is left has lost its end."""
    (start, end), (was_start, was_end) = now.learned[-1], row.learned[len(now.learned) - 1]
    return end - start < was_end - was_start


def _cut(row: _Row, max_length: int) -> _Row:
    ids, learned = row.ids, row.learned
    while len(ids) > max_length and len(learned) > 1:
        learned = learned[:-1]
        ids = ids[: learned[-1][1]]
    if len(ids) <= max_length:
        return _Row(ids, learned, row.where)
    start, end = learned[0]
    context = min(max(max_length - (end - start), 1), start)
    kept = ids[start - context : start] + ids[start:end][: max_length - context]
    return _Row(kept, [(context, len(kept))], row.where)


def _as_tokens(rows: Sequence[_Row]) -> Tokens:
    # Without a prompt or a begin token the first token of the completion is all there is to start from.
    starts = [max(row.learned[0][0], 1) for row in rows]
    between = {at: _between(row) for at, row in enumerate(rows) if len(row.learned) > 1}
    return Tokens(tuple(np.array(row.ids, dtype=np.int32) for row in rows), np.array(starts), between)


def _between(row: _Row) -> np.ndarray:
    gaps = zip(row.learned, row.learned[1:], strict=False)
    return np.concatenate([np.arange(end, start) for (_, end), (start, _) in gaps])
