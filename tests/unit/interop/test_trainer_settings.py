"""Hyperparameters of a Trainer's run, wherever they are written."""

import json

import pytest

from foretune.interop.trainer_settings import arguments_of, beside, epochs_of, state_settings

CARD = """# model
### Training hyperparameters

- learning_rate: 5e-05
- train_batch_size: 4
- total_train_batch_size: 16
- seed: 42
- optimizer: Use adamw_torch with betas=(0.9,0.999)
- lr_scheduler_type: cosine
- lr_scheduler_warmup_ratio: 0.1
- num_epochs: 3
"""


@pytest.fixture
def run(tmp_path):
    """Folder of a run whose state lies in a checkpoint."""
    (tmp_path / "checkpoint-5").mkdir()
    return tmp_path, tmp_path / "checkpoint-5" / "trainer_state.json"


def test_the_model_card_is_read_in_our_words(run):
    folder, state = run
    (folder / "README.md").write_text(CARD)
    assert arguments_of(folder, state) == {
        "seed": 42, "learning_rate": 5e-05, "schedule": "cosine", "warmup": 0.1, "epochs": 3, "batch_size": 16,
    }  # fmt: skip


def test_arguments_in_json_go_before_the_card_and_batches_are_multiplied(run):
    folder, state = run
    (folder / "README.md").write_text(CARD.replace("- total_train_batch_size: 16\n", ""))
    given = {"learning_rate": 1e-3, "per_device_train_batch_size": 8, "gradient_accumulation_steps": 4, "optim": None}
    (state.parent / "training_args.json").write_text(json.dumps(given | {"lr_scheduler_type": "SchedulerType.LINEAR"}))
    found = arguments_of(folder, state)
    assert (found["learning_rate"], found["batch_size"], found["schedule"]) == (1e-3, 32, "linear")
    assert "optimizer" not in found
    (state.parent / "training_args.json").write_text(json.dumps({"per_device_train_batch_size": 8}))
    assert arguments_of(folder, state)["batch_size"] == 8


def test_without_files_nothing_is_known(run):
    assert arguments_of(*run) == {}


def test_a_file_in_the_folder_goes_before_one_beside_the_state(run):
    folder, state = run
    assert beside(folder, state, "adapter_config.json") is None
    (state.parent / "adapter_config.json").write_text('{"r": 4}')
    assert beside(folder, state, "adapter_config.json") == {"r": 4}
    (folder / "adapter_config.json").write_text('{"r": 8}')
    assert beside(folder, state, "adapter_config.json") == {"r": 8}


def test_the_highest_rate_of_the_log_stands_for_the_learning_rate():
    log = [{"learning_rate": 1e-4}, {"learning_rate": 3e-4}, {"eval_loss": 1.0}]
    assert state_settings({"log_history": log, "train_batch_size": 4}) == {"learning_rate": 3e-4, "batch_size": 4}
    assert state_settings({"log_history": []}) == {}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"num_train_epochs": 3, "epoch": 2.98, "global_step": 30, "max_steps": 30}, {"epochs": 3}),
        ({"num_train_epochs": 3, "epoch": 1.5, "global_step": 15, "max_steps": 15}, {"epochs": 1.5}),
        ({"num_train_epochs": 3, "epoch": 1.5, "global_step": 15, "max_steps": 30}, {"epochs": 3}),
        ({"num_train_epochs": 3, "global_step": 15}, {"epochs": 3}),
        ({"global_step": 15}, {}),
    ],
)
def test_epochs_are_those_planned_unless_the_steps_end_earlier(state, expected):
    assert epochs_of(state) == expected
