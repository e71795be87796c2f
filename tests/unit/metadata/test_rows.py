"""Rows of the tables from the figures of the finetuning engine."""

import pytest

from foretune.metadata.rows import assemble, run_row, slice_rows, zero_shot_columns
from foretune.types import Configuration

LORA = Configuration({"method": "lora", "rank": 8})


def row(**known):
    options = {"seed": 3, "status": "failed", "message": "no memory", "configuration": LORA}
    return run_row("run 1", "task 1", **options, known=known)


def test_a_run_has_its_configuration_and_what_is_known_of_it():
    found = row(
        parameters_trained=96, peak_memory_bytes=7, hardware="a card", versions={"torch": "2"}, started="now", other=1
    )
    assert found == {
        "run": "run 1", "task": "task 1", "seed": 3, "status": "failed", "message": "no memory",
        "parameters_trained": 96, "peak_memory_bytes": 7, "hardware": "a card", "versions": '{"torch": "2"}',
        "started": "now", "config.method": "lora", "config.rank": 8,
    }  # fmt: skip


def test_a_run_that_ended_before_it_wrote_anything():
    found = row()
    assert (found["hardware"], found["started"], found["versions"]) == ("unknown", "unknown", "{}")
    assert found["parameters_trained"] is None
    assert found["peak_memory_bytes"] is None


def test_slices_have_the_columns_of_the_table():
    line = {"fidelity": 2, "epochs": 0.5, "steps": 10, "tokens": 99, "validation_nll": 1.5, "test_nll": 1.25}
    line |= {"train_seconds": 2.0, "evaluation_seconds": 0.5, "validation_token_accuracy": 0.5, "unknown": 1}
    (found,) = slice_rows([line])
    assert (found["validation_value"], found["test_value"], found["fidelity"]) == (1.5, 1.25, 2)
    assert (found["validation_token_accuracy"], found["test_exact_match"]) == (0.5, None)
    assert not {"run", "unknown", "validation_nll"} & set(found)


def test_scores_of_the_untouched_model():
    scores = {
        "validation": {"nll": 4.0, "token_accuracy": 0.25, "exact_match": 0.0, "nll_error": 0.1},
        "test": {"nll": 5.0},
    }
    assert zero_shot_columns(scores) == {
        "zero_shot_validation_value": 4.0,
        "zero_shot_validation_token_accuracy": 0.25,
        "zero_shot_validation_exact_match": 0.0,
        "zero_shot_test_value": 5.0,
    }


def test_rows_of_three_tables_are_a_meta_dataset(rows):
    meta = assemble(rows, {"command": "made up"})
    assert meta.task_ids == ("a", "b", "c")
    assert meta.provenance == {"command": "made up"}
    with pytest.raises(KeyError):
        assemble({"tasks": rows["tasks"], "runs": rows["runs"]}, {})
