"""What `benchmarks/gpu` measures on a GPU computes the right thing, seen at a tiny shape on the CPU."""

import importlib
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from foretune.finetuning import slices
from foretune.finetuning.adapters import target_modules
from foretune.finetuning.step import take_step

FOLDER = Path(__file__).parents[2] / "benchmarks" / "gpu"


@pytest.fixture
def measurement(monkeypatch):
    """Imports a script of the folder by its name."""
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module


def test_throughput_trains_with_gradient_checkpointing_where_it_says_so(measurement, tmp_path) -> None:
    throughput, workload = measurement("throughput"), measurement("workload")
    data = workload.random_rows("tiny", 4 * 4, 12, learned=0.5)
    figures = {}
    for engine in ("foretune", "foretune-checkpointed"):
        case = {"engine": engine, "batch_size": 4, "steps": 2, "device": "cpu", "scratch": str(tmp_path)}
        figures[engine] = throughput.by_foretune(case, workload.random_model("tiny", "cpu"), data)
    whole, checkpointed = figures.values()
    assert not whole["gradient_checkpointing"]
    assert checkpointed["gradient_checkpointing"]
    assert whole["loss"] == pytest.approx(checkpointed["loss"], rel=1e-3)
    assert whole["loss"] == pytest.approx(math.log(512), abs=0.3)  # it is as good as guessing


def test_adapters_that_are_stacked_learn_as_each_would_alone(measurement, monkeypatch) -> None:
    several, workload = measurement("several_adapters"), measurement("workload")
    monkeypatch.setattr(slices, "use_fast_layers", lambda _: None)  # they round to bfloat16
    data, size, steps = workload.random_rows("tiny", 3 * 16, 12, learned=0.5), 8, 3
    model = workload.random_model("tiny", "cpu")
    names = target_modules(model, "all")
    trained = several.stack(model, 2)
    initial = [value.detach().clone() for value in trained]
    step = several.stacked_step(model.train(), trained, 2, "cpu")
    together = torch.stack([step(data.train, range(at * 16, at * 16 + 16)) for at in range(steps)])
    for number in range(2):
        run = slices.prepare_run(workload.request_of(data, "cpu", size), workload.random_model("tiny", "cpu"))
        with torch.no_grad():
            for name, first, second in zip(names, initial[::2], initial[1::2], strict=True):
                layer = run.model.get_base_model().get_submodule(name)
                layer.lora_A["default"].weight.copy_(first[number].T)
                layer.lora_B["default"].weight.copy_(second[number].T)
        rows = [np.arange(size) + at * 16 + number * size for at in range(steps)]
        alone = torch.stack([take_step(run, chosen) for chosen in rows])
        assert torch.allclose(alone, together[:, number], rtol=1e-5)
