"""The cheaper layers compute what torch's own do, up to bfloat16 and other random numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from peft.tuners import lora
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn

from foretune.finetuning import fast_layers
from foretune.finetuning.adapters import adapt
from foretune.finetuning.base import fresh_model
from foretune.finetuning.evaluate import evaluate
from foretune.finetuning.fast_layers import Dropout, filled_count, use_fast_layers
from foretune.finetuning.model import load_model
from foretune.types import Configuration


@pytest.fixture
def with_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_layers, "has_bfloat16_instructions", lambda: True)


def frozen(*, bias: bool) -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(48, 32, bias=bias).requires_grad_(False)


@pytest.mark.usefixtures("with_instructions")
@pytest.mark.parametrize("bias", [False, True])
def test_a_frozen_layer_gives_the_same_products_and_gradients_up_to_rounding(bias: bool) -> None:
    layer = frozen(bias=bias)
    rows = torch.randn(2, 5, 48, requires_grad=True)
    expected = layer(rows)
    (gradient,) = torch.autograd.grad(expected.square().sum(), rows)
    use_fast_layers(nn.Sequential(layer))
    found = layer(rows)
    (found_gradient,) = torch.autograd.grad(found.square().sum(), rows)
    assert found.dtype is found_gradient.dtype is torch.float32
    assert not torch.equal(found, expected)
    torch.testing.assert_close(found, expected, rtol=0.02, atol=0.02)
    torch.testing.assert_close(found_gradient, gradient, rtol=0.05, atol=0.05)


@pytest.mark.usefixtures("with_instructions")
def test_a_models_loss_hardly_moves(tiny_model, tiny_data) -> None:
    model = load_model(tiny_model)
    before = evaluate(model, tiny_data.test).nll
    use_fast_layers(model)
    after = evaluate(model, tiny_data.test).nll
    assert after != before
    assert after == pytest.approx(before, rel=1e-3)


@pytest.mark.parametrize(("count", "filled"), [(1, 64), (64, 64), (65, 128), (1000, 1024), (1025, 1152), (5000, 5120)])
def test_products_come_in_few_shapes(count: int, filled: int) -> None:
    assert filled_count(count) == filled
    assert len({filled_count(number) for number in range(1, 4097)}) <= 32


@pytest.mark.usefixtures("with_instructions")
def test_a_layer_that_is_trained_is_left_alone() -> None:
    layer = nn.Linear(8, 8)
    use_fast_layers(nn.Sequential(layer))
    assert "forward" not in vars(layer)


def test_without_the_instructions_products_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_layers, "has_bfloat16_instructions", lambda: False)
    layer = frozen(bias=False)
    use_fast_layers(nn.Sequential(layer))
    assert "forward" not in vars(layer)


@pytest.mark.parametrize("p", [0.05, 0.2])
def test_dropout_drops_its_share_and_keeps_the_mean(p: float) -> None:
    torch.manual_seed(0)
    out = Dropout(p)(torch.ones(333, 301))
    assert float((out == 0).float().mean()) == pytest.approx(p, abs=0.005)
    assert float(out.mean()) == pytest.approx(1.0, abs=0.005)
    assert out.unique().tolist() == pytest.approx([0.0, 1 / (1 - p)], rel=1e-4)


def test_dropout_follows_the_global_generator_and_rests_in_evaluation() -> None:
    dropout, ones = Dropout(0.5), torch.ones(64)
    torch.manual_seed(3)
    first = dropout(ones)
    torch.manual_seed(3)
    assert torch.equal(dropout(ones), first)
    assert not torch.equal(dropout(ones), first)
    assert torch.equal(dropout.eval()(ones), ones)


def test_only_the_dropout_of_adapters_is_replaced() -> None:
    inside = nn.ModuleDict({"lora_dropout": nn.ModuleDict({"default": nn.Dropout(0.1), "other": nn.Identity()})})
    model = nn.Sequential(inside, nn.Dropout(0.3))
    use_fast_layers(model)
    dropouts = inside["lora_dropout"]
    assert isinstance(dropouts, nn.ModuleDict)
    assert isinstance(dropouts["default"], Dropout)
    assert isinstance(dropouts["other"], nn.Identity)
    assert isinstance(model[1], nn.Dropout)


CONFIGURATION = {
    "rank": 4,
    "alpha_over_rank": 2.0,
    "dropout": 0.1,
    "target_modules": "all",
    "learning_rate": 5e-3,
    "batch_size": 4,
    "epochs": 1,
    "optimizer": "adamw",
}


@pytest.mark.usefixtures("with_instructions")
@pytest.mark.parametrize("method", ["lora", "rslora", "dora", "pissa"])
def test_what_an_adapter_adds_in_evaluation_is_not_rounded_away(method, tiny_model) -> None:
    base = fresh_model(str(tiny_model), device="cpu", dtype=torch.float32, quantized=False)
    model = adapt(base, Configuration({**CONFIGURATION, "method": method}), name=str(tiny_model)).model
    use_fast_layers(model.eval())
    layer = next(one for one in model.modules() if isinstance(one, lora.Linear))
    rows = torch.randn(5, layer.in_features)
    a, b = (factors["default"].weight for factors in (layer.lora_A, layer.lora_B))
    with torch.inference_mode():
        before = layer(rows)
        learned = 1e-4 * torch.randn_like(b)  # less than half a step between two weights in bfloat16
        b += learned
        added = layer(rows) - before
        expected = layer.scaling["default"] * rows @ a.T @ learned.T
    assert float((added - expected).norm() / expected.norm()) < (0.2 if method == "dora" else 0.01)


@pytest.mark.usefixtures("with_instructions")
@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize(("method", "dropout"), [("lora", 0.1), ("lora", 0.0), ("rslora", 0.1)])
def test_a_lora_layer_in_one_step_rounds_as_peft_does(method, dropout, checkpointing, tiny_model, tiny_data) -> None:
    values = {**CONFIGURATION, "method": method, "dropout": dropout}
    base = fresh_model(str(tiny_model), device="cpu", dtype=torch.float32, quantized=False)
    adapted = adapt(base, Configuration(values), name=str(tiny_model))
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in adapted.trained.values():
            parameter.normal_(0.0, 0.1)
    use_fast_layers(adapted.model.train())
    if checkpointing:
        adapted.model.get_base_model().activation_checkpointing_enable({"use_reentrant": False})
        adapted.model.get_base_model().enable_input_require_grads()
    ids = torch.from_numpy(np.stack([row[:8] for row in tiny_data.test.input_ids[:3]])).long()

    def loss_and_gradients() -> list[torch.Tensor]:
        torch.manual_seed(1)
        loss = adapted.model(input_ids=ids, labels=ids, use_cache=False).loss
        return [loss.detach(), *torch.autograd.grad(loss, list(adapted.trained.values()))]

    fast = loss_and_gradients()
    layers = [one for one in adapted.model.modules() if isinstance(one, lora.Linear)]
    for layer in layers:
        del layer.forward  # PEFT's own from here on
    plain = loss_and_gradients()
    assert all(torch.equal(one, other) for one, other in zip(fast, plain, strict=True))
    assert all(float(gradient.norm()) > 0 for gradient in plain)


@pytest.mark.usefixtures("with_instructions")
@pytest.mark.parametrize("method", ["dora", "ia3"])
def test_other_adapters_keep_their_own_layers(method, tiny_model) -> None:
    base = fresh_model(str(tiny_model), device="cpu", dtype=torch.float32, quantized=False)
    model = adapt(base, Configuration({**CONFIGURATION, "method": method}), name=str(tiny_model)).model
    use_fast_layers(model)
    assert not any("forward" in vars(module) for module in model.modules() if isinstance(module, BaseTunerLayer))
