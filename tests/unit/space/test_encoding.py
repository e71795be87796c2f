"""Configurations as numbers."""

import json

import numpy as np
import pytest

from foretune.errors import ConfigurationError
from foretune.space import Encoder, load_space
from foretune.types import Configuration

SPACE = load_space("peft")
ENCODER = Encoder.of(SPACE)
DEFAULT = SPACE.default()


def with_values(**values: object) -> Configuration:
    merged = {**DEFAULT.values, **values}
    return Configuration({name: value for name, value in merged.items() if value is not None})


def column(name: str, *configurations: Configuration, encoder: Encoder = ENCODER) -> list[float]:
    return encoder.encode(configurations)[:, encoder.names.index(name)].tolist()


def test_one_column_per_number_and_per_choice() -> None:
    numbers = {n for n in ENCODER.names if "=" not in n}
    assert numbers == {
        "alpha_over_rank", "batch_size", "dropout", "epochs", "learning_rate", "loraplus_ratio", "rank", "warmup",
        "weight_decay",
    }  # fmt: skip
    assert [n for n in ENCODER.names if n.startswith("target_modules=")] == [
        "target_modules=all", "target_modules=attention", "target_modules=mlp",
    ]  # fmt: skip
    assert ENCODER.encode([DEFAULT]).shape == (1, len(ENCODER.names))
    assert ENCODER.encode([]).shape == (0, len(ENCODER.names))


def test_choices_are_one_hot() -> None:
    rows = ENCODER.encode([DEFAULT, with_values(schedule="cosine")])
    at = [ENCODER.names.index(f"schedule={s}") for s in ("constant", "linear", "cosine")]
    assert rows[:, at].tolist() == [[0, 1, 0], [0, 0, 1]]


def test_listed_numbers_lie_at_equal_distances_and_others_between() -> None:
    ranks = [with_values(rank=rank) for rank in (2, 4, 12, 16, 64, 128)]
    assert column("rank", *ranks) == pytest.approx([0, 0.2, 0.5, 0.6, 1.0, 1.4])


def test_learning_rate_is_placed_in_the_range_of_its_method_on_a_log_axis() -> None:
    lora = [with_values(learning_rate=rate) for rate in (8e-4, 24e-6**0.5, 3e-2)]
    assert column("learning_rate", *lora) == pytest.approx([0, 0.5, 1])
    ia3 = with_values(method="ia3", learning_rate=3e-3**0.5, rank=None, alpha_over_rank=None, dropout=None)
    assert column("learning_rate", ia3) == pytest.approx([0.5])


def test_epochs_are_listed_so_that_their_distances_grow() -> None:
    epochs = [with_values(epochs=count) for count in (1, 3, 8, 20)]
    assert column("epochs", *epochs) == pytest.approx([0.0, 0.2, 0.6, 1.0])


def test_what_a_method_lacks_takes_the_value_that_it_has_in_effect() -> None:
    ia3 = with_values(method="ia3", learning_rate=0.04, rank=None, alpha_over_rank=None, dropout=None)
    assert column("rank", ia3) == column("rank", DEFAULT)
    assert column("dropout", ia3) == column("dropout", with_values(dropout=0.0))
    loraplus = [with_values(method="loraplus", loraplus_ratio=ratio) for ratio in (2.0, 32.0)]
    assert column("loraplus_ratio", DEFAULT, *loraplus) == pytest.approx([-0.25, 0.0, 1.0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"momentum": 0.9}, "has momentum, which the encoder's search space does not know"),
        ({"method": "full"}, "method is 'full', expected one of lora, rslora"),
        ({"rank": None}, "lacks 'rank'; add it"),
        ({"loraplus_ratio": 4.0}, "has 'loraplus_ratio'; remove it"),
        ({"learning_rate": "high"}, "learning_rate is 'high', expected a number"),
        ({"learning_rate": 0.0}, "got 0.0, expected a positive number"),
    ],
)
def test_nothing_is_left_out_silently(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        ENCODER.encode([DEFAULT, with_values(**change)])


def test_another_width_moves_the_learning_rate_only() -> None:
    wide = ENCODER.at(4096)
    scaled = load_space("peft", hidden_size=4096).default()
    assert wide.names == ENCODER.names
    np.testing.assert_allclose(wide.encode([scaled]), ENCODER.encode([DEFAULT]), atol=1e-3)
    assert column("learning_rate", DEFAULT, encoder=wide)[0] > column("learning_rate", DEFAULT)[0] + 0.5


def test_numbers_are_constants_too() -> None:
    from ConfigSpace import ConfigurationSpace

    from foretune.space import SearchSpace

    fixed = SearchSpace("fixed", ConfigurationSpace(space=dict(DEFAULT.values)))
    encoder = Encoder.of(fixed)
    assert column("rank", DEFAULT, with_values(rank=18), encoder=encoder) == [0.0, 2.0]
    with pytest.raises(ConfigurationError, match="schedule is 'cosine', expected one of linear"):
        encoder.encode([with_values(schedule="cosine")])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "encoder is damaged"),
        ("[]", "encoder is damaged"),
        ('{"schema_version": 99, "columns": []}', "schema version 99, this foretune reads 1; update it or fit anew"),
        ('{"schema_version": 1}', "encoder is damaged .*columns"),
        ('{"schema_version": 1, "columns": [{"kind": "number", "name": "rank"}]}', "encoder is damaged .*rulers"),
    ],
)
def test_damaged_description(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Encoder.from_json(text)


def test_marks_must_rise() -> None:
    description = json.loads(ENCODER.to_json())
    next(one for one in description["columns"] if one["name"] == "rank")["rulers"][0]["marks"] = [4, 2]
    with pytest.raises(ConfigurationError, match="marks must rise"):
        Encoder.from_json(json.dumps(description))
