"""Folders that the Trainer of transformers really leaves, as a meta-dataset."""

import json
import os
import shutil

import pytest
import torch

from foretune.errors import InteropError
from foretune.interop import ImportOptions, import_runs
from foretune.metadata import write_meta_dataset
from foretune.metadata.verify import verify

OPTIONS = ImportOptions(dataset="counting", rows=16)


class PulledPlugError(Exception):
    """Stands for a machine that went down."""


def train(model_folder, out, rate, steps=6, *, killed_after=0, resume=False, evaluate_again=False, **more):
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, Trainer, TrainerCallback, TrainingArguments

    class PullsPlug(TrainerCallback):
        def on_step_begin(self, args, state, control, **_):
            if state.global_step == killed_after:
                raise PulledPlugError

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
        **more,
    )
    callbacks = [PullsPlug()] if killed_after else []
    trainer = Trainer(model, arguments, train_dataset=rows, eval_dataset=rows[:4], callbacks=callbacks)
    trainer.train(resume_from_checkpoint=resume)
    if evaluate_again:
        trainer.evaluate()
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


@pytest.fixture(scope="module")
def resumed(tiny_model, tmp_path_factory):
    """A run of 8 steps whose process died after the fifth, and which went on from its checkpoint after the fourth."""
    folder, threads = tmp_path_factory.mktemp("resumed") / "run", torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.raises(PulledPlugError):
        train(tiny_model, folder, 1e-3, steps=8, killed_after=5)
    train(tiny_model, folder, 1e-3, steps=8, resume=True)
    torch.set_num_threads(threads)
    return folder


def entries(folder, name):
    log = json.loads((folder / "trainer_state.json").read_text())["log_history"]
    return [entry for entry in log if name in entry]


def test_of_a_resumed_run_the_seconds_a_step_of_the_last_part_hold_for_all_steps(resumed):
    meta = import_runs("trainer-state", [str(resumed)], OPTIONS)
    (ended,), evaluations = entries(resumed, "train_runtime"), entries(resumed, "eval_loss")
    assert [entry["step"] for entry in evaluations] == [2, 4, 6, 8]
    per_step = (ended["train_runtime"] - sum(entry["eval_runtime"] for entry in evaluations[2:])) / 4
    assert meta.curves["train_seconds"].tolist() == pytest.approx([2 * per_step] * 4)
    assert meta.curves["validation_value"].tolist() == [entry["eval_loss"] for entry in evaluations]
    assert any(note.startswith("the run was resumed") for note in meta.provenance["notes"])


def test_before_transformers_5_the_training_loss_tells_where_the_last_part_began(resumed, tmp_path):
    shutil.copytree(resumed, tmp_path / "run")
    file = tmp_path / "run" / "trainer_state.json"
    state = json.loads(file.read_text())
    entry = next(entry for entry in state["log_history"] if "train_runtime" in entry)
    losses = [one["loss"] for one in state["log_history"] if "loss" in one]
    assert entry["train_loss"] == pytest.approx(sum(losses[4:]) / 4)
    entry["train_loss"] = sum(losses[4:]) / 8  # over all steps, as it was
    entry["train_steps_per_second"] = round(8 / entry["train_runtime"], 3)
    file.write_text(json.dumps(state))
    expected = import_runs("trainer-state", [str(resumed)], OPTIONS).curves["train_seconds"]
    found = import_runs("trainer-state", [str(tmp_path / "run")], OPTIONS).curves["train_seconds"]
    assert found.tolist() == pytest.approx(expected.tolist())


def test_the_evaluation_of_the_best_model_at_the_end_is_not_the_curves(tiny_model, tmp_path):
    rate = 3e-1  # so high that the last model is not the best
    train(tiny_model, tmp_path / "run", rate, load_best_model_at_end=True, evaluate_again=True)
    evaluations = entries(tmp_path / "run", "eval_loss")
    assert [entry["step"] for entry in evaluations] == [2, 4, 6, 6]
    losses = [entry["eval_loss"] for entry in evaluations]
    assert losses[3] == min(losses) < losses[2]
    meta = import_runs("trainer-state", [str(tmp_path / "run")], OPTIONS)
    assert meta.curves["validation_value"].tolist() == losses[:3]
    assert meta.runs["status"].tolist() == ["ok"]


def test_a_pause_between_checkpoints_costs_nothing(runs, tmp_path):
    for step, hours in ((2, 0.0), (4, 0.01), (6, 9.0)):
        folder = tmp_path / "run" / f"checkpoint-{step}"
        shutil.copytree(runs / "low" / "checkpoint-6", folder)
        state = json.loads((folder / "trainer_state.json").read_text())
        (folder / "trainer_state.json").write_text(json.dumps(state | {"global_step": step}))
        os.utime(folder / "trainer_state.json", (1e9 + 3600 * hours, 1e9 + 3600 * hours))
    options = ImportOptions(dataset="counting", rows=16, file_times=True)
    meta = import_runs("trainer-state", [str(tmp_path / "run")], options)
    assert meta.curves["train_seconds"].tolist() == pytest.approx([36.0] * 3)


def test_log_and_adapter_become_a_run(runs, tiny_model, tmp_path):
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
    assert (values["batch_size"], values["epochs"]) == (2, 0.75)  # 6 of 8 steps
    state = json.loads((runs / "low" / "trainer_state.json").read_text())
    logged = [entry["eval_loss"] for entry in state["log_history"] if "eval_loss" in entry]
    mine = meta.curves[meta.curves["run"] == meta.runs["run"].iloc[1]]
    assert mine["validation_value"].tolist() == logged
    assert mine["steps"].tolist() == [2, 4, 6]
    total = next(entry["train_runtime"] for entry in state["log_history"] if "train_runtime" in entry)
    assert (mine["train_seconds"] + mine["evaluation_seconds"]).sum() == pytest.approx(total)
    write_meta_dataset(meta, tmp_path)
    verify(tmp_path)


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
    with pytest.raises(InteropError, match=r"log_history has no 'eval_f1' of a trained model, only .*eval_loss"):
        import_runs("trainer-state", [str(runs)], ImportOptions(dataset="d", metric="eval_f1"))
    (tmp_path / "trainer_state.json").write_text('{"log_history": []}')
    with pytest.raises(InteropError, match="'global_step' is None, expected int"):
        import_runs("trainer-state", [str(tmp_path)], OPTIONS)
