"""Search spaces that cannot be trained."""

from pathlib import Path

import pytest
from space_files import described, entry, written

from foretune.errors import ConfigurationError
from foretune.space import load_space


def test_a_hyperparameter_that_the_engine_does_not_know(tmp_path: Path) -> None:
    description = described()
    description["hyperparameters"].append({"name": "momentum", "type": "constant", "value": 0.9})
    with pytest.raises(ConfigurationError, match="'momentum' is no hyperparameter of foretune; use only method, rank"):
        load_space(written(tmp_path, description))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            "dropout",
            {"sequence": [0.05, 1.5]},
            "'dropout' may be 1.5, expected a number of at least 0 and at most 0.99",
        ),
        ("rank", {"sequence": [0, 16]}, "'rank' may be 0, expected a whole number of at least 1"),
        ("rank", {"sequence": [8.0, 16.0], "default_value": 8.0}, "'rank' may be 8.0, expected a whole number"),
        (
            "schedule",
            {"choices": ["linear", "step", "cosine"]},
            "'schedule' may be 'step', expected one of constant, lin",
        ),
        ("learning_rate:ia3", {"upper": 300.0}, "'learning_rate:ia3' may be 300.0, expected a number .* at most 10"),
    ],
)
def test_values_that_cannot_be_trained(tmp_path: Path, name: str, change: dict[str, object], message: str) -> None:
    description = described()
    entry(description, name).update(change)
    with pytest.raises(ConfigurationError, match=message):
        load_space(written(tmp_path, description))


def test_a_method_without_what_it_needs(tmp_path: Path) -> None:
    description = described()
    description["conditions"] = [one for one in description["conditions"] if one["child"] != "learning_rate:ia3"]
    description["hyperparameters"].remove(entry(description, "learning_rate:ia3"))
    with pytest.raises(ConfigurationError, match="method ia3 needs learning_rate; add them"):
        load_space(written(tmp_path, description))


def test_variants_that_could_both_exist(tmp_path: Path) -> None:
    description = described()
    condition = next(one for one in description["conditions"] if one["child"] == "learning_rate:ia3")
    condition["value"] = "pissa"
    with pytest.raises(ConfigurationError, match="'learning_rate:ia3' and 'learning_rate:pissa' can be active at once"):
        load_space(written(tmp_path, description))
