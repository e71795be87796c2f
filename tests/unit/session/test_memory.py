"""What steps take and what is free, told before the first trial; what cannot fit is not tried."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from foretune.errors import ModelError
from foretune.finetuning import fast_layers
from foretune.finetuning.data import TokenizedSplits, Tokens
from foretune.finetuning.memory import StepBytes
from foretune.metadata.shape import ModelShape
from foretune.recommendation.hardware import WEIGHT_BYTES
from foretune.session.memory import Fit, StepMemory, fit_of, measure_memory
from foretune.space import load_space
from foretune.types import Configuration

GIB = 2**30
SHAPE = ModelShape(32, 4096, 14336, 4096, 1024, 128256, 2 * 128256 * 4096.0, 8e9)
LORA = {"method": "lora", "rank": 16, "target_modules": "all", "batch_size": 8}
ADAPTER = 16 * 32 * (2 * 4096 + 2 * (4096 + 1024) + 2 * 4096 + 3 * (4096 + 14336))
"""Parameters of LORA's adapter."""


def memory(free: float) -> StepMemory:
    return StepMemory(free * GIB, StepBytes(0.5 * GIB, 2.0 * 2**20), StepBytes(0.5 * GIB, 0.5 * 2**20))


def fit(free: float, *, device: str = "cuda", longest: int = 512) -> Fit:
    return Fit(memory(free), SHAPE, longest, rows=100, device=device)


def lora(**changes) -> Configuration:
    return Configuration({**LORA, **changes})


@pytest.mark.parametrize(
    ("free", "words"),
    [(80, "whole batch"), (6, "4 rows"), (3.6, "2 rows"), (2.5, "4 rows, checkpointing")],
)
def test_the_less_is_free_the_less_is_computed_at_once(free, words):
    part, peak = fit(free).at_once(lora())
    step = memory(free).checkpointed if part.checkpointing else memory(free).plain
    assert str(part) == words
    assert peak == pytest.approx(16 * ADAPTER + step.fixed + step.token * 512 * part.rows)


def test_no_batch_is_larger_than_the_data():
    assert fit(80).at_once(lora(batch_size=400))[0].batch == 100


@pytest.fixture(autouse=True)
def plain_processor(monkeypatch):
    """Without the instructions that make a copy of frozen weights worth its memory."""
    monkeypatch.setattr(fast_layers, "has_bfloat16_instructions", lambda: False)


def test_methods_that_keep_weights_otherwise_take_more_or_less_of_an_accelerator():
    assert fit(80).least_bytes(lora(method="pissa")) - fit(80).least_bytes(lora()) == pytest.approx(4 * 8e9)
    assert fit(80).least_bytes(lora(method="qlora")) - fit(80).least_bytes(lora()) == pytest.approx(-1.48 * 8e9)
    on_cpu = fit(80, device="cpu")
    assert on_cpu.least_bytes(lora(method="pissa")) == on_cpu.least_bytes(lora())
    assert on_cpu.least_bytes(lora(method="full")) == pytest.approx(12 * 8e9 + 0.75 * GIB)
    assert on_cpu.least_bytes(lora(method="ia3")) == pytest.approx(0.75 * GIB)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_methods_that_change_weights_work_on_a_copy_of_a_small_model(device):
    small, large = (replace(SHAPE, parameters=parameters) for parameters in (2.0**28, 2.0**28 + 1))
    for method in ("full", "pissa", "lora"):
        bytes_each = [
            Fit(memory(80), shape, 512, rows=100, device=device).least_bytes(lora(method=method)) / shape.parameters
            for shape in (small, large)
        ]
        assert bytes_each[0] - bytes_each[1] == pytest.approx(0.0 if method == "lora" else 4.0, abs=1e-3)


def test_frozen_weights_have_a_copy_where_the_processor_computes_in_bfloat16(monkeypatch):
    methods = ("lora", "ia3", "full")
    before = [fit(80, device="cpu").least_bytes(lora(method=method)) for method in methods]
    monkeypatch.setattr(fast_layers, "has_bfloat16_instructions", lambda: True)
    after = [fit(80, device="cpu").least_bytes(lora(method=method)) for method in methods]
    assert [now - then for now, then in zip(after, before, strict=True)] == pytest.approx([2 * 8e9, 2 * 8e9, 0.0])


def test_the_line_says_what_the_default_and_the_largest_batches_take():
    line = fit(6).sizes(lora(), [lora(batch_size=32), lora(batch_size=4)])
    assert line == (
        "memory beside the base model: the default 5.12 GiB (4 rows at once), batches of 32 5.12 GiB (4 rows at once); "
        "free on cuda: 6.00 GiB"
    )
    assert "batches of" not in fit(6).sizes(lora(), [lora(batch_size=4)])
    assert fit(math.inf).line({"this run": lora()}).endswith("this run 9.12 GiB (whole batch); free on cuda: unknown")


