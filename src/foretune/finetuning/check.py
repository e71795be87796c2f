"""Checks of a base model before any training: assumptions that scores and searches rely on."""

from __future__ import annotations

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from foretune.errors import ModelError
from foretune.finetuning.data import TokenizedSplits
from foretune.finetuning.model import check_token, embedding_rows
from foretune.finetuning.shape import shape_of

_PROBE = 24
"""Tokens of a row of the probe; the first two thirds stay, the others do not."""
_MOVED = {torch.float32: 3e-4, torch.float64: 3e-4}
_MOVED_ROUNDED = 0.05
"""Share of the logits' spread that counts as a move, in float32 and below: mixtures batch tokens by their experts,
which changes the rounding."""


@torch.no_grad()
def check_causal(model: PreTrainedModel) -> None:
    """Whether logits depend on the tokens before them alone: not on later ones, on padding, or on other rows.

    Scores are taken on rows that are padded on the right, without an attention mask; a model that looks ahead would see
    the answer that it is asked for.

    Args:
        model: in evaluation mode.

    Raises:
        ModelError: it looks ahead, or does not compute logits from tokens alone.
    """
    first, other, stay = _probes(model)
    try:
        both = model(input_ids=torch.stack([first, other]), use_cache=False).logits.float()
        alone = model(input_ids=first[None, :stay], use_cache=False).logits.float()
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # whatever a model says that needs more than text
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"{type(model).__name__} does not predict tokens from tokens alone: {reason}; give a causal language model"
        ) from error
    kept, spread = both[0, :stay], both[0].std().clamp_min(1e-9)
    moved = max(float((kept - one).square().mean().sqrt() / spread) for one in (both[1, :stay], alone[0]))
    if not moved <= _MOVED.get(next(model.parameters()).dtype, _MOVED_ROUNDED):
        raise ModelError(
            f"{type(model).__name__} is not causal: its predictions change with later tokens, so it would see the "
            "answers that it is scored on; give a causal language model (some are with `is_decoder: true`)"
        )


def _probes(model: PreTrainedModel) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Two rows of different tokens from all over the vocabulary, and up to which place they are the same."""
    rows, device = embedding_rows(model), embedding_rows(model).device
    length = min(_PROBE, shape_of(model).positions or _PROBE)
    stay = 2 * length // 3
    tokens = torch.linspace(0.1 * len(rows), 0.9 * len(rows), length, device=device).long().clamp_max(len(rows) - 1)
    return tokens, torch.cat([tokens[:stay], tokens[stay:].flip(0)]), stay


def check_sizes(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, data: TokenizedSplits) -> None:
    """Whether every token of a dataset has a row in the embedding, and every row of it fits the model's positions.

    Raises:
        ModelError: one does not.
    """
    rows = [row for split in (data.train, data.validation, data.test) for row in split.input_ids]
    check_token(max((int(row.max()) for row in rows), default=0), model, tokenizer)
    longest, positions = max(map(len, rows), default=0), shape_of(model).positions
    if positions is not None and longest > positions:
        raise ModelError(
            f"the longest row has {longest} tokens, the model has {positions} positions; "
            f"give --max-length {positions} or less"
        )
