"""What is said of slips of the hand, before anything heavy is imported."""

import json

import pytest
import yaml

from foretune.errors import (
    ConfigurationError,
    DataError,
    JournalError,
    MetaDatasetError,
    ModelError,
    SurrogateError,
)
from foretune.session import checks, hub

RECIPE = {
    "method": "lora",
    "rank": 8,
    "alpha_over_rank": 2.0,
    "dropout": 0.0,
    "target_modules": "all",
    "learning_rate": 0.001,
    "batch_size": 8,
    "schedule": "linear",
    "warmup": 0.1,
    "weight_decay": 0.0,
    "optimizer": "adamw",
    "epochs": 1,
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty working folder with one good dataset."""
    monkeypatch.chdir(tmp_path)
    rows = [{"prompt": f"What comes after {number}?", "completion": str(number + 1)} for number in range(40)]
    (tmp_path / "questions.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    return tmp_path


def test_the_names_are_those_of_the_registries():
    from foretune.benchmark.methods import METHODS
    from foretune.interop.export_kinds import EXPORTS
    from foretune.interop.registry import IMPORTERS
    from foretune.interop.trainers.registry import TRAINERS
    from foretune.metadata.shipped import REPLACED, shipped_meta_datasets
    from foretune.optimizer import OPTIMIZERS
    from foretune.space import shipped_spaces

    assert {*checks.METHODS, *OPTIMIZERS} == set(METHODS)
    assert set(checks.IMPORTERS) == set(IMPORTERS)
    assert set(checks.EXPORTS) == set(EXPORTS)
    assert set(checks.TRAINERS) == set(TRAINERS)
    assert checks.shipped("spaces") == shipped_spaces()
    assert checks.shipped("meta_datasets") == shipped_meta_datasets()
    assert checks.REPLACED == REPLACED


@pytest.mark.parametrize(
    ("check", "error", "message"),
    [
        (lambda: checks.check_optimizer("randon"), ConfigurationError, "mean random?"),
        (lambda: checks.check_space("pefd"), ConfigurationError, "'pefd' is no search space (did you mean peft?)"),
        (lambda: checks.check_space("mine.yaml"), ConfigurationError, "there is no search space mine.yaml"),
        (lambda: checks.check_device("cudo"), ModelError, "'cudo' is not a device (did you mean cuda?)"),
        (lambda: checks.check_device("cuda:one"), ModelError, "'cuda:one' is not a device"),
        (lambda: checks.check_surrogates("mine"), SurrogateError, "mine is not a folder"),
        (lambda: checks.check_meta_dataset("foretune-tiny"), MetaDatasetError, "(did you mean foretune-tiny-v1?)"),
        (lambda: checks.check_accelerator("h10"), ConfigurationError, "no accelerator is called 'h10'"),
        (lambda: checks.check_methods("random,portfolo:cost_power=1"), ConfigurationError, "(did you mean portfolio?)"),
        (lambda: checks.check_model("./foretune-tiny"), ModelError, "there is no model folder at ./foretune-tiny"),
        (lambda: checks.check_data("question.jsonl"), DataError, "(did you mean questions.jsonl?)"),
        (lambda: checks.check_tasks(["question.jsonl@500"]), MetaDatasetError, "(did you mean questions.jsonl?)"),
        (lambda: checks.check_output(checks.Path("questions.jsonl")), JournalError, "is a file; give a folder"),
        (lambda: checks.check_output(checks.Path("questions.jsonl/run")), JournalError, "is a file; give a folder"),
    ],
)
def test_a_slip_is_named_with_what_was_meant(place, check, error, message):
    with pytest.raises(error) as said:
        check()
    assert message in str(said.value)
    assert "\n" not in str(said.value)


def test_what_is_right_passes(place):
    checks.check_optimizer("random")
    checks.check_space("peft")
    for device in ("auto", "cpu", "cuda", "cuda:1", "mps"):
        checks.check_device(device)
    checks.check_surrogates(None)
    checks.check_meta_dataset("foretune-tiny-v1")
    checks.check_accelerator("RTX 4090")
    checks.check_methods("random, oracle:after_default=1")
    checks.check_model("foretune-tiny")
    checks.check_data("questions.jsonl")
    checks.check_tasks(["questions.jsonl", "questions.jsonl@500"])
    checks.check_output(place / "new" / "run")
    checks.check_recipe(RECIPE, "mine.yaml")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"droput": 0.1}, "mine.yaml: 'droput' is no hyperparameter (did you mean dropout?)"),
        ({"schedule": "linar"}, "mine.yaml: schedule is 'linar' (did you mean linear?), expected one of constant"),
        ({"rank": "eight"}, "mine.yaml: rank is 'eight', expected a whole number of at least 1"),
        ({"epochs": [3]}, "mine.yaml: epochs is [3], expected a whole number"),
        ({"epochs": None}, "mine.yaml: epochs missing, which method lora needs"),
        ({"method": "loraplus"}, "mine.yaml: loraplus_ratio missing, which method loraplus needs"),
    ],
)
def test_a_recipe_is_read_to_the_last_name(changes, message):
    values = {name: value for name, value in {**RECIPE, **changes}.items() if value is not None}
    with pytest.raises(ConfigurationError) as said:
        checks.check_recipe(values, "mine.yaml")
    assert str(said.value).startswith(message)


def test_the_beginning_of_a_large_file_is_looked_at(place, monkeypatch):
    rows = [{"question": "What is next?", "reply": "this"}] + [{"prompt": str(n), "completion": "x"} for n in range(99)]
    (place / "large.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    monkeypatch.setattr(checks, "_READ_WHOLE", 200)
    with pytest.raises(DataError, match=r"large\.jsonl, line 1: columns missing"):
        checks.check_data("large.jsonl")


def test_a_broken_space_is_refused_as_loading_it_would(place):
    (place / "mine.yaml").write_text(yaml.safe_dump({"hyperparameters": [{"name": "rank", "type": "magic"}]}))
    with pytest.raises(ConfigurationError, match=r"mine\.yaml"):
        checks.check_space("mine.yaml")


def test_a_model_folder_needs_a_config_and_weights(place):
    (place / "model").mkdir()
    with pytest.raises(ModelError, match=r"model has no config\.json"):
        checks.check_model("model")
    (place / "model" / "config.json").write_text("{}")
    with pytest.raises(ModelError, match=r"has no \*\.safetensors file"):
        checks.check_model("model")
    checks.check_model("model", weights=False)


def test_only_names_that_may_be_on_the_hub_are_asked_for_there(place, monkeypatch):
    asked = []
    monkeypatch.setattr(hub, "check_model", lambda name, near: asked.append((name, near)))
    monkeypatch.setattr(hub, "spare_retries", lambda: asked.append("retries"))
    checks.check_model("foretune-tny")
    checks.check_model("Qwen/Qwen3-0.6B")
    checks.check_model("Qwen/Qwen3-0.6B", weights=False)
    assert asked == [("foretune-tny", " (did you mean foretune-tiny?)"), ("Qwen/Qwen3-0.6B", ""), "retries"]
