"""Scores of a model on a split, without generating: likelihood, accuracy and exact match under teacher forcing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import nn
from torch.nn import functional

from foretune.errors import DataError
from foretune.finetuning.batches import Batch, completion_logits, head_selection, make_batch
from foretune.finetuning.data import TokenizedSplits, Tokens
from foretune.finetuning.memory import in_halves
from foretune.finetuning.model import autocast, vocabulary_size

_BATCH_TOKENS = {"cpu": 1_024, "cuda": 32_768}
"""Padded tokens of an evaluation batch; on a CPU 1,024 fit its cache and took 20 % less time than 4,096."""

_LOGITS = {"cpu": 2**24, "cuda": 2**27}
"""Most logits of one batch, whatever the vocabulary: 64 or 512 MiB in float32."""

Progress = Callable[[int, int], None]
"""Is told how many rows are done, and of how many."""


@dataclass(frozen=True)
class Scores:
    """How well a model completes a split.

    Attributes:
        nll: mean negative log-likelihood (nats) per completion token.
        token_accuracy: share of completion tokens that are the model's first choice given the true tokens before them.
        exact_match: share of rows where all of them are, which is exactly when greedy decoding writes the completion.
        nll_error: standard error of `nll` (nats) if the rows are a sample of all that there could be, see
            `standard_error`; None for a single row.
        rows: that were scored; 0 where that was not kept.
    """

    nll: float
    token_accuracy: float
    exact_match: float
    nll_error: float | None = None
    rows: int = 0


@dataclass(frozen=True)
class RowLosses:
    """Scores with what they are made of, so that two models can be compared on the same rows.

    Attributes:
        scores: of all rows together.
        losses: (rows,) negative log-likelihood (nats) of the completion tokens of each row together.
    """

    scores: Scores
    losses: Float[np.ndarray, " n"]


def evaluate(
    model: nn.Module,
    tokens: Tokens,
    *,
    rows: Sequence[int] | np.ndarray | None = None,
    pad_id: int = 0,
    progress: Progress | None = None,
) -> Scores:
    """Score a model on the completions of a split, see `evaluate_rows`."""
    return evaluate_rows(model, tokens, rows=rows, pad_id=pad_id, progress=progress).scores


@torch.inference_mode()
def evaluate_rows(
    model: nn.Module,
    tokens: Tokens,
    *,
    rows: Sequence[int] | np.ndarray | None = None,
    pad_id: int = 0,
    progress: Progress | None = None,
) -> RowLosses:
    """Score a model on the completions of a split, row by row; the model's training mode is left as found.

    Args:
        model: a causal language model, adapted or not.
        tokens: the split.
        rows: numbers of the rows to score; None for all.
        pad_id: any valid token.
        progress: is told after each batch.

    Raises:
        DataError: there are no rows.
    """
    chosen = np.arange(len(tokens.input_ids)) if rows is None else np.unique(np.asarray(rows, dtype=np.int64))
    if not len(chosen):
        raise DataError("there are no rows to evaluate on; give a split with at least one row")
    training, selection = model.training, head_selection(model)
    vocabulary = vocabulary_size(model)
    device = str(next(model.parameters()).device)
    nll, hits, exact, done = 0.0, 0, 0, 0
    losses, lengths = np.zeros(len(tokens.input_ids)), np.zeros(len(tokens.input_ids))

    def predict(part: np.ndarray) -> tuple[Batch, torch.Tensor, torch.Tensor]:
        batch = make_batch(tokens, part, pad_id=pad_id, device=device)
        logits = completion_logits(model, batch, selection).float()
        return batch, logits, logits.log_softmax(dim=-1)

    model.eval()
    with autocast(device):
        for part, (batch, logits, log_p) in in_halves(_batches(tokens, chosen, device, vocabulary), predict):
            nll += float(functional.nll_loss(log_p, batch.labels, reduction="sum"))
            each = -log_p.gather(1, batch.labels[:, None]).squeeze(1).cpu().numpy()
            losses[part] = np.bincount(batch.rows, weights=each, minlength=len(part))
            lengths[part] = np.bincount(batch.rows, minlength=len(part))
            correct = (logits.argmax(dim=-1) == batch.labels).cpu().numpy()
            hits += int(correct.sum())
            exact += len(part) - len(np.unique(batch.rows[~correct]))
            done += len(part)
            if progress:
                progress(done, len(chosen))
    model.train(training)
    count = max(int(lengths.sum()), 1)
    error = standard_error(losses[chosen], lengths[chosen])
    scores = Scores(nll / count, hits / count, exact / len(chosen), error, len(chosen))
    return RowLosses(scores, losses[chosen])


def standard_error(losses: Float[np.ndarray, " n"], lengths: Float[np.ndarray, " n"]) -> float | None:
    """Standard error of the mean loss of a token, which is a ratio of two sums over rows that both vary.

    Rows are independent, tokens of a row are not. With R = sum S / sum N, the delta method (Cochran, *Sampling
    Techniques*, 1977, chapter 6) gives

        sqrt(n / (n - 1) sum (S_i - R N_i)^2) / sum N

    Args:
        losses: S_i, the loss of a row's tokens together.
        lengths: N_i, how many they are.

    Returns:
        In the unit of R; None for fewer than two rows, or no tokens.
    """
    n, total = len(losses), float(lengths.sum())
    if n < 2 or total == 0:
        return None
    residuals = losses - losses.sum() / total * lengths
    return math.sqrt(n / (n - 1) * float(residuals @ residuals)) / total


def _batches(tokens: Tokens, chosen: np.ndarray, device: str, vocabulary: int) -> list[np.ndarray]:
    lengths, completions = tokens.lengths, tokens.completion_lengths
    kind = "cuda" if device.startswith("cuda") else "cpu"
    budget, most_logits = _BATCH_TOKENS[kind], _LOGITS[kind]
    batches: list[list[int]] = [[]]
    logits = 0
    for row in chosen[np.argsort(lengths[chosen], kind="stable")]:
        logits += int(completions[row]) * vocabulary
        if batches[-1] and (lengths[row] * (len(batches[-1]) + 1) > budget or logits > most_logits):
            batches.append([])
            logits = int(completions[row]) * vocabulary
        batches[-1].append(int(row))
    return [np.array(batch) for batch in batches]


def zero_shot(model: nn.Module, data: TokenizedSplits) -> dict[str, Scores]:
    """Scores of the untouched base model on the `validation` and `test` splits."""
    return {name: evaluate(model, getattr(data, name)) for name in ("validation", "test")}
