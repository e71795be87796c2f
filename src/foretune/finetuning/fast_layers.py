"""Layers made cheaper on a CPU: products with frozen weights, and LoRA layers with their dropout.

Half of a training step of a small model goes into matrix products at the processor's peak in float32, most of them with
weights that nothing trains; in bfloat16, as accelerators would compute them, they take less than half of that. Another
tenth goes into drawing one Bernoulli number per activation; 16 random bits each do as well. A LoRA layer reads and
writes its activations many times; as one step of the backward pass it does so less often.

Torch compiles a kernel for every new shape of a bfloat16 product, which takes longer than the product, and keeps a
thousand of them. Batches of text have ever new shapes, so rows are filled up to one of a few dozen counts.

Adapters are never merged into weights in bfloat16: that drops what a short run, or a low learning rate, has learned.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from peft.tuners import lora
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn
from torch.autograd.function import FunctionCtx

_LEVELS = 2**16
_LEAST_ROWS = 64
_INT64 = torch.iinfo(torch.int64)


def has_bfloat16_instructions() -> bool:
    """Whether this CPU multiplies bfloat16 matrices faster than float32 ones."""
    return bool(getattr(torch.cpu, "get_capabilities", dict)().get("avx512_bf16", False))


def use_fast_layers(model: nn.Module) -> None:
    """Make a model's layers cheaper, in place; parameters, their names and their types stay as they are.

    Args:
        model: on a CPU, with its adapter; the adapter's own layers and all that are trained stay in float32.
    """
    if has_bfloat16_instructions():
        for name, module in model.named_modules():
            if type(module) is nn.Linear and not module.weight.requires_grad and ".lora_" not in name:
                forward = partial(_frozen_linear, module.weight.detach().bfloat16(), module.bias)
                module.forward = forward  # pyright: ignore[reportAttributeAccessIssue] - what is a name of an argument
    for name, module in model.named_modules():
        if name.endswith(".lora_dropout") and isinstance(module, nn.ModuleDict):
            for adapter, dropout in module.items():
                if isinstance(dropout, nn.Dropout):
                    module[adapter] = Dropout(dropout.p)
    for module in model.modules():
        if isinstance(module, lora.Linear) and _is_fast(module) and not module.lora_variant:
            forward = partial(_adapted_linear, module)
            module.forward = forward  # pyright: ignore[reportAttributeAccessIssue] - what is a name of an argument


def _is_fast(layer: BaseTunerLayer) -> bool:
    base = layer.get_base_layer()
    return type(base) is nn.Linear and "forward" in vars(base)


def _frozen_linear(weight: torch.Tensor, bias: torch.Tensor | None, activations: torch.Tensor) -> torch.Tensor:
    products: torch.Tensor = _FrozenProduct.apply(_rows(activations), weight)  # pyright: ignore[reportAssignmentType]
    products = products.view(*activations.shape[:-1], len(weight))
    return products if bias is None else products + bias


class _FrozenProduct(torch.autograd.Function):
    """Rows (N, inputs) times a frozen weight (outputs, inputs) in bfloat16; float32 before and after, both ways."""

    @staticmethod
    def forward(ctx: FunctionCtx, rows: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(weight)
        return _product(rows, weight.t())

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        (weight,) = ctx.saved_tensors
        return _product(gradients[0], weight), None


def _adapted_linear(layer: Any, activations: torch.Tensor, *given: Any, **named: Any) -> torch.Tensor:
    """A layer with one LoRA adapter; whatever else PEFT can do with it is left to PEFT."""
    alone = len(layer.active_adapters) == 1 and not given and not named
    if not alone or layer.merged or layer.disable_adapters:
        return type(layer).forward(layer, activations, *given, **named)
    (name,) = layer.active_adapters
    dropout = layer.lora_dropout[name]
    kept = dropout.draw(activations) if layer.training and isinstance(dropout, Dropout) else None
    frozen = layer.get_base_layer().forward.args
    factors = (one[name].weight for one in (layer.lora_A, layer.lora_B))
    products: torch.Tensor = _AdaptedProduct.apply(  # pyright: ignore[reportAssignmentType]
        activations, activations, *frozen, *factors, kept, layer.scaling[name]
    )
    return products


class _AdaptedProduct(torch.autograd.Function):
    """`x @ weight.T + bias + scaling * (x * kept) @ A.T @ B.T`, for A (rank, inputs) and B (outputs, rank).

    Rounds as PEFT's layer does, in the same order, as long as `scaling` is a power of two. That is why x comes twice,
    for the adapter and for the frozen weight: their gradients are added to those of other layers in turn.
    """

    @staticmethod
    def forward(
        ctx: Any,
        adapted: torch.Tensor,
        frozen: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        a: torch.Tensor,
        b: torch.Tensor,
        kept: torch.Tensor | None,
        scaling: float,
    ) -> torch.Tensor:
        """Outputs (..., outputs) of activations (..., inputs); `kept` is the factor of dropout, None without it."""
        dropped = _rows(adapted if kept is None else adapted * kept)
        inner = dropped @ a.t()
        ctx.save_for_backward(weight, a, b, kept, dropped, inner)
        ctx.scaling = scaling
        products = _product(_rows(frozen), weight.t())
        if bias is not None:
            products += bias
        return products.add_(inner @ b.t(), alpha=scaling).view(*frozen.shape[:-1], len(weight))

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Gradients of `adapted`, `frozen`, A and B; without the first two where no layer below is trained."""
        weight, a, b, kept, dropped, inner = ctx.saved_tensors
        gradient = _rows(gradients[0])
        of_inner = (gradient @ b).mul_(ctx.scaling)
        of_factors = of_inner.t() @ dropped, (gradient.t() @ inner).mul_(ctx.scaling)
        if not ctx.needs_input_grad[0]:
            return (None,) * 4 + of_factors + (None,) * 2
        shape = (*gradients[0].shape[:-1], a.shape[1])
        of_adapted = (of_inner @ a).view(shape)
        if kept is not None:
            of_adapted *= kept
        return of_adapted, _product(gradient, weight).view(shape), None, None, *of_factors, None, None


