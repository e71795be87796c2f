from itertools import pairwise

import pytest
import torch

from foretune.errors import ConfigurationError
from foretune.finetuning.adapters import Adapted, adapt
from foretune.finetuning.base import fresh_model
from foretune.finetuning.optim import (
    SLICES,
    PeakRates,
    learning_rate_factor,
    make_optimizer,
    optimizer_tensors,
    plan,
    restore_optimizer,
)


@pytest.fixture
def adapted(tiny_model, configuration):
    def make(method: str = "lora") -> Adapted:
        base = fresh_model(tiny_model, device="cpu", dtype=torch.float32)
        return adapt(base, configuration(method), name="tiny")

    return make


def test_schedules_warm_up_then_fall_to_zero() -> None:
    def curve(schedule):
        return [learning_rate_factor(step, 10, schedule, 0.2) for step in range(10)]

    assert curve("constant") == [0.5] + [1.0] * 9
    assert curve("linear") == pytest.approx([0.5, 1, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8])
    assert curve("cosine")[6] == pytest.approx(0.5)
    with pytest.raises(ConfigurationError, match="unknown schedule 'step'; choose one of constant, linear, cosine"):
        learning_rate_factor(0, 10, "step", 0.0)


@pytest.mark.parametrize(("rows", "batch_size", "epochs"), [(1, 32, 1), (18, 4, 2), (100, 8, 1), (2000, 4, 20)])
def test_slices_are_never_empty_and_cover_the_run(configuration, rows, batch_size, epochs) -> None:
    planned = plan(configuration("lora", batch_size=batch_size, epochs=epochs), rows)
    ends = [planned.slice_end(fidelity) for fidelity in range(SLICES + 1)]
    assert ends[0] == 0
    assert ends[-1] == planned.steps == max(SLICES, -(-rows // batch_size) * epochs)
    shares = [after - before for before, after in pairwise(ends)]
    assert min(shares) >= 1
    assert max(shares) - min(shares) <= 2


def test_weight_decay_spares_vectors_and_gates(adapted, configuration) -> None:
    lora = make_optimizer(adapted(), configuration("lora", weight_decay=0.1))
    assert [group["weight_decay"] for group in lora.param_groups] == [0.1]
    dora = make_optimizer(adapted("dora"), configuration("dora", weight_decay=0.1))
    assert {(group["weight_decay"], p.ndim) for group in dora.param_groups for p in group["params"]} == {
        (0.1, 2),
        (0.0, 1),
    }
    gates = make_optimizer(adapted("ia3"), configuration("ia3", weight_decay=0.1))
    assert [group["weight_decay"] for group in gates.param_groups] == [0.0]


def test_loraplus_trains_b_faster_and_the_schedule_keeps_the_ratio(adapted, configuration) -> None:
    chosen = configuration("loraplus", learning_rate=0.01, loraplus_ratio=8.0, weight_decay=0.1)
    model = adapted("loraplus")
    optimizer = make_optimizer(model, chosen)
    rates = PeakRates(optimizer, chosen, steps=10)
    rates.set(5)
    factor = learning_rate_factor(5, 10, "cosine", 0.1)
    names = {id(p): name for name, p in model.trained.items()}
    for group in optimizer.param_groups:
        for p in group["params"]:
            assert group["lr"] == pytest.approx((0.08 if "lora_B" in names[id(p)] else 0.01) * factor)


@pytest.mark.parametrize("name", ["adamw", "adafactor"])
def test_the_learning_rate_is_the_size_of_the_first_step_whatever_the_optimizer(adapted, configuration, name) -> None:
    model = adapted()
    optimizer = make_optimizer(model, configuration("lora", optimizer=name, weight_decay=0.0))
    zeros = next(p for name, p in model.trained.items() if "lora_B" in name)
    for p in model.trained.values():
        p.grad = torch.ones_like(p)
    optimizer.step()
    assert zeros.abs().mean().item() == pytest.approx(0.01, rel=0.05)


def test_unknown_optimizer_names_the_choices(adapted, configuration) -> None:
    with pytest.raises(ConfigurationError, match="unknown optimizer 'sgd'; choose adamw or adafactor"):
        make_optimizer(adapted(), configuration("lora", optimizer="sgd"))


@pytest.mark.parametrize("name", ["adamw", "adafactor"])
def test_a_restored_optimizer_takes_the_same_step(adapted, configuration, name) -> None:
    chosen = configuration("full", optimizer=name)
    first, second = adapted("full"), adapted("full")
    before, after = make_optimizer(first, chosen), make_optimizer(second, chosen)

    def step(model, optimizer, seed):
        generator = torch.Generator().manual_seed(seed)
        for p in model.trained.values():
            p.grad = torch.randn(p.shape, generator=generator)
        optimizer.step()

    step(first, before, 1)
    with torch.no_grad():
        for name_, p in second.trained.items():
            p.copy_(first.trained[name_])
    restore_optimizer(after, {name_: value.clone() for name_, value in optimizer_tensors(before).items()})
    step(first, before, 2)
    step(second, after, 2)
    assert all(torch.equal(p, second.trained[name_]) for name_, p in first.trained.items())
