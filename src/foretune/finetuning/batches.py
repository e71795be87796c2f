"""Batches of tokens: bucketed by length, padded on the right, and the model's logits at completion positions only.

Padding on the right of a causal model is never looked at by the real tokens, so no attention mask is needed and
attention takes its fast path; the output head, 40 % of the work in a small model, runs only where a completion token is
predicted.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from foretune.finetuning.data import Tokens

_WINDOW = 16
"""Batches that are sorted by length together: enough to save padding, few enough to keep the order random."""


@dataclass(frozen=True)
class Batch:
    """Rows padded to one length W.

    Attributes:
        input_ids: (B, W).
        predicts: (B, W), true where the next token belongs to a completion.
        labels: (P,) those next tokens, row by row.
        rows: (P,) the row (0 to B - 1) of each.
    """

    input_ids: torch.Tensor
    predicts: torch.Tensor
    labels: torch.Tensor
    rows: np.ndarray

    @property
    def tokens(self) -> int:
        """Numbers computed on, padding included."""
        return self.input_ids.numel()


def epoch_batches(lengths: np.ndarray, batch_size: int, *, seed: int, epoch: int) -> list[np.ndarray]:
    """The rows of each batch of an epoch: shuffled, sorted by length inside windows of 16 batches, batches shuffled.

    Args:
        lengths: (rows,) tokens of each row.
        batch_size: rows in a batch; a remainder makes one smaller batch.
        seed: of the run.
        epoch: from 0; the same arguments give the same batches.
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(lengths))
    batches: list[np.ndarray] = []
    for start in range(0, len(order), batch_size * _WINDOW):
        window = order[start : start + batch_size * _WINDOW]
        window = window[np.argsort(lengths[window], kind="stable")]
        batches += [window[at : at + batch_size] for at in range(0, len(window), batch_size)]
    return [batches[at] for at in rng.permutation(len(batches))]


def make_batch(tokens: Tokens, rows: Sequence[int] | np.ndarray, *, pad_id: int, device: str) -> Batch:
    """Pad the given rows to the longest of them.

    Args:
        tokens: where they come from.
        rows: their numbers.
        pad_id: fills the right end; any valid token, since nothing looks at it.
        device: where the tensors go.
    """
    chosen = [tokens.input_ids[row] for row in rows]
    ids = np.full((len(chosen), max(map(len, chosen))), pad_id, dtype=np.int64)
    predicts = np.zeros(ids.shape, dtype=bool)
    for at, (row, sequence) in enumerate(zip(rows, chosen, strict=True)):
        ids[at, : len(sequence)] = sequence
        # A token is predicted at the place before it.
        predicts[at, : len(sequence) - 1] = tokens.learned(int(row))[1:]
    labels = ids[:, 1:][predicts[:, :-1]]
    as_tensor = torch.from_numpy
    return Batch(
        as_tensor(ids).to(device), as_tensor(predicts).to(device), as_tensor(labels).to(device), np.nonzero(predicts)[0]
    )


def head_selection(model: nn.Module) -> str:
    """How this architecture can be told to run its output head on some positions only.

    Returns:
        `mask` (any positions), `columns` (whole columns of the batch) or `all` (no way).
    """
    base = getattr(model, "get_base_model", lambda: model)()
    if "logits_to_keep" not in inspect.signature(base.forward).parameters:
        return "all"
    # Since transformers 5 the shared slicing function takes boolean masks; older and remote code index columns.
    return "mask" if hasattr(sys.modules[type(base).__module__], "slice_logits_to_keep") else "columns"


def completion_logits(model: nn.Module, batch: Batch, selection: str) -> torch.Tensor:
    """Logits (P, vocabulary) of every completion token of the batch, row by row.

    Args:
        model: a causal language model, adapted or not.
        batch: padded rows.
        selection: see `head_selection`.
    """
    arguments: dict[str, Any] = {"input_ids": batch.input_ids, "use_cache": False}
    if selection == "mask":
        return model(**arguments, logits_to_keep=batch.predicts).logits
    if selection == "all":
        return model(**arguments).logits[batch.predicts]
    columns = batch.predicts.any(dim=0).nonzero().squeeze(1)
    return model(**arguments, logits_to_keep=columns).logits[batch.predicts[:, columns]]
