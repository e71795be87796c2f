"""Logs of the Trainer as older versions of it leave them; `tests/integration` has those of the version at hand."""

import json

import pytest

from foretune.interop import ImportOptions, import_runs
from foretune.interop.trainer_runtime import first_step

OPTIONS = ImportOptions(dataset="d", model="m", rows=100)


def evaluation(step, loss):
    return {"step": step, "eval_loss": loss, "eval_runtime": 1.0, "eval_steps_per_second": 3.0}


def read(folder, *log, last=10, **state):
    (folder / "trainer_state.json").write_text(
        json.dumps({"global_step": last, "max_steps": last, "train_batch_size": 4, "log_history": log} | state)
    )
    return import_runs("trainer-state", [str(folder)], OPTIONS)


def test_the_best_model_evaluated_at_a_step_of_its_own_is_not_the_curves(tmp_path):
    log = [evaluation(4, 0.5), evaluation(8, 0.75), {"step": 10, "train_runtime": 12.0}, evaluation(10, 0.5)]
    meta = read(tmp_path, *log)
    assert meta.curves["validation_value"].tolist() == [0.5, 0.75]
    assert meta.curves["train_seconds"].tolist() == [4.0, 4.0]


def test_another_model_evaluated_after_the_end_is_the_last_point(tmp_path):
    log = [evaluation(4, 0.5), evaluation(8, 0.75), {"step": 10, "train_runtime": 13.0}, evaluation(10, 0.625)]
    assert read(tmp_path, *log).curves["validation_value"].tolist() == [0.5, 0.75, 0.625]


def test_a_run_that_went_on_after_its_end_has_the_seconds_of_both_parts(tmp_path):
    log = [evaluation(10, 0.5), {"step": 10, "train_runtime": 11.0, "train_steps_per_second": 0.909}]
    log += [evaluation(20, 0.25), {"step": 20, "train_runtime": 31.0, "train_steps_per_second": 0.323}]
    meta = read(tmp_path, *log, last=20)
    assert meta.curves["train_seconds"].tolist() == [20.0, 20.0]
    assert meta.provenance["notes"] == []


@pytest.mark.parametrize(("save_steps", "start"), [(None, 30), (25, 25)])
def test_a_part_begins_at_a_checkpoint_if_one_lies_within_the_rounding(save_steps, start):
    entry = {"step": 100, "train_runtime": 10_000.0, "train_steps_per_second": 0.007}
    assert first_step(entry, [], earlier=0, save_steps=save_steps) == start


def test_an_early_stop_is_no_resumption():
    entry = {"step": 50, "train_runtime": 10.0, "train_steps_per_second": 10.0, "train_loss": 1.0}
    losses = [{"step": step, "loss": 1.0} for step in (10, 20, 30, 40, 50)]
    assert first_step(entry, losses, earlier=0, save_steps=10) == 0
