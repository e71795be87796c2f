"""One base model a process: what runs share, what they cannot reach, and when it is read anew."""

import shutil
from contextlib import contextmanager
from functools import partial
from itertools import cycle

import pytest
import torch

from foretune.finetuning import base, slices
from foretune.finetuning.adapters import METHODS
from foretune.finetuning.base import fresh_model, release, weight_bytes
from foretune.finetuning.fast_layers import use_fast_layers
from foretune.finetuning.model import embedding_rows, load_model
from foretune.finetuning.train import finetune
from foretune.types import Status, Trial

TRAINED_HERE = sorted(METHODS - {"qlora"})
"""Methods that need no GPU."""


@pytest.fixture(autouse=True)
def _nothing_held():
    release()
    yield
    release()


@pytest.fixture
def readings(monkeypatch) -> list[str]:
    """The models that were read from disk."""
    names: list[str] = []

    def read(name, **settings):
        names.append(name)
        return load_model(name, **settings)

    monkeypatch.setattr(base, "load_model", read)
    return names


@pytest.fixture(scope="module")
def curve(tiny_data, tiny_model, configuration, tmp_path_factory):
    """Validation losses of a run of a method, as raw numbers; of a run that failed, its status."""

    def run(method: str) -> list[float] | Status:
        trial, folder = Trial(0, configuration(method), 2), tmp_path_factory.mktemp(method)
        report = finetune(trial, tiny_data, str(tiny_model), folder, keep_state=False)
        return report.curve.scores.tolist() if report.status is Status.OK else report.status

    return run


@pytest.fixture(scope="module")
def alone(curve) -> dict[str, list[float]]:
    """The curve of each method, run in a process that holds no model."""
    curves = {}
    for method in TRAINED_HERE:
        release()
        curves[method] = curve(method)
    return curves


def addresses(model) -> dict[str, int]:
    return {name: parameter.data_ptr() for name, parameter in model.named_parameters()}


def test_runs_that_leave_weights_alone_share_them_and_nothing_else(tiny_model, readings) -> None:
    first, second = (fresh_model(tiny_model, device="cpu", changes_weights=False) for _ in range(2))
    assert len(readings) == 1
    assert addresses(first) == addresses(second)
    assert not set(first.modules()) & set(second.modules())
    assert not {id(one) for one in first.parameters()} & {id(one) for one in second.parameters()}
    assert not {one.data_ptr() for one in first.buffers()} & {one.data_ptr() for one in second.buffers()}
    assert second.get_output_embeddings().weight is second.get_input_embeddings().weight


def test_a_run_can_do_what_it_likes_with_its_model(tiny_model) -> None:
    spent = fresh_model(tiny_model, device="cpu", changes_weights=False)
    use_fast_layers(spent)
    spent.activation_checkpointing_enable()
    spent.requires_grad_(True).train().to(torch.float64)
    spent.register_forward_hook(lambda *_: None)
    spent.config.use_cache = False
    after, untouched = fresh_model(tiny_model, device="cpu", changes_weights=False), load_model(tiny_model)
    assert not after.training
    assert not after.is_gradient_checkpointing
    assert after.config.to_dict() == untouched.config.to_dict()
    assert [name for name, one in after.named_modules() if "forward" in vars(one) or one._forward_hooks] == []
    for (name, parameter), (_, original) in zip(after.named_parameters(), untouched.named_parameters(), strict=True):
        assert torch.equal(parameter, original), name
        assert parameter.dtype is torch.float32
        assert not parameter.requires_grad


def test_small_models_are_copied_for_runs_that_change_weights(tiny_model, readings) -> None:
    first = fresh_model(tiny_model, device="cpu")
    before = embedding_rows(first).clone()
    embedding_rows(first).zero_()
    second = fresh_model(tiny_model, device="cpu", copied_bytes=weight_bytes(first))
    assert torch.equal(embedding_rows(second), before)
    assert len(readings) == 1


def test_large_models_are_given_up_to_runs_that_change_weights(tiny_model, readings) -> None:
    sharing = fresh_model(tiny_model, device="cpu", changes_weights=False)
    before, limit = embedding_rows(sharing).clone(), weight_bytes(sharing) - 1
    given = fresh_model(tiny_model, device="cpu", copied_bytes=limit)
    assert addresses(given) == addresses(sharing)  # no second copy
    assert len(readings) == 1
    embedding_rows(given).zero_()
    assert torch.equal(embedding_rows(fresh_model(tiny_model, device="cpu", changes_weights=False)), before)
    assert len(readings) == 2


def test_the_model_before_is_given_up_before_the_next_is_read(tiny_model, monkeypatch) -> None:
    held: list[int] = []

    def read(name, **settings):
        held.append(len(base._held))
        return load_model(name, **settings)

    monkeypatch.setattr(base, "load_model", read)
    for dtype in (torch.float32, torch.bfloat16):
        fresh_model(tiny_model, device="cpu", dtype=dtype, changes_weights=False)
    assert held == [0, 0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_file_may_be_written_to_once_the_model_is_read(tiny_model, tmp_path, dtype) -> None:
    """The weights lie in the file as float32: only for those does the loader hand out pages of it."""
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    before = embedding_rows(load_model(tiny_model, dtype=dtype)).clone()
    fresh_model(folder, device="cpu", dtype=dtype, changes_weights=False)
    file = folder / "model.safetensors"
    with file.open("r+b") as written:
        written.write(b"\xff" * file.stat().st_size)
    assert torch.equal(embedding_rows(fresh_model(folder, device="cpu", dtype=dtype, changes_weights=False)), before)


def test_a_released_model_is_read_anew(tiny_model, readings) -> None:
    for _ in range(2):
        fresh_model(tiny_model, device="cpu", changes_weights=False)
        release()
    assert len(readings) == 2


def test_curves_are_the_same_after_runs_that_succeeded_and_runs_that_failed(alone, curve, readings, failing) -> None:
    errors = cycle((ValueError, torch.OutOfMemoryError, KeyboardInterrupt))
    assert set(alone) == METHODS - {"qlora"}
    for method, error in zip(TRAINED_HERE, errors, strict=False):
        assert curve(method) == alone[method], method
        with failing(error):
            if error is KeyboardInterrupt:
                with pytest.raises(KeyboardInterrupt):
                    curve(method)
            else:
                assert curve(method) is (Status.FAILED if error is ValueError else Status.OUT_OF_MEMORY)
    assert curve(TRAINED_HERE[0]) == alone[TRAINED_HERE[0]]
    assert len(readings) == 1
    (held,) = base._held.values()
    assert type(held).__name__ == "Phi3ForCausalLM"
    assert not hasattr(held, "peft_config")
    assert not any("lora" in name or "ia3" in name for name, _ in held.named_modules())


@pytest.fixture
def failing(monkeypatch):
    """Inside, runs fail when they have taken a step."""

    @contextmanager
    def fail(error: type[BaseException]):
        step = slices.take_step

        def take_step(*given):
            step(*given)
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(slices, "take_step", take_step)
            yield

    return fail


def test_curves_of_large_models_are_those_of_small_ones(alone, curve, readings, failing, monkeypatch) -> None:
    monkeypatch.setattr(slices, "fresh_model", partial(fresh_model, copied_bytes=0))
    for method in ("lora", "full", "pissa"):
        assert curve(method) == alone[method], method
    with failing(ValueError):
        assert curve("full") is Status.FAILED
    assert curve("dora") == alone["dora"]
    assert len(readings) == 4  # lora's is full's; pissa, the one that fails, and dora read anew
