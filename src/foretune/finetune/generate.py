"""Answers to prompts, written greedily: what a user sees before and after finetuning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from peft import PeftModel
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from foretune.finetune.data import Example, Message, Splits, Tokens, tokenize
from foretune.finetune.model import end_token_id


@torch.inference_mode()
def answer(
    model: PreTrainedModel | PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    max_new_tokens: int = 64,
) -> list[str]:
    """Greedy answers, formatted and ended as the training rows were.

    Args:
        model: adapted or not.
        tokenizer: of the base model.
        prompts: plain text, each the only message of its conversation.
        max_new_tokens: at which an answer that does not end is cut.

    Returns:
        One text for each prompt, without special tokens and surrounding space.
    """
    if not prompts:
        return []
    base = cast("PreTrainedModel", model.get_base_model() if isinstance(model, PeftModel) else model)
    rows = _tokenized(tokenizer, prompts, end_token_id(base, tokenizer))
    stops = _stops(rows, tokenizer)
    ids, mask = _padded_left(rows, pad_id=stops[0])
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    written = cast("Any", model).generate(
        input_ids=ids.to(device),
        attention_mask=mask.to(device),
        do_sample=False,
        max_new_tokens=max_new_tokens,
        eos_token_id=stops,
        pad_token_id=stops[0],
    )
    model.train(training)
    texts = tokenizer.batch_decode(written[:, ids.shape[1] :], skip_special_tokens=True)
    return [text.strip() for text in texts]


def _tokenized(tokenizer: PreTrainedTokenizerBase, prompts: Sequence[str], end: int) -> Tokens:
    """Rows with a stand-in for the answer, so that prompts look exactly as in training."""
    examples = tuple(Example(messages=(Message("user", prompt), Message("assistant", "x"))) for prompt in prompts)
    splits = Splits("prompts", examples, examples[:1], examples[:1])
    return tokenize(splits, tokenizer, max_length=tokenizer.model_max_length, end_token_id=end).train


def _stops(rows: Tokens, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Special tokens that follow the stand-in; the begin token can be one of them (see `end_token_id`)."""
    special = set(tokenizer.all_special_ids)
    special |= {token for token, added in tokenizer.added_tokens_decoder.items() if added.special}
    completion = rows.input_ids[0][rows.completion_starts[0] :]
    stops = [int(token) for token in completion if int(token) in special]
    return stops or [int(completion[-1])]


def _padded_left(rows: Tokens, *, pad_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    width = int(rows.completion_starts.max())
    ids = np.full((len(rows), width), pad_id, dtype=np.int64)
    mask = np.zeros_like(ids)
    for at, (sequence, start) in enumerate(zip(rows.input_ids, rows.completion_starts, strict=True)):
        ids[at, width - start :] = sequence[:start]
        mask[at, width - start :] = 1
    return torch.from_numpy(ids), torch.from_numpy(mask)
