"""What is said from outside, and hyperparameters without types."""

import pytest

from foretune.errors import InteropError
from foretune.interop import ImportOptions, import_runs
from foretune.interop.options import direction_of


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


def test_an_unknown_kind_is_refused_with_the_known_ones():
    with pytest.raises(InteropError, match="unknown kind of source 'wandb'; choose one of csv, mlflow"):
        import_runs("wandb", ["x"])
