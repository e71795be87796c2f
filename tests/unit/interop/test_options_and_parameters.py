"""What is said from outside, and hyperparameters without types."""

import pytest

from foretune.errors import InteropError
from foretune.interop import ImportOptions, import_runs
from foretune.interop.adapters import adapter_settings
from foretune.interop.options import direction_of
from foretune.interop.origin import figures_of, provenance, stated_size
from foretune.interop.parameters import settings_of, typed


@pytest.mark.parametrize(("metric", "direction"), [("eval_loss", "minimize"), ("eval/accuracy", "maximize")])
def test_common_names_of_metrics_tell_the_direction(metric, direction):
    assert direction_of(metric, None) == direction


def test_other_names_do_not():
    with pytest.raises(InteropError, match="--direction"):
        direction_of("quality", None)
    assert direction_of("quality", "maximize") == "maximize"


def test_a_parameter_may_name_the_model_and_is_then_no_hyperparameter():
    values = {"base": "org/m", "lr": 0.1}
    assert ImportOptions(model="param:base").named("model", values) == "org/m"
    assert values == {"lr": 0.1}
    with pytest.raises(InteropError, match="no parameter 'base'; it has lr"):
        ImportOptions(model="param:base").named("model", values)
    with pytest.raises(InteropError, match="--model NAME"):
        ImportOptions().named("model", values)


def test_parameters_are_chosen_and_renamed():
    chosen = ImportOptions(parameters={"lr": "learning_rate"}).chosen({"lr": 0.1, "verbose": True})
    assert chosen == {"learning_rate": 0.1}


def test_text_gets_the_type_that_all_rows_allow():
    rows = [{"r": "8", "lr": "1e-4", "on": "True", "kind": "a"}, {"r": "16", "lr": "1", "on": "false", "kind": "None"}]
    assert typed(rows) == [{"r": 8, "lr": 1e-4, "on": True, "kind": "a"}, {"r": 16, "lr": 1.0, "on": False}]


def test_settings_are_of_one_run_or_of_all(tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text("one: {rank: 8}\ntwo: {rank: 16}\n")
    assert settings_of("two", file) == {"rank": 16}
    with pytest.raises(InteropError, match="no settings for the run 'three', only for one, two"):
        settings_of("three", file)
    file.write_text("rank: 4\n")
    assert settings_of("three", file) == {"rank": 4}
    file.write_text("rank: [4]\n")
    with pytest.raises(InteropError, match=r"'rank' is \[4\]"):
        settings_of("three", file)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (None, {"method": "full"}),
        (
            {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "lora_dropout": 0.1, "target_modules": ["q_proj"]},
            {"method": "lora", "rank": 8, "alpha_over_rank": 2.0, "dropout": 0.1, "target_modules": "q_proj"},
        ),
        (
            {"peft_type": "LORA", "r": 8, "use_dora": True, "target_modules": ["qkv_proj", "o_proj"]},
            {"method": "dora", "rank": 8, "target_modules": "attention"},
        ),
        ({"peft_type": "LORA", "use_rslora": True}, {"method": "rslora"}),
        ({"peft_type": "LORA", "init_lora_weights": "pissa_niter_4"}, {"method": "pissa"}),
        ({"peft_type": "LORA", "init_lora_weights": "gaussian"}, {"method": "lora"}),
        ({"peft_type": "IA3", "target_modules": "all-linear"}, {"method": "ia3", "target_modules": "all"}),
    ],
)
def test_adapters_are_told_in_our_words(config, expected):
    assert adapter_settings(config) == expected


@pytest.mark.parametrize(
    ("model", "billions"),
    [("meta-llama/Llama-3.2-3B", 3), ("Qwen3-30B-A3B", 30), ("a-0.6B-x", 0.6), ("Kimi-K2.6", None)],
)
def test_sizes_are_taken_from_names_that_state_them(model, billions):
    found = stated_size(model).get("model_log_parameters")
    assert found is None if billions is None else 10**found == pytest.approx(billions * 1e9)


def test_the_card_beside_a_table_says_where_its_figures_come_from(tmp_path):
    assert figures_of(tmp_path, ImportOptions()) == {}
    (tmp_path / "card.json").write_text('{"source_repo": "a/b", "path": "c.md", "commit": "d", "license": "MIT"}')
    assert figures_of(tmp_path, ImportOptions()) == {"source": "a/b/c.md@d", "license": "MIT"}
    assert figures_of(tmp_path, ImportOptions(source="mine"))["source"] == "mine"


def test_provenance_has_the_command_without_places_of_a_machine(tmp_path):
    options = ImportOptions(metric="eval_loss", parameters={"lr": "learning_rate"}, settings=tmp_path / "s.yaml")
    command = provenance("mlflow", [f"sqlite:///{tmp_path}/store.db"], options)["command"]
    expected = "import mlflow store.db --metric eval_loss --settings s.yaml --parameter lr=learning_rate"
    assert command == f"foretune metadata {expected}"


def test_an_unknown_kind_is_refused_with_the_known_ones():
    with pytest.raises(InteropError, match="unknown kind of source 'wandb'; choose one of csv, mlflow"):
        import_runs("wandb", ["x"])
