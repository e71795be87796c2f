"""What a forward pass keeps: by hand, and that measuring it leaves no trace."""

from __future__ import annotations

import math
import weakref
from contextlib import suppress
from types import SimpleNamespace

import pytest
import torch
from tiny_architectures import VOCABULARY, tiny_config
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from transformers import AutoModelForCausalLM

from foretune.finetuning.activations import can_checkpoint, checkpointed, measure, measure_checkpointed
from foretune.finetuning.batches import Batch, completion_logits, head_selection

WIDTH = 8


class Known(nn.Module):
    """Keeps 4 bytes of each number that goes into and comes out of its layers, and a constant."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.table = nn.Embedding(VOCABULARY, WIDTH)
        self.layers = nn.ModuleList(nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(layers))
        text = SimpleNamespace(num_hidden_layers=layers)
        self.config = SimpleNamespace(get_text_config=lambda decoder: text)

    def loss(self, batch: Batch) -> torch.Tensor:
        hidden = self.table(batch.input_ids).detach()
        for layer in self.layers:
            hidden = layer(hidden).tanh()  # keeps what goes in, which is what came out before, and the weights
        new = torch.full((WIDTH,), 2.0)
        return (hidden * new).sum()


def test_what_is_kept_by_hand() -> None:
    model, row = Known(3), torch.arange(1, 11)
    found = measure(model, model.loss, row, logits=7.0)
    each = 4 * WIDTH * (1 + 3)  # into the first layer, and out of all three
    assert found.fixed == 4 * WIDTH
    assert found.token == pytest.approx(each * (1 + 1 / 3) + 7.0)


def test_nothing_that_was_computed_outlives_the_measurement() -> None:
    model, seen = Known(2), []

    def loss(batch: Batch) -> torch.Tensor:
        found = model.loss(batch)
        seen.append(weakref.ref(found))
        return found

    measure(model, loss, torch.arange(1, 11), logits=0.0)
    used = model.layers[0].weight.expand_as(model.layers[0].weight).grad_fn.next_functions[0][0]
    assert "marked" not in used.metadata
    used.metadata["marked"] = True
    del used
    after = model.layers[0].weight.expand_as(model.layers[0].weight).grad_fn.next_functions[0][0]
    assert "marked" not in after.metadata  # no graph holds on to the node of the weight
    assert [one() for one in seen] == [None] * 3


def test_what_does_not_fit_takes_infinitely_much() -> None:
    model = Known(2)

    def fail(batch: Batch) -> torch.Tensor:
        if len(batch.input_ids) > limit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return model.loss(batch)

    limit = 0
    assert math.isinf(measure(model, fail, torch.arange(1, 11), logits=0.0).token)
    limit = 1  # one row is known, and all of it counts as its own
    assert measure(model, fail, torch.arange(1, 11), logits=0.0).token == (4 * WIDTH * 3 * 10 + 4 * WIDTH) * 1.5 / 10


def test_other_errors_are_raised() -> None:
    def fail(batch: Batch) -> torch.Tensor:
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes"):
        measure(Known(2), fail, torch.arange(1, 11), logits=0.0)


@pytest.fixture
def deep():
    """A Llama of 8 layers in training, and the loss of a batch."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(tiny_config("llama", num_hidden_layers=8, attention_dropout=0.1))
    model.train()

    def loss(batch: Batch) -> torch.Tensor:
        return nn.functional.cross_entropy(completion_logits(model, batch, head_selection(model)), batch.labels)

    return model, loss


def test_checkpointing_keeps_what_goes_into_layers_and_needs_one_of_them(deep) -> None:
    model, loss = deep
    row = torch.arange(1, 33)
    assert can_checkpoint(model)
    plain = measure(model, loss, row, logits=5.0)
    less = measure_checkpointed(model, loss, row, logits=5.0, plain=plain)
    layer = (plain.token - 5.0) / 9
    inputs = less.token - 2 * layer - 5.0
    assert inputs == pytest.approx(8 * 32 * 4, rel=0.5)  # of 8 layers that are 32 wide, and the head's
    assert less.token < 0.5 * plain.token
    assert less.fixed == plain.fixed


def test_a_batch_keeps_what_was_measured(deep) -> None:
    model, loss = deep
    ids = torch.arange(1, 1 + 6 * 32).reshape(6, 32) % VOCABULARY
    predicts = torch.zeros_like(ids, dtype=torch.bool)
    predicts[:, -1] = True
    held: dict[int, int] = {}
    weights = {one.untyped_storage().data_ptr() for one in model.parameters()}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.untyped_storage().data_ptr() not in weights:
            held[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        loss(Batch(ids, predicts, ids[:, -1], torch.arange(6).numpy()))
    found = measure(model, loss, ids[0], logits=0.0)
    assert found.fixed + found.token * ids.numel() / (1 + 1 / 8) == pytest.approx(sum(held.values()), rel=0.01)


def test_measuring_leaves_no_trace(deep) -> None:
    model, loss = deep
    before = {name: one.clone() for name, one in model.named_parameters()}
    torch.manual_seed(5)
    state = torch.get_rng_state()
    plain = measure(model, loss, torch.arange(1, 33), logits=0.0)
    measure_checkpointed(model, loss, torch.arange(1, 33), logits=0.0, plain=plain)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(one, before[name]) and one.grad is None for name, one in model.named_parameters())
    assert model.training
    assert not model.is_activation_checkpointing


def test_checkpointing_ends_with_its_block_even_after_an_error(deep) -> None:
    model, _ = deep
    seen = []
    with suppress(KeyError), checkpointed(model):
        seen.append(model.is_activation_checkpointing)
        raise KeyError
    assert seen == [True]
    assert not model.is_activation_checkpointing
    assert not model.get_input_embeddings()._forward_hooks
    with checkpointed(model, on=False):
        assert not model.is_activation_checkpointing
    model.supports_gradient_checkpointing = False
    assert not can_checkpoint(model)
