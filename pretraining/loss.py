"""Linear layer and cross-entropy in one step, a chunk of tokens at a time, so that the logits stay in cache."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


class _LinearCrossEntropy(torch.autograd.Function):
    """Computes both gradients in the forward pass: logits are made once and never stored."""

    @staticmethod
    def forward(ctx, hidden: Tensor, weight: Tensor, targets: Tensor, chunk: int) -> Tensor:
        scale = 1.0 / len(targets)
        low = weight.to(hidden.dtype)
        d_hidden = torch.empty_like(hidden)
        d_weight = torch.zeros_like(weight)
        total = hidden.new_zeros((), dtype=torch.float32)
        for start in range(0, len(targets), chunk):
            part, target = hidden[start : start + chunk], targets[start : start + chunk]
            log_probabilities = F.log_softmax((part @ low.T).float(), dim=-1)
            total += F.nll_loss(log_probabilities, target, reduction="sum")
            d_logits = log_probabilities.exp_()
            d_logits[torch.arange(len(target), device=target.device), target] -= 1.0
            d_logits = d_logits.mul_(scale).to(hidden.dtype)
            d_hidden[start : start + chunk] = d_logits @ low
            d_weight += (d_logits.T @ part).to(d_weight.dtype)
        ctx.save_for_backward(d_hidden, d_weight)
        return total * scale

    @staticmethod
    def backward(ctx, *grads: Tensor):
        d_hidden, d_weight = ctx.saved_tensors
        return d_hidden * grads[0], d_weight * grads[0], None, None


def linear_cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor, chunk: int = 512) -> Tensor:
    """Mean cross-entropy of `hidden @ weight.T` against `targets`.

    Args:
        hidden: (tokens, width).
        weight: (vocabulary, width).
        targets: (tokens,) int64.
        chunk: tokens whose logits are alive at once.
    """
    return _LinearCrossEntropy.apply(hidden, weight, targets, chunk)