def test_candidates_that_cannot_fit_are_left_out_with_a_note():
    space = load_space("peft", hidden_size=4096)
    candidates = (lora(rank=32), lora(rank=64), lora(method="pissa"))
    kept, default, notes = fit(2.2).fitting(space, space.default(), candidates)
    assert kept == (lora(rank=32),)
    assert default == space.default()
    free = "2.20 GiB that are free on cuda beside the base model"
    assert notes == (f"left out 2 of 3 candidates: not even a row fits into the {free}",)
    assert fit(80).fitting(space, space.default(), candidates) == (candidates, space.default(), ())


def test_a_default_that_cannot_fit_is_replaced_by_the_same_in_four_bits():
    space = load_space("peft-and-qlora", hidden_size=4096)
    in_four_bits = Configuration({**space.default().values, "method": "qlora"})
    kept, default, notes = fit(0.5).fitting(space, space.default(), (lora(rank=2), lora(rank=2, method="qlora")))
    assert default == in_four_bits
    assert kept == (lora(rank=2, method="qlora"),)
    assert notes[1] == "the default does not fit either; qlora of rank 16 is in its place"


def test_a_search_in_which_nothing_fits_says_what_would():
    space = load_space("peft", hidden_size=4096)
    with pytest.raises(ModelError) as error:
        fit(0.9, longest=4096).fitting(space, space.default(), (lora(rank=64),))
    message = str(error.value)
    assert message.startswith("nothing of the search space peft fits into the 0.90 GiB that are free on cuda beside")
    assert "a row of 4096 tokens at a time with gradient checkpointing takes 3.12 GiB" in message
    assert message.endswith("what would fit: --space peft-and-qlora or a smaller model")


def test_four_bits_are_proposed_for_what_can_be_had_in_them():
    with pytest.raises(ModelError, match=r"what would fit: a smaller model$"):
        fit(0.1).check(Configuration({"method": "ia3", "target_modules": "all", "batch_size": 8}))


def test_a_configuration_that_does_not_fit_is_refused_with_shorter_rows_proposed():
    large = fit(1.5, device="cpu", longest=4096)
    with pytest.raises(ModelError, match=r"^this configuration does not fit .* --max-length 512 or a smaller model$"):
        large.check(lora())
    fit(1.5, device="cpu", longest=512).check(lora())


def test_what_was_measured_survives_a_journal():
    known = StepMemory(math.inf, StepBytes(1.0, 2.0), None)
    assert StepMemory.from_json(json.loads(json.dumps(known.to_json(), allow_nan=False))) == known
    assert StepMemory.from_json(memory(3.0).to_json()) == memory(3.0)


def test_a_step_is_measured_on_the_model_itself(tiny_model):
    tokens = Tokens(tuple(np.arange(20) for _ in range(4)), np.full(4, 5))
    data = TokenizedSplits("made up", tokens, tokens, tokens)
    values = {**LORA, "alpha_over_rank": 1.0, "dropout": 0.0, "learning_rate": 1e-3, "optimizer": "adamw", "epochs": 1}
    configuration = Configuration({**values, "schedule": "constant"})
    found = measure_memory(str(tiny_model), data, configuration, "cpu")
    assert found.checkpointed.token < found.plain.token
    # Two layers of width 32 and 64 within: a few thousand numbers of a token, and 15 of 20 logits of 300.
    assert 16 * 300 * 0.75 < found.plain.token < 16 * 300 * 0.75 + 40_000
    pissa = Configuration({**configuration.values, "method": "pissa"})
    assert measure_memory(str(tiny_model), data, pissa, "cpu").plain == found.plain
    assert fit_of(found, SHAPE, data, "cpu") == Fit(found, SHAPE, 20, 4, "cpu")
    assert fit_of(None, SHAPE, data, "cpu") is None


@pytest.mark.parametrize("device", ["cuda", "cpu"])
def test_workers_share_what_is_free_once_this_process_holds_no_model(device):
    """Each has the base model of its own, and 0.6 GiB before it."""
    base = {"cuda": WEIGHT_BYTES["lora"], "cpu": 4.0}[device] * SHAPE.parameters
    assert fit(80, device=device).share(2) == pytest.approx((80 * GIB + base) / 2 - base - 0.6 * GIB)


def test_no_more_workers_than_could_train_any_configuration():
    small, large = lora(), lora(method="full")
    roomy = fit(200)
    for asked, configurations in ((4, [small]), (1, [small]), (4, [small, large])):
        count = roomy.most_workers(asked, configurations)
        most = max(roomy.least_bytes(one) for one in configurations)
        assert count == 1 or roomy.share(count) >= most
        assert count == asked or roomy.share(count + 1) < most
    assert roomy.most_workers(100, [small]) > roomy.most_workers(100, [small, large]) >= 1
    assert fit(0.1).most_workers(8, [small]) == 1
    assert fit(math.inf).most_workers(8, [small, large]) == 8
