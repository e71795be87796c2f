"""A base model with an adapter's difference added to its weights, compared with the adapter after it was written."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from peft import PeftModel
from torch.nn.functional import cross_entropy
from transformers import AutoConfig, PreTrainedModel

from foretune.errors import ModelError
from foretune.finetuning.data import Tokens
from foretune.finetuning.memory import lacks_memory
from foretune.finetuning.model import load_model, no_progress_bars, resolve_model

_LOSS_LIMIT = 0.01
"""In nats per token."""
_LOGIT_LIMITS = {torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 0.02}
"""Largest difference of a logit, as a share of the largest logit: rounding errors of weights and products come to a
tenth of it."""


@dataclass(frozen=True)
class Merged:
    """How a merged model compares with its adapter on some rows.

    Attributes:
        rows: that both read.
        logit_difference: largest one of all logits.
        largest_logit: without its sign, of the adapter.
        adapter_loss: nats per learned token, of the base model with its adapter.
        merged_loss: the same of the merged model, as it was written.
        dtype: of the written weights.
    """

    rows: int
    logit_difference: float
    largest_logit: float
    adapter_loss: float
    merged_loss: float
    dtype: torch.dtype

    @property
    def fault(self) -> str:
        """How they differ by more than rounding explains; empty if they do not."""
        share = self.logit_difference / max(self.largest_logit, 1e-12)
        limit = _LOGIT_LIMITS[self.dtype]
        if not share <= limit:
            return f"logits differ by up to {share:.2%} of the largest logit, more than the {limit:.1%} of rounding"
        if not abs(self.merged_loss - self.adapter_loss) <= _LOSS_LIMIT:
            return f"the loss is {self.merged_loss:.4f} instead of {self.adapter_loss:.4f}"
        return ""


def merge_adapter(
    base: str, adapter: Path, target: Path, tokens: Tokens, *, device: str = "cpu", dtype: torch.dtype | None = None
) -> Merged:
    """Write the merged model, read it back, and compare.

    The sum is computed in float32.

    Args:
        base: name or folder of the base model.
        adapter: folder of the adapter.
        target: an existing folder, for the weights and their configuration.
        tokens: rows to compare on; few, since all logits of their learned tokens are kept.
        device: where to compute.
        dtype: of the written weights; by default that of the base model's own file.

    Raises:
        ModelError: the adapter does not fit, or has layers that cannot be merged, or memory is short.
    """
    try:
        return _merge(base, adapter, target, tokens, device, dtype or _dtype_on_disk(base))
    except (RuntimeError, MemoryError) as error:
        if not lacks_memory(error):
            raise
        way = "free some, or merge on a larger machine" if device == "cpu" else "merge in main memory: --device cpu"
        raise ModelError(f"{device} has too little memory to merge into {base} in float32; {way}") from error


def _merge(base: str, adapter: Path, target: Path, tokens: Tokens, device: str, dtype: torch.dtype) -> Merged:
    model = load_model(base, device=device, dtype=torch.float32)
    try:
        with warnings.catch_warnings():
            # PEFT 0.21 asks transformers 5 for an attribute by its old name.
            warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
            adapted = PeftModel.from_pretrained(model, str(adapter)).eval()
        expected = _logits(adapted, tokens)
        merged = cast("Any", adapted).merge_and_unload(safe_merge=True)
    except (RuntimeError, ValueError) as error:
        if lacks_memory(error):
            raise
        reason = str(error).strip().splitlines()[0]
        raise ModelError(f"cannot merge {adapter} into {base}: {reason}; is this its base model?") from error
    with no_progress_bars():
        merged.to(dtype).save_pretrained(target)
    del model, adapted, merged  # there may be no room for two
    found = _logits(load_model(target, device=device, dtype=dtype), tokens)
    return Merged(
        rows=len(tokens),
        logit_difference=float((expected - found).abs().max()),
        largest_logit=float(expected.abs().max()),
        adapter_loss=_loss(expected, tokens),
        merged_loss=_loss(found, tokens),
        dtype=dtype,
    )


def _dtype_on_disk(base: str) -> torch.dtype:
    """Of the base model's weights, as its configuration names it; float32 where it names none that is known."""
    named = AutoConfig.from_pretrained(resolve_model(base)).dtype
    return named if named in _LOGIT_LIMITS else torch.float32


@torch.no_grad()
def _logits(model: PreTrainedModel | PeftModel, tokens: Tokens) -> torch.Tensor:
    """(learned tokens, vocabulary) of all rows, in float32 on the CPU."""
    device, parts = next(model.parameters()).device, list[torch.Tensor]()
    for row, ids in enumerate(tokens.input_ids):
        logits = cast("Any", model)(input_ids=torch.from_numpy(ids.astype("int64"))[None].to(device)).logits[0]
        parts.append(logits[:-1][torch.from_numpy(tokens.learned(row)[1:]).to(device)].float().cpu())
    return torch.cat(parts)


def _loss(logits: torch.Tensor, tokens: Tokens) -> float:
    """Nats per learned token."""
    labels = [ids[1:][tokens.learned(row)[1:]] for row, ids in enumerate(tokens.input_ids)]
    return float(cross_entropy(logits, torch.from_numpy(np.concatenate(labels).astype("int64"))))
