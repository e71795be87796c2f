"""Answers to prompts, written greedily: the answers that a user sees before and after finetuning."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

import torch
from peft import PeftModel
from transformers import LogitsProcessor, LogitsProcessorList, PreTrainedModel, PreTrainedTokenizerBase

from foretune.finetuning.data import Example, Message, prompt_ids
from foretune.finetuning.ending import find_ending

if TYPE_CHECKING:
    from transformers.generation.streamers import BaseStreamer

_BATCH_ROWS = 32
_BATCH_TOKENS = 16_384
"""Prompts and answers of a batch, padding counted."""
_TIMED_TOKENS = 8
"""Of an answer, to know what each of its tokens takes."""


@torch.inference_mode()
def answer(
    model: PreTrainedModel | PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str | Sequence[Message] | Example],
    max_new_tokens: int = 64,
    *,
    stops: Sequence[int] = (),
    observe: Callable[[int], None] = lambda _: None,
    streamer: BaseStreamer | None = None,
    processor: LogitsProcessor | None = None,
) -> list[str]:
    """Greedy answers, formatted and ended as the training rows were.

    Args:
        model: adapted or not.
        tokenizer: of the base model.
        prompts: conversations that the assistant is to go on with; a string is the only message of its own, and the
            last message of an example is a stand-in for the answer.
        max_new_tokens: at which an answer that does not end is cut.
        stops: tokens that end an answer, see `Ending`; found by a look at the model if there are none.
        observe: is told after each batch how many prompts are answered.
        streamer: is given the tokens of a single prompt as they come.
        processor: changes the scores of the next token of a single prompt.

    Returns:
        One text for each prompt, without special tokens and surrounding space.
    """
    if not prompts:
        return []
    base = cast("PreTrainedModel", model.get_base_model() if isinstance(model, PeftModel) else model)
    ends = list(stops) or list(find_ending(base, tokenizer).stops)
    limit = _context(base, max_new_tokens)
    rows = [prompt_ids(_asked(prompt), tokenizer, end=ends[0])[-limit:] for prompt in prompts]
    answers = [""] * len(rows)
    training, done = model.training, 0
    model.eval()
    for batch in _batches([len(row) for row in rows], max_new_tokens):
        written = _write(model, [rows[at] for at in batch], ends, max_new_tokens, streamer, processor)
        for at, ids in zip(batch, written, strict=True):
            answers[at] = str(tokenizer.decode(_until(ids, ends), skip_special_tokens=True)).strip()
        done += len(batch)
        observe(done)
    model.train(training)
    return answers


def seconds_per_answer(
    model: PreTrainedModel | PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Example],
    max_new_tokens: int,
    *,
    stops: Sequence[int],
) -> float:
    """Seconds of an answer in a full batch, if it has as many tokens as it may have; see `answer` for the arguments.

    The beginning of the answers of one batch is timed, and their further tokens taken to be as quick.
    """

    def seconds(batch: Sequence[Example], tokens: int) -> float:
        begun = time.perf_counter()
        answer(model, tokenizer, batch, tokens, stops=stops)
        return time.perf_counter() - begun

    batch = prompts[:_BATCH_ROWS]
    seconds(batch[:1], 1)  # loads kernels
    first, more = seconds(batch, 1), seconds(batch, 1 + _TIMED_TOKENS)
    return (first + max(more - first, 0.0) / _TIMED_TOKENS * (max_new_tokens - 1)) / len(batch)


def _asked(prompt: str | Sequence[Message] | Example) -> Example:
    if isinstance(prompt, Example):
        return prompt
    messages = [Message("user", prompt)] if isinstance(prompt, str) else prompt
    return Example((*messages, Message("assistant", "x")))


def _context(model: PreTrainedModel, max_new_tokens: int) -> int:
    """Tokens of a prompt that leave room for the answer; the beginning of a longer one is cut, as in training."""
    positions = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return max(int(positions) - max_new_tokens, 1) if positions else 2**31


def _batches(lengths: Sequence[int], max_new_tokens: int) -> Iterator[list[int]]:
    """Prompts of like length together, the longest first, so that a shortage of memory shows at once."""
    left = sorted(range(len(lengths)), key=lambda at: lengths[at], reverse=True)
    while left:
        size = min(max(_BATCH_TOKENS // (lengths[left[0]] + max_new_tokens), 1), _BATCH_ROWS)
        yield left[:size]
        left = left[size:]


def _write(
    model: PreTrainedModel | PeftModel,
    rows: Sequence[Sequence[int]],
    stops: list[int],
    max_new_tokens: int,
    streamer: BaseStreamer | None,
    processor: LogitsProcessor | None = None,
) -> list[list[int]]:
    ids, mask = _padded_left(rows, pad_id=stops[0])
    device = next(model.parameters()).device
    written = cast("Any", model).generate(
        input_ids=ids.to(device),
        attention_mask=mask.to(device),
        do_sample=False,
        max_new_tokens=max_new_tokens,
        eos_token_id=stops,
        pad_token_id=stops[0],
        streamer=streamer,
        logits_processor=None if processor is None else LogitsProcessorList([processor]),
    )
    return cast("list[list[int]]", written[:, ids.shape[1] :].tolist())


def _until(ids: Sequence[int], stops: Sequence[int]) -> list[int]:
    """Without the token that ended them, which need not be one that is skipped as special, and padding."""
    end = next((at for at, token in enumerate(ids) if token in stops), len(ids))
    return list(ids[:end])


def _padded_left(rows: Sequence[Sequence[int]], *, pad_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    width = max(len(row) for row in rows)
    ids = torch.tensor([[pad_id] * (width - len(row)) + list(row) for row in rows])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
    return ids, mask