def _rows(activations: torch.Tensor) -> torch.Tensor:
    return activations.reshape(-1, activations.shape[-1])


def _product(rows: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """`rows @ matrix`; the rows that fill up the count are never written or read, and no row depends on another."""
    filled = torch.empty(filled_count(len(rows)), rows.shape[1], dtype=torch.bfloat16)
    filled[: len(rows)] = rows
    return (filled @ matrix)[: len(rows)].float()


def filled_count(count: int) -> int:
    """The next multiple of 64, and for large counts of an eighth to a sixteenth of their size: eight an octave."""
    step = max(_LEAST_ROWS, 1 << max(count.bit_length() - 4, 0))
    return -(-count // step) * step


class Dropout(nn.Module):
    """Like `torch.nn.Dropout`, with the probability rounded to 1 / 65,536; draws from torch's global generator."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = round(p * _LEVELS) / _LEVELS
        self._lowest_kept = round(p * _LEVELS) - _LEVELS // 2

    def forward(self, activations: torch.Tensor) -> torch.Tensor:
        """Set a share `p` to zero and divide the others by `1 - p`; nothing in evaluation mode."""
        return activations * self.draw(activations) if self.training else activations

    def draw(self, activations: torch.Tensor) -> torch.Tensor:
        """The factor of each activation: 0 with probability `p`, else `1 / (1 - p)`."""
        count = activations.numel()
        drawn = torch.empty(-(-count // 4), dtype=torch.int64).random_(_INT64.min, _INT64.max)
        bits = drawn.view(torch.int16)[:count].view(activations.shape)
        return (bits >= self._lowest_kept).to(activations.dtype).mul_(1.0 / (1.0 - self.p))
