"""A finetuned model, read back from disk."""

import json
import shutil

import pytest
import torch
from peft import AutoPeftModelForCausalLM, PeftModel
from safetensors.torch import load_file, save_file
from transformers import BitsAndBytesConfig

from foretune.errors import JournalError, ModelError
from foretune.execution.finetuned import Finetuned, load_finetuned, open_finetuned
from foretune.finetuning import base
from foretune.finetuning.adapters import adapt, save_adapter
from foretune.finetuning.average import sum_adapters
from foretune.finetuning.fast_layers import use_fast_layers
from foretune.finetuning.model import SHIPPED, load_model, load_tokenizer, shipped_model
from foretune.finetuning.weights_file import WEIGHTS, header
from foretune.types import Configuration

LORA = Configuration(
    {"method": "lora", "rank": 2, "alpha_over_rank": 2.0, "dropout": 0.0, "target_modules": "attention"}
)
IDS = torch.tensor([[7, 8, 9, 10]])


@pytest.fixture
def adapter(tiny_model, tmp_path):
    """The folder of an adapter that changes what the tiny model says, and its logits."""
    torch.manual_seed(0)
    adapted = adapt(load_model(tiny_model), LORA, name=str(tiny_model))
    with torch.no_grad():
        for parameter in adapted.trained.values():
            parameter.normal_(std=0.5)
    (tmp_path / "run" / "adapter").mkdir(parents=True)
    save_adapter(adapted, tmp_path / "run" / "adapter")
    use_fast_layers(adapted.model)
    return tmp_path / "run" / "adapter", logits(adapted.model.eval())


def logits(model):
    with torch.inference_mode():
        return model(input_ids=IDS).logits


@pytest.mark.parametrize("shared", [False, True])
def test_an_adapter_computes_what_it_did_and_leaves_a_shared_base_model_alone(tiny_model, adapter, shared):
    folder, expected = adapter
    untouched = logits(load_model(tiny_model))
    found = load_finetuned(folder, str(tiny_model), shared=shared)
    assert not found.training
    torch.testing.assert_close(logits(found), expected)
    assert not torch.allclose(expected, untouched, atol=1e-2)
    torch.testing.assert_close(logits(base.fresh_model(str(tiny_model), device="cpu")), untouched)
    base.release()


@pytest.fixture
def qlora(adapter):
    """The same, as of a base model in 4 bits."""
    folder, expected = adapter
    save_file(load_file(folder / WEIGHTS), folder / WEIGHTS, metadata=header(four_bits=True))
    return folder, expected


@pytest.mark.parametrize("shared", [False, True])
def test_an_adapter_of_qlora_wants_the_base_model_in_four_bits(tiny_model, qlora, shared):
    with pytest.raises(ModelError, match="qlora needs a CUDA device"):
        load_finetuned(qlora[0], str(tiny_model), shared=shared)


def test_a_run_of_qlora_is_opened_on_the_base_model_in_four_bits(qlora, tiny_model, monkeypatch):
    read = []

    def load(model, *, device, quantized=False):
        read.append((model, quantized))
        return load_model(model, device=device)

    monkeypatch.setattr("foretune.execution.finetuned.load_model", load)
    monkeypatch.setattr("foretune.execution.finetuned.check_four_bit", lambda device: None)
    assert open_finetuned(qlora[0].parent).note == ""
    assert read == [(str(tiny_model), True)]


def test_where_there_are_no_four_bits_a_run_of_qlora_is_opened_without_them_and_says_so(qlora):
    found = open_finetuned(qlora[0].parent)
    torch.testing.assert_close(logits(found.model), qlora[1])
    assert found.note.startswith("the adapter was trained and scored on the base model in 4 bits, which need a CUDA")


def test_an_average_of_qlora_adapters_is_read_back_as_peft_reads_it_in_four_bits(tmp_path, monkeypatch):
    pytest.importorskip("bitsandbytes", reason="QLoRA needs the extra 'qlora'")
    monkeypatch.setattr("foretune.finetuning.model.check_four_bit", lambda _: None)  # on a CPU it is only slow
    monkeypatch.setattr("foretune.finetuning.fast_layers.has_bfloat16_instructions", lambda: False)
    torch.manual_seed(0)
    for rank in (2, 3):
        qlora = Configuration({**LORA.values, "method": "qlora", "rank": rank})
        adapted = adapt(load_model(SHIPPED, quantized=True), qlora, name=str(shipped_model()))
        with torch.no_grad():
            for parameter in adapted.trained.values():
                parameter.normal_(std=0.5)
        (tmp_path / str(rank)).mkdir()
        save_adapter(adapted, tmp_path / str(rank))
    sum_adapters([tmp_path / "2", tmp_path / "3"], [0.7, 0.3], tmp_path)
    four_bits = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True)
    as_peft = AutoPeftModelForCausalLM.from_pretrained(
        str(tmp_path), quantization_config=four_bits, dtype=torch.float32
    )
    expected = logits(as_peft.eval())
    torch.testing.assert_close(logits(load_finetuned(tmp_path, SHIPPED)), expected)
    as_it_is = PeftModel.from_pretrained(load_model(SHIPPED), str(tmp_path)).eval()
    assert not torch.allclose(logits(as_it_is), expected, atol=1e-2)


def test_a_whole_model_takes_the_place_of_the_shared_one(tiny_model):
    base.fresh_model(str(tiny_model), device="cpu", changes_weights=False)
    found = load_finetuned(tiny_model, "unused", shared=True)
    assert not base._held
    assert torch.equal(logits(found), logits(load_model(tiny_model)))


def test_a_run_is_opened_with_the_base_model_that_its_adapter_names(tiny_model, adapter, tmp_path):
    folder, expected = adapter
    found = open_finetuned(folder.parent)
    torch.testing.assert_close(logits(found.model), expected)
    assert (found.stops, found.max_new_tokens, found.note) == ((4,), 256, "")
    assert found.tokenizer.chat_template == load_tokenizer(tiny_model).chat_template
    moved = shutil.copytree(tiny_model, tmp_path / "moved")
    torch.testing.assert_close(logits(open_finetuned(folder, model=str(moved)).model), expected)
    with pytest.raises(JournalError, match="there is no run at"):
        open_finetuned(tmp_path / "none")


@pytest.mark.parametrize(
    ("settings", "stops", "longest"),
    [
        ({"eos_token_id": [7, 4], "max_new_tokens": 9}, (7, 4), 9),
        ({"eos_token_id": 7}, (7,), 256),
        ({"eos_token_id": None}, (), 256),
    ],
)
def test_a_folder_with_settings_says_where_answers_end(tiny_model, tmp_path, settings, stops, longest):
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    bare = open_finetuned(folder)
    assert (bare.stops, bare.max_new_tokens) == ((4,), 256)
    known = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps(known | settings))
    told = open_finetuned(folder)
    assert (told.stops, told.max_new_tokens) == (stops, longest)


@pytest.mark.parametrize(("asked", "longest"), [(None, 9), (3, 3)])
def test_answers_are_as_long_as_asked(monkeypatch, asked, longest):
    given = []
    monkeypatch.setattr("foretune.execution.finetuned.answer", lambda *one, **more: given.append((one, more)) or ["x"])
    assert Finetuned("model", "tokenizer", (4,), 9).answers(["q"], max_new_tokens=asked) == ["x"]
    assert given[0][0] == ("model", "tokenizer", ["q"], longest)
    assert given[0][1]["stops"] == (4,)
