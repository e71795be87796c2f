"""What a real Trainer's runs leave in a team's meta-dataset."""

import atexit
import math
import multiprocessing

import pytest
import torch
from typer.testing import CliRunner

from foretune.cli import commands
from foretune.errors import ConfigurationError, InteropError
from foretune.integrations.transformers import LogRuns
from foretune.metadata import read_meta_dataset
from foretune.metadata.verify import verify


class PulledPlugError(Exception):
    """Stands for a process that died."""


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def train(model_folder, out, callback, rate=1e-3, steps=6, killed_after=0, resume=False, whole=False, **more):
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, Trainer, TrainerCallback, TrainingArguments

    class PullsPlug(TrainerCallback):
        def on_step_begin(self, args, state, control, **_):
            if state.global_step == killed_after:
                raise PulledPlugError

    model = AutoModelForCausalLM.from_pretrained(model_folder)
    if not whole:
        adapter = LoraConfig(r=4, lora_alpha=8, target_modules=["qkv_proj", "o_proj"], task_type="CAUSAL_LM")
        model = get_peft_model(model, adapter)
    rows = [{"input_ids": torch.arange(8) + at, "labels": torch.arange(8) + at} for at in range(16)]
    given = {
        "max_steps": steps,
        "per_device_train_batch_size": 2,
        "learning_rate": rate,
        "weight_decay": 0.01,
        "lr_scheduler_type": "cosine",
        "eval_strategy": "steps",
        "eval_steps": 2,
        "save_strategy": "no",
        "report_to": [],
        "use_cpu": True,
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
        "seed": 3,
    }
    arguments = TrainingArguments(output_dir=str(out), **given | more)
    callbacks = [callback, *([PullsPlug()] if killed_after else [])]
    trainer = Trainer(model, arguments, train_dataset=rows, eval_dataset=rows[:4], callbacks=callbacks)
    trainer.train(resume_from_checkpoint=resume)
    return trainer


def test_a_run_is_in_the_tables_as_it_was(tiny_model, tmp_path):
    team = tmp_path / "team"
    trainer = train(tiny_model, tmp_path / "out", LogRuns(team, "counting", family="numbers"))
    trainer.evaluate()  # after the end: no slice of the run
    meta = read_meta_dataset(team)
    assert meta.task_ids == (f"counting@16:{tiny_model.name}",)
    columns = ["family", "n_train", "metric", "direction", "cost_unit", "max_fidelity", "feature.model_depth"]
    assert meta.tasks[columns].values.tolist() == [["numbers", 16, "eval_loss", "minimize", "seconds", 3, 2.0]]
    (run,) = meta.runs["run"]
    assert dict(meta.configurations[run].values) == {
        "method": "lora",
        "rank": 4,
        "alpha_over_rank": 2.0,
        "dropout": 0.0,
        "target_modules": "attention",
        "learning_rate": 1e-3,
        "weight_decay": 0.01,
        "schedule": "cosine",
        "warmup": 0.0,
        "optimizer": "adamw_torch_fused",
        "batch_size": 2,
        "epochs": 0.75,
    }
    assert meta.runs[["seed", "status", "message"]].values.tolist() == [[3, "ok", ""]]
    assert "threads" in meta.runs["hardware"][0]
    log = trainer.state.log_history
    losses = [entry["eval_loss"] for entry in log if "eval_loss" in entry]
    assert meta.curves["validation_value"].tolist() == losses[:3]
    assert meta.curves["steps"].tolist() == [2, 4, 6]
    seconds = (meta.curves["train_seconds"] + meta.curves["evaluation_seconds"]).sum()
    (whole,) = [entry["train_runtime"] for entry in log if "train_runtime" in entry]
    assert 0.2 * whole < seconds < whole  # that of writing is left out
    verify(team)
    told = CliRunner().invoke(commands, ["metadata", "describe", str(team)])
    assert (told.exit_code, "counting" in told.output) == (0, True)


