"""Validation losses that model cards report."""

import json
import re

import pytest

from foretune.errors import InteropError
from foretune.interop import import_runs

CARD = {
    "url": "https://hub.example/someone/base-config-1",
    "model": "org/Base-8B-Instruct",
    "dataset": "someone/chat_task-1 (full)",
    "samples": 60,
    "lr": 1e-4,
    "batch": 8,
    "epochs_planned": 10,
    "scheduler": "cosine, warmup 0.1",
    "epoch": [0.75, 2, 3],
    "eval_loss": [1.5, 1.0, 1.25],
}
UNKNOWN = {"url": "https://hub.example/other/b", "model": "org/Base-8B", "lr": 1e-5, "dataset": "unknown (5000)"}


def write(folder, *cards):
    (folder / "cards.json").write_text(json.dumps(cards))
    return str(folder)


def test_a_run_that_ended_before_its_planned_epochs_keeps_its_slices(tmp_path):
    meta = import_runs("hf-cards", [write(tmp_path, CARD)])
    assert meta.task_ids == ("chat_task-1 (full)@60:Base-8B-Instruct",)
    assert meta.runs[["status", "message"]].values.tolist() == [["stopped", "stopped after 3 of 10 epochs"]]
    assert meta.curves["epochs"].tolist() == [0.75, 2.0, 3.0]
    assert meta.curves["validation_value"].tolist() == [1.5, 1.0, 1.25]
    assert meta.curves["train_seconds"].tolist() == [0.75, 1.25, 1.0]
    assert meta.tasks["cost_unit"].tolist() == ["epochs"]
    assert meta.tasks["max_fidelity"].tolist() == [10]  # as 3 slices in 3 epochs make in 10


def test_the_settings_of_a_card_are_the_configuration_and_its_address_the_source(tmp_path):
    (tmp_path / "card.json").write_text('{"source": "a hub", "license": "of each model"}')
    meta = import_runs("hf-cards", [write(tmp_path, CARD)])
    values = {"learning_rate": 1e-4, "batch_size": 8, "epochs": 10, "schedule": "cosine", "warmup": 0.1}
    assert dict(meta.configurations[meta.runs["run"].iloc[0]].values) == values
    assert meta.runs[["source", "license"]].values.tolist() == [[CARD["url"], "of each model"]]
    assert meta.tasks[["source", "family"]].values.tolist() == [["someone/chat_task-1 (full)", "chat"]]


def test_unknown_datasets_are_not_taken_for_the_same_one(tmp_path):
    curve = {"epoch": [0.5, 1.0], "eval_loss": [2.0, 1.0]}
    cards = [
        UNKNOWN | curve | {"epochs_planned": 1},
        UNKNOWN | curve | {"url": "https://hub.example/third/c", "dataset": "unknown"},
    ]
    meta = import_runs("hf-cards", [write(tmp_path, *cards)])
    assert meta.task_ids == ("unknown (other)@5000:Base-8B", "unknown (third):Base-8B")
    assert meta.tasks["family"].tolist() == ["unknown (other)", "unknown (third)"]
    assert meta.runs["status"].tolist() == ["ok", "ok"]


@pytest.mark.parametrize(
    ("cards", "what"),
    [
        ([{}], "card 1: 'url' is None, expected str"),
        ([CARD, CARD | {"epoch": [1, 2]}], "card 2: expected equally many epochs, which grow, and losses"),
        ([CARD | {"epoch": [1, 1, 2]}], "card 1: expected equally many epochs, which grow, and losses"),
        ([CARD | {"eval_loss": [1, 1, "x"]}], "card 1: expected equally many epochs, which grow, and losses"),
        (["a"], "is not a list of objects"),
    ],
)
def test_faults_are_named_with_their_card(tmp_path, cards, what):
    with pytest.raises(InteropError, match=re.escape(what)):
        import_runs("hf-cards", [write(tmp_path, *cards)])


def test_text_that_is_no_json_is_named(tmp_path):
    (tmp_path / "cards.json").write_text("[")
    with pytest.raises(InteropError, match="is not JSON"):
        import_runs("hf-cards", [str(tmp_path / "cards.json")])


def test_a_folder_without_cards_is_refused(tmp_path):
    with pytest.raises(InteropError, match="no JSON file"):
        import_runs("hf-cards", [str(tmp_path)])
