"""The token that ends a completion: one that an adapter can learn to write, and where generation is to stop.

A chat template or a tokenizer can name an end token that was added to the vocabulary and never trained. An adapter
changes the input of the output head, not the head, so some of its rows are out of reach: a row near the mean of all
rows, or one of many alike, is beaten by another row for every hidden state. The model would never write this end token,
and generation would never stop. Where that is so, completions end with another token that the model knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from foretune.errors import ModelError
from foretune.finetuning.data.template import ChatTemplate
from foretune.finetuning.model import check_token

_LEAST_LEAD = 0.05
"""In nats. Rows of trained tokens come to 2.5 and mostly more than 9, one of many rows alike to 0.00, the mean row to
-4; rows that are random, as those of a model without training, to 0.1 and more."""
_ENOUGH = 2.0
_PROBES = 16
_ROUNDS, _STEPS, _RIVALS = 6, 60, 256


@dataclass(frozen=True)
class Ending:
    """How completions end.

    Attributes:
        token: the last token of every completion that is learned.
        stops: tokens at which generation is to stop, `token` first.
        note: for the user, where it is not the token that the model's files name, or cannot be learned; else empty.
    """

    token: int
    stops: tuple[int, ...]
    note: str = ""


def find_ending(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> Ending:
    """The first of these that an adapter can make the model write: the chat template's end of a turn, the tokenizer's
    end token, the end tokens of the model's generation config, the begin token (which means "a new text starts").

    Args:
        model: the base model.
        tokenizer: of the base model.

    Raises:
        ModelError: none is named, or one that the model has no embedding for.
    """
    named = _named(model, tokenizer)
    begin = [token for token in (tokenizer.bos_token_id,) if isinstance(token, int)]
    known = list(dict.fromkeys([*named, *begin]))
    if not known:
        raise ModelError("the tokenizer has neither an end nor a begin token; set `eos_token` in tokenizer_config.json")
    check_token(max(known), model, tokenizer)
    head = _head(model)
    token = next((one for one in known if head is None or _lead(head, one) > _LEAST_LEAD), None)
    note = _note(tokenizer, known[0], token)
    token = known[0] if token is None else token
    return Ending(token, tuple(dict.fromkeys([token, *named])), note)


def template_end(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The first special token that the chat template writes after an answer; None if it writes none."""
    return ChatTemplate(tokenizer).end_token_id if tokenizer.chat_template else None


def _named(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """End tokens that the model's files name, in the order in which they are to be preferred."""
    settings = cast("Any", model).generation_config
    listed: object = getattr(settings, "eos_token_id", None)
    several = cast("list[object]", listed) if isinstance(listed, list) else [listed]
    size = len(tokenizer)
    found = [template_end(tokenizer), tokenizer.eos_token_id, *several]
    return list(dict.fromkeys(token for token in found if isinstance(token, int) and 0 <= token < size))


def _note(tokenizer: PreTrainedTokenizerBase, named: int, token: int | None) -> str:
    if token == named:
        return ""
    old = tokenizer.convert_ids_to_tokens(named)
    whose = "the model's chat template" if template_end(tokenizer) == named else "the model's tokenizer"
    lacks = f"an adapter cannot make the model write {old}, the end token of {whose}, which was never trained"
    if token is None:
        return f"{lacks}, nor another end token: answers will not stop by themselves, unless after full finetuning"
    return f"{lacks}; completions end with {tokenizer.convert_ids_to_tokens(token)} instead"


@dataclass(frozen=True)
class _Head:
    """The output head, for hidden states h of the norm `radius`: logits = rows h + bias."""

    rows: torch.Tensor
    bias: torch.Tensor
    radius: float

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """(V,) in float32."""
        return (self.rows @ hidden.to(self.rows.dtype)).float() + self.bias


@torch.no_grad()
def _head(model: PreTrainedModel) -> _Head | None:
    """The output head, and the usual norm of its input; None for a model without a linear head."""
    head = cast("nn.Module | None", model.get_output_embeddings())
    weight = getattr(head, "weight", None)
    if head is None or not isinstance(weight, torch.Tensor) or weight.ndim != 2:
        return None
    seen: list[torch.Tensor] = []
    handle = head.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    try:
        ids = (torch.arange(_PROBES, device=weight.device) % len(weight))[None]
        logits = cast("torch.Tensor", cast("Any", model)(input_ids=ids).logits).float()
    finally:
        handle.remove()
    if not seen or seen[0].shape[-1] != weight.shape[1]:
        return None
    plain = cast("torch.Tensor", head(seen[0])).float()
    # Some models scale their logits.
    same = logits.shape == plain.shape
    scale = float((logits * plain).sum() / plain.square().sum().clamp_min(1e-12)) if same else 1.0
    radius = float(seen[0].float().norm(dim=-1).median()) * scale
    bias = getattr(head, "bias", None)
    nothing = torch.zeros(len(weight), device=weight.device)
    return _Head(weight, nothing if bias is None else bias.float() * scale, radius)


@torch.no_grad()
def _lead(head: _Head, token: int) -> float:
    """How far a token's logit can be above all others, in nats, for a hidden state of the usual norm.

    Ascent on the sphere of that norm, against the rows that come out on top; further rows that a new hidden state lifts
    above them are added round by round. Measured with LoRA and IA3 on foretune-tiny: an end token with a negative lead
    is never the first guess, however long one trains; one with a lead of 1 or more is learned, trained before or not.
    """
    hidden = _on_sphere(head.rows[token].float() - head.rows.mean(0, dtype=torch.float32), head.radius)
    rivals, best = torch.tensor([token], device=head.rows.device), -float("inf")
    for _ in range(_ROUNDS):
        logits = head.logits(hidden)
        others = logits.index_fill(0, rivals.new_tensor([token]), -float("inf"))
        best = max(best, float(logits[token] - others.max()))
        if best >= _ENOUGH:
            break
        rivals = torch.cat([rivals, others.topk(min(_RIVALS, len(others) - 1)).indices]).unique()
        hidden = _ascend(head, rivals, token, hidden)
    return best


def _ascend(head: _Head, rivals: torch.Tensor, token: int, hidden: torch.Tensor) -> torch.Tensor:
    """Steps along the gradient of the token's log probability among its rivals, shorter and shorter."""
    rows, bias = head.rows[rivals].float(), head.bias[rivals]
    for step in range(_STEPS):
        gradient = head.rows[token].float() - (rows @ hidden + bias).softmax(0) @ rows
        size = 0.3 * head.radius * (1 - step / _STEPS)
        hidden = _on_sphere(hidden + _on_sphere(gradient, size), head.radius)
    return hidden


def _on_sphere(vector: torch.Tensor, radius: float) -> torch.Tensor:
    return vector * (radius / vector.norm().clamp_min(1e-12))
