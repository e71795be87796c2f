"""Facts that the owner of a table adds."""

import pytest

from foretune.errors import InteropError
from foretune.interop import ImportOptions
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


@pytest.mark.parametrize(
    ("metric", "direction"),
    [("Test-PPL", "minimize"), ("valid word error", "minimize"), ("exact_match", "maximize"), ("rougeL", "maximize")],
)
def test_a_word_of_the_name_is_enough(metric, direction):
    assert direction_of(metric, None) == direction


@pytest.mark.parametrize("metric", ["f1_loss", "", "lossy"])
def test_a_name_with_both_or_no_words_does_not_tell(metric):
    with pytest.raises(InteropError, match=f"is more or less of '{metric}' better"):
        direction_of(metric, None)


def test_a_metric_is_asked_for_with_those_that_the_source_has():
    assert ImportOptions(metric="loss").needed_metric("a, b") == "loss"
    with pytest.raises(InteropError, match="no metric given; name one with --metric, the source has: a, b"):
        ImportOptions().needed_metric("a, b")


def test_an_option_goes_before_what_the_source_says():
    assert ImportOptions(dataset="mine").named("dataset", {}, "theirs") == "mine"
    assert ImportOptions().named("dataset", {}, "theirs") == "theirs"
    with pytest.raises(InteropError, match="no parameter 'd'; it has none"):
        ImportOptions(dataset="param:d").named("dataset", {})


def test_all_parameters_are_hyperparameters_unless_some_are_chosen():
    assert ImportOptions().chosen({"lr": 0.1}) == {"lr": 0.1}
    assert ImportOptions(parameters={"absent": "rank"}).chosen({"lr": 0.1}) == {}
