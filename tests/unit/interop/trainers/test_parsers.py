"""What is written is read by the trainers' own parsers, where they are installed, and means what foretune means."""

import ast
import dataclasses
import inspect
import sys
import types
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from foretune.errors import InteropError
from foretune.interop.trainers.planned import TRAIN
from foretune.interop.trainers.registry import TRAINERS

LORAS = ("lora", "rslora", "dora", "pissa", "loraplus", "qlora")


def needs(module):
    return pytest.mark.skipif(find_spec(module) is None, reason=f"{module} is not installed")


def of_method(planned, method, **others):
    return planned({"method": method, **({"loraplus_ratio": 16.0} if method == "loraplus" else {})}, **others)


@needs("trl")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", [*LORAS, "full"])
def test_trl_reads_its_file(planned, tmp_path, method):
    from trl.scripts.sft import make_parser

    text, _ = TRAINERS["trl"].write(of_method(planned, method))
    (tmp_path / "trl.yaml").write_text(text)
    arguments = ["--config", str(tmp_path / "trl.yaml"), "--use_cpu", "true"]  # bf16 is refused where no GPU is meant
    script, training, model, _ = make_parser().parse_args_and_config(arguments, fail_with_unknown_args=True)
    assert (script.dataset_name, script.dataset_test_split) == (str(tmp_path / "rows"), "validation")
    assert (training.learning_rate, training.lr_scheduler_type, training.warmup_steps) == (0.005, "cosine", 2)
    assert (training.max_length, training.completion_only_loss, training.packing) == (128, True, False)
    assert (model.use_peft, model.use_rslora, model.use_dora) == (
        method != "full",
        method == "rslora",
        method == "dora",
    )
    assert model.load_in_4bit == (method == "qlora")
    assert model.dtype == ("float32" if method in {"full", "pissa"} else "bfloat16")
    if method != "full":
        assert (model.lora_r, model.lora_alpha, model.lora_target_modules) == (8, 16, ["k_proj", "q_proj"])


@needs("axolotl")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", [*LORAS, "full"])
def test_axolotl_reads_its_file(planned, tmp_path, method):
    from axolotl.utils.schemas.config import AxolotlInputConfig

    text, _ = TRAINERS["axolotl"].write(of_method(planned, method, begins_with="before" if method == "lora" else ""))
    content = yaml.safe_load(text)
    assert set(content) <= set(AxolotlInputConfig.model_fields)  # a name that the schema lacks would be dropped
    read = AxolotlInputConfig.model_validate(content)
    assert (read.datasets[0].path, read.datasets[0].message_field_training) == (str(tmp_path / "rows" / TRAIN), "train")
    assert (float(read.learning_rate), read.lr_scheduler, read.warmup_steps, read.num_epochs) == (0.005, "cosine", 2, 2)
    assert (read.micro_batch_size, read.sequence_len, read.train_on_inputs) == (8, 128, False)
    if method != "full":
        assert (read.adapter, read.lora_r, read.lora_alpha) == ("qlora" if method == "qlora" else "lora", 8, 16)
    assert (read.loraplus_lr_ratio or 1.0) == (16.0 if method == "loraplus" else 1.0)
    assert read.peft_init_lora_weights == ("pissa_niter_4" if method == "pissa" else None)
    assert read.lora_model_dir == ("before" if method == "lora" else None)


@needs("llamafactory")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", [*LORAS, "full"])
def test_llama_factory_reads_its_file(planned, method, monkeypatch):
    monkeypatch.setenv("DISABLE_VERSION_CHECK", "1")  # its argument classes do not depend on the newest transformers
    from llamafactory.hparams.data_args import DataArguments
    from llamafactory.hparams.finetuning_args import FinetuningArguments
    from llamafactory.hparams.model_args import ModelArguments
    from llamafactory.hparams.training_args import TrainingArguments
    from transformers import HfArgumentParser

    text, _ = TRAINERS["llama-factory"].write(of_method(planned, method))
    content = {**yaml.safe_load(text), "use_cpu": True}
    parser = HfArgumentParser([ModelArguments, DataArguments, TrainingArguments, FinetuningArguments])
    model, data, training, finetuning = parser.parse_dict(content, allow_extra_keys=False)
    assert (data.dataset, data.cutoff_len, data.mask_history) == (["foretune_train"], 128, True)
    assert (training.learning_rate, training.lr_scheduler_type, training.warmup_steps) == (0.005, "cosine", 2)
    assert (finetuning.finetuning_type, finetuning.use_rslora) == (
        "full" if method == "full" else "lora",
        method == "rslora",
    )
    assert (finetuning.pissa_init, finetuning.use_dora) == (method == "pissa", method == "dora")
    assert (finetuning.loraplus_lr_ratio or 1.0) == (16.0 if method == "loraplus" else 1.0)
    assert model.quantization_bit == (4 if method == "qlora" else None)
    if method != "full":
        assert (finetuning.lora_rank, finetuning.lora_alpha, finetuning.lora_target) == (8, 16, ["k_proj", "q_proj"])


