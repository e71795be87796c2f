"""A merged model answers as its adapter does, or is not written."""

import json

import pytest
import torch
import yaml
from finished_search import LORA, reported, scored
from peft import IA3Config, LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from foretune.errors import DataError, JournalError, ModelError
from foretune.finetuning import merge as merging
from foretune.finetuning.merge import Merged
from foretune.finetuning.model import load_model, load_tokenizer
from foretune.finetuning.weights_file import WEIGHTS, header
from foretune.report.run_report import write_run_report
from foretune.session.adapter_folder import complete_adapter_folder
from foretune.session.merging import merge, request_of_run

FULL = {
    "method": "full", "learning_rate": 0.001, "batch_size": 4, "schedule": "linear", "warmup": 0.0, "weight_decay": 0.0,
    "optimizer": "adamw", "epochs": 1,
}  # fmt: skip
MODULES = ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]


@pytest.fixture
def run(tmp_path, tiny_model):
    """A folder with an adapter of random values, and the data that it is checked on."""

    def make(config=None):
        rows = [{"prompt": f"What is {n}?", "completion": f"yen {n}"} for n in range(30)]
        (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        config = config or LoraConfig(task_type="CAUSAL_LM", r=4, lora_alpha=8, target_modules=MODULES)
        model = get_peft_model(load_model(tiny_model), config)
        with torch.no_grad():
            generator = torch.Generator().manual_seed(0)
            for name, value in model.named_parameters():
                if value.requires_grad and "magnitude" not in name:
                    value.add_(0.1 * torch.randn(value.shape, generator=generator))
        adapter = tmp_path / "run" / "adapter"
        model.save_pretrained(adapter)
        complete_adapter_folder(adapter, load_tokenizer(tiny_model), [4], 10)
        return tmp_path / "run"

    return make


def merged_into(run, tmp_path, **options):
    return merge(run, tmp_path / "merged", data=str(tmp_path / "data.jsonl"), device="cpu", **options)[0]


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing")
@pytest.mark.parametrize(
    "config",
    [
        LoraConfig(task_type="CAUSAL_LM", r=4, lora_alpha=8, target_modules=MODULES, use_rslora=True),
        LoraConfig(task_type="CAUSAL_LM", r=4, lora_alpha=8, target_modules=MODULES, use_dora=True),
        IA3Config(task_type="CAUSAL_LM", target_modules=MODULES, feedforward_modules=["down_proj"]),
    ],
    ids=["rslora", "dora", "ia3"],
)
def test_transformers_alone_loads_what_the_adapter_says(run, tmp_path, tiny_model, config):
    folder = run(config)
    said = merged_into(folder, tmp_path)
    assert said.rows >= 3
    assert said.logit_difference < 1e-3 * said.largest_logit
    assert said.merged_loss == pytest.approx(said.adapter_loss, abs=1e-4)
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "merged").eval()
    adapted = PeftModel.from_pretrained(load_model(tiny_model), str(folder / "adapter")).eval()
    ids = torch.arange(5, 25)[None]
    with torch.no_grad():
        found, expected, untouched = (one(input_ids=ids).logits for one in (model, adapted, load_model(tiny_model)))
    assert torch.allclose(found, expected, atol=1e-3)
    assert not torch.allclose(found, untouched, atol=1e-1)


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing")
def test_the_tokenizer_its_template_and_the_end_of_answers_come_with_it(run, tmp_path):
    folder = run()
    merged_into(folder, tmp_path)
    out = tmp_path / "merged"
    assert (
        AutoTokenizer.from_pretrained(out).chat_template
        == AutoTokenizer.from_pretrained(folder / "adapter").chat_template
    )
    settings = GenerationConfig.from_pretrained(out)
    assert (settings.eos_token_id, settings.max_new_tokens, settings.do_sample) == ([4], 64, False)
    assert not list(out.glob("*.bin"))
    assert not list(out.glob("adapter*"))


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing")
def test_an_adapter_of_another_trainer_takes_the_rest_from_its_base_model(run, tmp_path, tiny_model):
    folder = run()
    for file in (folder / "adapter").iterdir():
        if not file.name.startswith("adapter_"):
            file.unlink()
    merged_into(folder, tmp_path)
    found, own = (AutoTokenizer.from_pretrained(one).chat_template for one in (tmp_path / "merged", tiny_model))
    assert found == own


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing")
def test_a_model_that_answers_otherwise_is_not_kept(run, tmp_path, monkeypatch):
    folder = run()
    read = merging.load_model

    def damaged(model, **options):
        found = read(model, **options)
        if "merged" in str(model):
            found.get_submodule("model.layers.0.mlp.down_proj").weight.data.mul_(1.5)
        return found

    monkeypatch.setattr(merging, "load_model", damaged)
    with pytest.raises(ModelError, match="is not what the adapter is: logits differ by up to"):
        merged_into(folder, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"data.jsonl", "run"}


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing")
@pytest.mark.parametrize("place", ["load_model", "_logits"])
def test_too_little_memory_is_not_taken_for_another_base_model(run, tmp_path, monkeypatch, place):
    def short(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    folder = run()
    monkeypatch.setattr(merging, place, short)
    with pytest.raises(ModelError, match=r"^cpu has too little memory to merge into .* free some, or merge"):
        merged_into(folder, tmp_path)
    monkeypatch.setattr("foretune.finetuning.model.choose_device", lambda _: "cuda")
    monkeypatch.setattr(merging, "load_model", short)
    with pytest.raises(ModelError, match=r"^cuda has too little memory .* merge in main memory: --device cpu$"):
        merged_into(folder, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"data.jsonl", "run"}


def test_the_limits():
    def found(difference, loss, dtype):
        return Merged(8, difference, 20.0, 1.0, loss, dtype).fault

    assert found(0.01, 1.0, torch.float32) == ""
    assert "more than the 0.1% of rounding" in found(0.03, 1.0, torch.float32)
    assert found(0.4, 1.005, torch.bfloat16) == ""
    assert found(0.4, 1.02, torch.bfloat16) == "the loss is 1.0200 instead of 1.0000"
    assert "logits differ" in found(float("nan"), 1.0, torch.float32)


def test_what_cannot_be_merged_is_said(run, tmp_path, tiny_model):
    folder = run()
    with pytest.raises(ModelError, match="is a whole model after full finetuning"):
        merge(tiny_model, tmp_path / "merged")
    with pytest.raises(JournalError, match="already exists"):
        merge(folder, folder)
    with pytest.raises(DataError, match="does not say what data it was trained on"):
        merge(folder, tmp_path / "merged")


def a_report(tmp_path):
    return reported(scored("best", 1.0, LORA, 8), data=str(tmp_path / "data.jsonl"))


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing")
@pytest.mark.parametrize("four_bits", [False, True])
def test_the_run_knows_its_data_and_the_adapter_that_it_was_trained_in_4_bits(run, tmp_path, four_bits):
    folder = run()
    write_run_report(a_report(tmp_path), folder / "report.json")
    weights = folder / "adapter" / WEIGHTS
    save_file(load_file(weights), weights, metadata=header(four_bits=four_bits))
    found, said = merge(folder, tmp_path / "merged", device="cpu")
    assert found.rows >= 3
    assert [("in 4 bits" in note) for note in said] == [True] * four_bits


def test_rows_are_those_of_the_configuration_where_there_is_one(tmp_path):
    content = {"configuration": FULL, "data": "rows.jsonl", "seed": 5, "columns": "prompt=Q"}
    (tmp_path / "best.yaml").write_text(yaml.safe_dump(content))
    write_run_report(a_report(tmp_path), tmp_path / "report.json")
    request = request_of_run(tmp_path, None)
    assert (request.source, request.seed, request.reading.columns) == ("rows.jsonl", 5, "prompt=Q")
    assert request_of_run(tmp_path, "moved.jsonl").source == "moved.jsonl"
    (tmp_path / "best.yaml").unlink()
    of_report = request_of_run(tmp_path, None)
    assert (of_report.source, of_report.seed) == (str(tmp_path / "data.jsonl"), 2)


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing")
def test_what_the_type_of_the_base_model_would_round_away_is_kept_in_float32(run, tmp_path, tiny_model, monkeypatch):
    base = tmp_path / "base"
    load_model(tiny_model).bfloat16().save_pretrained(base)
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(base)
    folder = run()
    monkeypatch.setattr(merging, "_LOSS_LIMIT", 1e-5)
    merged, notes = merge(folder, tmp_path / "merged", model=str(base), data=str(tmp_path / "data.jsonl"), device="cpu")
    assert merged.dtype == torch.float32
    assert merged.merged_loss == pytest.approx(merged.adapter_loss, abs=1e-5)
    assert "rounded to torch.bfloat16" in notes[-1]
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "merged").dtype == torch.float32
