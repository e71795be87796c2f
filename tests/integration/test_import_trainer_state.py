"""Folders that the Trainer of transformers really leaves, as a meta-dataset."""

import json
import os
import shutil

import pytest
import torch

from foretune.errors import InteropError
from foretune.interop import ImportOptions, import_runs

OPTIONS = ImportOptions(dataset="counting", rows=16)


def train(model_folder, out, rate, steps=6):
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, Trainer, TrainingArguments

    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(model_folder),
        LoraConfig(r=4, lora_alpha=8, lora_dropout=0.0, target_modules=["qkv_proj", "o_proj"], task_type="CAUSAL_LM"),
    )
    rows = [{"input_ids": torch.arange(8) + at, "labels": torch.arange(8) + at} for at in range(16)]
    arguments = TrainingArguments(
        output_dir=str(out),
        max_steps=steps,
        per_device_train_batch_size=2,
        learning_rate=rate,
        eval_strategy="steps",
        eval_steps=2,
        save_steps=2,
        logging_steps=1,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        save_total_limit=2,
        dataloader_pin_memory=False,
        seed=3,
    )
    trainer = Trainer(model, arguments, train_dataset=rows, eval_dataset=rows[:4])
    trainer.train()
    trainer.save_state()
    trainer.save_model(str(out))


@pytest.fixture(scope="module")
def runs(tiny_model, tmp_path_factory):
    folder, threads = tmp_path_factory.mktemp("trainer"), torch.get_num_threads()
    torch.set_num_threads(1)  # more of them only wait for each other on a model this small
    train(tiny_model, folder / "low", 1e-3)
    train(tiny_model, folder / "high", 1e-2)
    torch.set_num_threads(threads)
    return folder


def test_log_and_adapter_become_a_run(runs, tiny_model):
    meta = import_runs("trainer-state", [str(runs)], OPTIONS)
    assert meta.task_ids == (f"counting@16:{tiny_model.name}",)
    assert meta.tasks[["metric", "direction", "cost_unit", "max_fidelity"]].values.tolist() == [
        ["eval_loss", "minimize", "seconds", 3]
    ]
    assert [run.rpartition("/")[2] for run in meta.runs["run"]] == ["high", "low"]
    values = dict(meta.configurations[meta.runs["run"].iloc[1]].values)
    expected = {"method": "lora", "rank": 4, "alpha_over_rank": 2.0, "dropout": 0.0, "target_modules": "attention"}
    assert {name: values[name] for name in expected} == expected
    # With few logged steps the highest logged rate is that of the first step.
    assert values["learning_rate"] == pytest.approx(1e-3)
    assert (values["batch_size"], values["max_steps"]) == (2, 6)
    state = json.loads((runs / "low" / "trainer_state.json").read_text())
    logged = [entry["eval_loss"] for entry in state["log_history"] if "eval_loss" in entry]
    mine = meta.curves[meta.curves["run"] == meta.runs["run"].iloc[1]]
    assert mine["validation_value"].tolist() == logged
    assert mine["steps"].tolist() == [2, 4, 6]
    total = next(entry["train_runtime"] for entry in state["log_history"] if "train_runtime" in entry)
    assert (mine["train_seconds"] + mine["evaluation_seconds"]).sum() == pytest.approx(total)


def test_settings_and_plain_arguments_add_what_the_log_lacks(runs, tmp_path):
    shutil.copytree(runs / "low", tmp_path / "low")
    arguments = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4, "weight_decay": 0.1, "seed": 3}
    (tmp_path / "low" / "training_args.json").write_text(json.dumps(arguments | {"lr_scheduler_type": "linear"}))
    (tmp_path / "settings.yaml").write_text("low: {loraplus_ratio: 16}\n")
    options = ImportOptions(dataset="counting", rows=16, settings=tmp_path / "settings.yaml")
    meta = import_runs("trainer-state", [str(tmp_path / "low")], options)
    values = dict(meta.configurations[meta.runs["run"].iloc[0]].values)
    wanted = {"batch_size": 8, "weight_decay": 0.1, "schedule": "linear", "loraplus_ratio": 16}
    assert {name: values[name] for name in wanted} == wanted
    assert meta.runs["seed"].tolist() == [3]


def test_checkpoints_alone_cost_steps_or_on_demand_the_time_between_them(runs, tmp_path):
    shutil.copytree(runs / "low", tmp_path / "low")
    for name in ("trainer_state.json", "adapter_config.json"):
        (tmp_path / "low" / name).unlink()
    for step in (4, 6):
        os.utime(tmp_path / "low" / f"checkpoint-{step}" / "trainer_state.json", (1e9 + 10 * step, 1e9 + 10 * step))
    meta = import_runs("trainer-state", [str(tmp_path / "low")], OPTIONS)
    assert meta.tasks["cost_unit"].tolist() == ["steps"]
    assert meta.curves["train_seconds"].tolist() == [2.0, 2.0, 2.0]
    timed = import_runs("trainer-state", [str(tmp_path)], ImportOptions(dataset="counting", rows=16, file_times=True))
    assert timed.tasks["cost_unit"].tolist() == ["seconds"]
    assert timed.curves["train_seconds"].tolist() == [20.0, 20.0, 20.0]
    with pytest.raises(InteropError, match=r"low: no train_runtime in the log, while other runs have it"):
        import_runs("trainer-state", [str(tmp_path / "low"), str(runs / "high")], OPTIONS)


def test_a_run_that_stopped_or_diverged_is_told_so(runs, tmp_path):
    shutil.copytree(runs / "low" / "checkpoint-4", tmp_path / "stopped")
    meta = import_runs("trainer-state", [str(tmp_path / "stopped")], OPTIONS)
    assert meta.runs[["status", "message"]].values.tolist() == [["stopped", "stopped after 4 of 6 steps"]]
    file = tmp_path / "stopped" / "trainer_state.json"
    state = json.loads(file.read_text())
    [entry for entry in state["log_history"] if "eval_loss" in entry][1]["eval_loss"] = float("nan")
    file.write_text(json.dumps(state))
    meta = import_runs("trainer-state", [str(tmp_path / "stopped")], OPTIONS)
    assert meta.runs["status"].tolist() == ["diverged"]
    assert len(meta.curves) == 1


def test_what_is_missing_is_said(runs, tmp_path):
    with pytest.raises(InteropError, match=r"no trainer_state\.json in"):
        import_runs("trainer-state", [str(tmp_path)], OPTIONS)
    with pytest.raises(InteropError, match="does not say the dataset; give --dataset"):
        import_runs("trainer-state", [str(runs)])
    with pytest.raises(InteropError, match=r"log_history has no 'eval_f1', only .*eval_loss"):
        import_runs("trainer-state", [str(runs)], ImportOptions(dataset="d", metric="eval_f1"))
    (tmp_path / "trainer_state.json").write_text('{"log_history": []}')
    with pytest.raises(InteropError, match="'global_step' is None, expected int"):
        import_runs("trainer-state", [str(tmp_path)], OPTIONS)
