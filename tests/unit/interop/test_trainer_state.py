"""Logs of the Trainer as older versions of it leave them; `tests/integration` has those of the version at hand."""

import json
import os
from dataclasses import replace

import pytest

from foretune.errors import InteropError
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


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"log_history": 3, "global_step": 1}, "'log_history' is 3, expected list; is this the right kind of file"),
        ({"log_history": [], "global_step": None}, "'global_step' is None, expected int"),
        (
            {"log_history": [{"loss": 1.0, "step": 1}], "global_step": 1},
            "no 'eval_loss' of a trained model, only loss, ",
        ),
    ],
)
def test_a_state_without_what_is_needed_is_named(tmp_path, state, message):
    (tmp_path / "trainer_state.json").write_text(json.dumps(state))
    with pytest.raises(InteropError, match=message):
        import_runs("trainer-state", [str(tmp_path)], OPTIONS)


def test_folders_without_a_state_or_given_twice_are_named(tmp_path):
    with pytest.raises(InteropError, match=r"no trainer_state.json in .*none, its checkpoint-"):
        import_runs("trainer-state", [str(tmp_path / "none")], OPTIONS)
    read(tmp_path, evaluation(10, 0.5))
    with pytest.raises(InteropError, match=r"the same folder is given twice among .*; give each once"):
        import_runs("trainer-state", [str(tmp_path)] * 2, OPTIONS)


def test_costs_mean_the_same_in_all_runs(tmp_path):
    for name, log in (("timed", [{"step": 10, "train_runtime": 10.0}]), ("untimed", [])):
        (tmp_path / name).mkdir()
        state = {"global_step": 10, "train_batch_size": 4, "log_history": [evaluation(10, 0.5), *log]}
        (tmp_path / name / "trainer_state.json").write_text(json.dumps(state))
    with pytest.raises(InteropError, match=r"^untimed: no train_runtime in the log, while other runs have it"):
        import_runs("trainer-state", [str(tmp_path)], OPTIONS)
    settings = tmp_path / "settings.json"
    settings.write_text('{"timed": {"rank": 8}, "untimed": {"rank": 16}}')
    steps = import_runs("trainer-state", [str(tmp_path)], replace(OPTIONS, cost_unit="steps", settings=settings))
    assert steps.curves["train_seconds"].tolist() == [10.0, 10.0]
    assert set(steps.tasks["cost_unit"]) == {"steps"}


def test_times_of_checkpoints_stand_in_for_times_where_that_is_allowed(tmp_path):
    log = [evaluation(2, 0.75), evaluation(4, 0.5), evaluation(6, 0.25)]
    for step, written in ((2, 1000), (4, 1010), (6, 1100)):
        file = tmp_path / f"checkpoint-{step}" / "trainer_state.json"
        file.parent.mkdir()
        state = {"global_step": step, "train_batch_size": 4, "log_history": log[: step // 2], "max_steps": 6}
        file.write_text(json.dumps(state))
        os.utime(file, (written, written))
    meta = import_runs("trainer-state", [str(tmp_path)], replace(OPTIONS, file_times=True))
    # Steps of 5 and of 45 seconds: the lower of the two medians, since the other may be a pause.
    assert meta.curves["train_seconds"].tolist() == [10.0, 10.0, 10.0]
    assert meta.runs["started"].tolist() == ["1970-01-01T00:16:40+00:00"]
    with pytest.raises(
        InteropError, match=r"no train_runtime in the log, and no two checkpoints .*; give --cost-unit st"
    ):
        import_runs("trainer-state", [str(tmp_path)], replace(OPTIONS, cost_unit="seconds"))


def test_a_stopped_run_says_how_far_it_came(tmp_path):
    meta = read(tmp_path, evaluation(10, 0.5), {"step": 10, "train_runtime": 11.0}, max_steps=40)
    assert meta.runs["status"].tolist() == ["stopped"]
    assert meta.runs["message"].tolist() == ["stopped after 10 of 40 steps"]