@needs("llamafactory")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", ["chat", "plain", "text"])
def test_llama_factory_finds_the_columns(planned, form, monkeypatch):
    folder = types.ModuleType("llamafactory.data")  # its own needs torchaudio and more
    folder.__path__ = [str(Path(find_spec("llamafactory").origin).parent / "data")]
    monkeypatch.setitem(sys.modules, "llamafactory.data", folder)
    from llamafactory.data.parser import get_dataset_list

    from foretune.interop.trainers.llama_factory import dataset_info

    (found,) = get_dataset_list(["foretune_train"], dataset_info(planned(form=form)))
    assert (found.load_from, found.dataset_name) == ("file", TRAIN)
    if form == "chat":
        assert (found.formatting, found.messages, found.role_tag, found.user_tag) == (
            "sharegpt", "messages", "role", "user",
        )  # fmt: skip
    else:
        assert found.prompt == ("prompt" if form == "plain" else "text")


@needs("trl")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", [*LORAS, "full"])
def test_unsloths_script_calls_trl_and_peft_by_names_that_they_have(planned, method):
    from peft import LoraConfig
    from peft.optimizers import create_loraplus_optimizer
    from trl import SFTConfig, SFTTrainer

    text, _ = TRAINERS["unsloth"].write(of_method(planned, method))
    calls = {ast.unparse(one.func): one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.Call)}
    names = {name: {word.arg for word in call.keywords} for name, call in calls.items()}
    assert names["SFTConfig"] <= {field.name for field in dataclasses.fields(SFTConfig)}
    assert names["SFTTrainer"] <= inspect.signature(SFTTrainer).parameters.keys()
    assert ("FastLanguageModel.get_peft_model" in names) == (method != "full")
    if method != "full":
        own = {"use_gradient_checkpointing", "random_state"}  # Unsloth's; the rest goes on to PEFT
        peft = {field.name for field in dataclasses.fields(LoraConfig)}
        assert names["FastLanguageModel.get_peft_model"] - own <= peft
    assert ("create_loraplus_optimizer" in names) == (method == "loraplus")
    if method == "loraplus":
        taken = inspect.signature(create_loraplus_optimizer).parameters.keys() | {"loraplus_weight_decay"}
        assert names["create_loraplus_optimizer"] <= taken


@pytest.mark.parametrize(("optimizer", "scale"), [("adamw", None), ("adafactor", "(None, 1.0)")])
def test_adafactor_of_loraplus_steps_as_adamw_does(planned, optimizer, scale):
    run = planned({"method": "loraplus", "loraplus_ratio": 16.0, "optimizer": optimizer})
    tree = ast.walk(ast.parse(TRAINERS["unsloth"].write(run)[0]))
    (call,) = (one for one in tree if isinstance(one, ast.Call) and "loraplus" in ast.unparse(one.func))
    assert {word.arg: ast.unparse(word.value) for word in call.keywords}.get("eps") == scale


@pytest.mark.parametrize("trainer", ["trl", "axolotl", "llama-factory", "unsloth"])
def test_ia3_is_refused_where_it_cannot_be_trained(planned, trainer):
    with pytest.raises(InteropError, match="cannot train ia3"):
        TRAINERS[trainer].write(planned({"method": "ia3"}))


@pytest.mark.parametrize(("trainer", "methods"), [("trl", ["pissa", "loraplus"]), ("unsloth", ["pissa"])])
def test_a_method_that_becomes_plain_lora_is_said_to(planned, trainer, methods):
    for method in methods:
        assert any("this is plain LoRA" in note for note in TRAINERS[trainer].write(of_method(planned, method))[1])


def test_a_run_that_goes_on_begins_with_the_adapter_of_the_run_before(planned):
    run = planned(begins_with="/before")
    assert yaml.safe_load(TRAINERS["axolotl"].write(run)[0])["lora_model_dir"] == "/before"
    content = yaml.safe_load(TRAINERS["llama-factory"].write(run)[0])
    assert (content["adapter_name_or_path"], content["create_new_adapter"]) == ("/before", False)
    assert "model_name='/before'" in TRAINERS["unsloth"].write(run)[0]
    assert "'begins_with': '/before'" in TRAINERS["peft-script"].write(run)[0]
    assert any("cannot go on with an adapter" in note for note in TRAINERS["trl"].write(run)[1])


def test_several_answers_of_a_conversation_are_learned(planned):
    run = planned(last_only=False)
    assert yaml.safe_load(TRAINERS["trl"].write(run)[0])["assistant_only_loss"] is True
    assert yaml.safe_load(TRAINERS["llama-factory"].write(run)[0])["mask_history"] is False
