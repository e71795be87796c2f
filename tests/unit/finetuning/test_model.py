import json
import shutil
from pathlib import Path

import pytest
import torch
from transformers.utils import logging as transformers_logging

from foretune.errors import ModelError
from foretune.finetuning.model import (
    choose_device,
    load_model,
    load_tokenizer,
    no_progress_bars,
    resolve_model,
)


def copied(model: Path, to: Path) -> Path:
    return Path(shutil.copytree(model, to / "copy"))


def test_folders_become_absolute_and_hub_names_stay(tiny_model, monkeypatch) -> None:
    monkeypatch.chdir(tiny_model.parent)
    assert resolve_model("tiny") == str(tiny_model.resolve())
    assert resolve_model("some-org/some-model") == "some-org/some-model"


def test_a_model_is_loaded_frozen_in_float32_on_a_cpu(tiny_model) -> None:
    model = load_model(tiny_model)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert not any(p.requires_grad for p in model.parameters())
    assert not model.training


def test_auto_is_a_gpu_where_there_is_one(monkeypatch) -> None:
    for there, device in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert choose_device() == device
    assert choose_device("cpu") == "cpu"


@pytest.mark.parametrize("name", ["cuda:99", "gpu"])
def test_a_device_that_is_not_there_is_named(name) -> None:
    with pytest.raises(ModelError, match=f"device '{name}'.*give auto"):
        choose_device(name)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "config.json").unlink(), "has no config.json; give a folder written by"),
        (lambda folder: (folder / "config.json").write_text("{"), r"config\.json is not JSON .*; copy the model again"),
        (
            lambda folder: (folder / "model.safetensors").unlink(),
            r"has no \*\.safetensors file; copy the model's weights",
        ),
        (
            lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"),
            "has pickled weights only, .* convert them",
        ),
        (
            lambda folder: (folder / "model.safetensors").write_bytes(b"x" * 9),
            "cannot load .* as a causal language model",
        ),
        (
            lambda folder: (folder / "config.json").write_text(json.dumps({"model_type": "novel"})),
            "cannot load .* as a causal language model",
        ),
    ],
)
def test_a_folder_that_cannot_be_loaded_says_why(tiny_model, tmp_path, damage, message) -> None:
    folder = copied(tiny_model, tmp_path)
    damage(folder)
    with pytest.raises(ModelError, match=message):
        load_model(folder)


def test_a_path_that_is_not_there_is_not_taken_for_a_hub_name(tmp_path) -> None:
    with pytest.raises(ModelError, match=r"no model folder at .*; give a folder with config.json, a hub name"):
        load_model(tmp_path / "nothing")


def test_quantized_weights_need_a_gpu(tiny_model) -> None:
    with pytest.raises(ModelError, match="qlora needs a CUDA device, got 'cpu'; choose another method"):
        load_model(tiny_model, quantized=True)


def test_a_missing_tokenizer_is_named(tiny_model, tmp_path) -> None:
    folder = copied(tiny_model, tmp_path)
    for file in folder.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(ModelError, match=r"cannot load the tokenizer of .*; it needs tokenizer.json"):
        load_tokenizer(folder)


def test_progress_bars_come_back() -> None:
    shown = transformers_logging.is_progress_bar_enabled()
    try:
        transformers_logging.enable_progress_bar()
        with no_progress_bars():
            assert not transformers_logging.is_progress_bar_enabled()
        assert transformers_logging.is_progress_bar_enabled()
    finally:
        (transformers_logging.enable_progress_bar if shown else transformers_logging.disable_progress_bar)()