def test_a_killed_run_is_kept_as_far_as_it_came_and_replaced_when_it_goes_on(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr("foretune.integrations.transformers._SHARE", math.inf)
    team, out, saved = tmp_path / "team", tmp_path / "out", {"save_strategy": "steps", "save_steps": 2}
    with pytest.raises(PulledPlugError):
        train(tiny_model, out, LogRuns(team, "counting"), steps=8, killed_after=5, **saved)
    meta = read_meta_dataset(team)
    assert meta.runs[["status", "message"]].values.tolist() == [["stopped", "stopped after 4 of 8 steps"]]
    assert meta.curves["steps"].tolist() == [2, 4]
    seconds = meta.curves["train_seconds"].sum()
    train(tiny_model, out, LogRuns(team, "counting"), steps=8, resume=True, **saved)
    meta = read_meta_dataset(team)
    assert meta.runs["status"].tolist() == ["ok"]
    assert meta.curves["steps"].tolist() == [2, 4, 6, 8]
    steps = meta.curves["train_seconds"].tolist()
    assert steps == pytest.approx([steps[0]] * 4)  # those of the part that was timed
    assert steps[0] < 20 * seconds


def test_an_interrupted_run_is_written_in_the_end_however_seldom_it_is(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr("foretune.integrations.transformers._SHARE", 1e-9)
    callback, team, at_exit = LogRuns(tmp_path / "team", "counting"), tmp_path / "team", []
    monkeypatch.setattr(atexit, "register", at_exit.append)
    with pytest.raises(PulledPlugError):
        train(tiny_model, tmp_path / "out", callback, killed_after=5)
    assert read_meta_dataset(team).curves["steps"].tolist() == [2]
    (end,) = [one for one in at_exit if getattr(one, "__self__", None) is callback]
    end()
    meta = read_meta_dataset(team)
    assert meta.curves["steps"].tolist() == [2, 4]
    assert meta.runs["message"].tolist() == ["stopped after 5 of 6 steps"]


def test_other_configurations_and_seeds_come_on_top(tiny_model, tmp_path):
    team = tmp_path / "team"
    for more in ({"rate": 1e-2}, {"seed": 4}, {"rate": 1e-2}, {"whole": True}):
        train(tiny_model, tmp_path / "out", LogRuns(team, "counting"), steps=2, **more)
    meta = read_meta_dataset(team)
    configurations = [meta.configurations[run].values for run in meta.runs["run"]]
    found = [(values["method"], values["learning_rate"]) for values in configurations]
    assert sorted(zip(found, meta.runs["seed"], strict=True)) == [
        (("full", 1e-3), 3),
        (("lora", 1e-3), 4),
        (("lora", 1e-2), 3),
    ]


def _append(model_folder, folder, number):
    torch.set_num_threads(1)
    train(model_folder, folder / f"out-{number}", LogRuns(folder / "team", "counting"), seed=number)


def test_two_processes_lose_nothing(tiny_model, tmp_path):
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_append, args=(tiny_model, tmp_path, number)) for number in (1, 2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    meta = read_meta_dataset(tmp_path / "team")
    assert sorted(meta.runs["seed"]) == [1, 2]
    assert len(meta.curves) == 6


def test_a_folder_that_cannot_be_written_ends_no_training(tiny_model, tmp_path, caplog):
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "metadata.json").write_text("{")
    trainer = train(tiny_model, tmp_path / "out", LogRuns(tmp_path / "team", "counting"), steps=2)
    assert trainer.state.global_step == 2
    said = {message for message in caplog.messages if message.startswith(f"this run is not in {tmp_path / 'team'}: ")}
    assert len(said) == 1


def test_what_would_teach_nothing_is_refused_at_once(tiny_model, tmp_path):
    with pytest.raises(ConfigurationError, match="eval_strategy='no', whose runs have no validation loss"):
        train(tiny_model, tmp_path / "out", LogRuns(tmp_path / "team", "counting"), eval_strategy="no")
    with pytest.raises(InteropError, match="is more or less of 'eval_pass' better"):
        LogRuns(tmp_path / "team", "counting", metric="eval_pass")
