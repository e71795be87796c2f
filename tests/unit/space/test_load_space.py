"""Search spaces from files: round trip, and what is said about bad ones."""

from pathlib import Path

import pytest
import yaml

import foretune
from foretune.errors import ConfigurationError
from foretune.space import load_space, shipped_spaces, write_space

Description = dict[str, list[dict[str, object]]]


def described(name: str = "peft") -> Description:
    path = Path(foretune.__file__).parent / "data" / "spaces" / f"{name}.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def entry(description: Description, name: str) -> dict[str, object]:
    return next(one for one in description["hyperparameters"] if one["name"] == name)


def written(folder: Path, description: object) -> Path:
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(description), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", shipped_spaces())
def test_round_trip(name: str, tmp_path: Path) -> None:
    for space in (load_space(name), load_space(name, hidden_size=768)):
        write_space(space, tmp_path / "space.yaml")
        read = load_space(tmp_path / "space.yaml")
        assert read == space
        assert read.space.to_serialized_dict() == space.space.to_serialized_dict()


def test_every_shipped_file_is_called_what_its_space_is_called() -> None:
    assert [described(name)["name"] for name in shipped_spaces()] == list(shipped_spaces())


def test_the_larger_spaces_only_add_to_the_main_one() -> None:
    main = {one["name"]: one for one in described()["hyperparameters"]}
    for name in set(shipped_spaces()) - {"peft"}:
        other = {one["name"]: one for one in described(name)["hyperparameters"]}
        assert {key: other[key] for key in main if key != "method"} == {k: v for k, v in main.items() if k != "method"}
        assert set(main["method"]["choices"]) < set(other["method"]["choices"])


def test_hidden_size_scales_while_loading() -> None:
    assert load_space("peft", hidden_size=4096).default() == load_space("peft").at(4096).default()


def test_a_users_space_may_fix_and_narrow(tmp_path: Path) -> None:
    description = described()
    description["name"] = "narrow"
    entry(description, "rank")["sequence"] = [8, 16]
    entry(description, "batch_size").clear()
    description["hyperparameters"] = [one for one in description["hyperparameters"] if one]
    description["hyperparameters"].append({"name": "batch_size", "type": "constant", "value": 4})
    space = load_space(written(tmp_path, description))
    assert space.name == "narrow"
    assert space.default().values["batch_size"] == 4


def test_unknown_name() -> None:
    with pytest.raises(
        ConfigurationError, match=r"no search space 'pefd'; name a \.yaml file or one of peft, peft-and-full"
    ):
        load_space("pefd")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot read the search space .*nowhere\.yaml: .*; check the path"):
        load_space(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a: [1, 2", "is not YAML: while parsing a flow sequence"),
        (b"", "has no list of hyperparameters"),
        (b"[1, 2]", "has no list of hyperparameters"),
        (b"\xff\xfe\xfa", "cannot read the search space .*codec"),
        (b"hyperparameters: 3", "ConfigSpace cannot build"),
        (b"hyperparameters: [{name: rank}]", "ConfigSpace cannot build .*type"),
        (b"hyperparameters: [{name: rank, type: constant, value: 8}]", "lacks 'method'"),
    ],
)
def test_damaged_file(tmp_path: Path, text: bytes, message: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(text)
    with pytest.raises(ConfigurationError, match=message):
        load_space(path)


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


def test_conditions_of_another_kind(tmp_path: Path) -> None:
    description = described()
    condition = next(one for one in description["conditions"] if one["child"] == "loraplus_ratio")
    condition.update(type="NEQ", value="lora")
    with pytest.raises(ConfigurationError, match="use a single condition of type EQ or IN"):
        load_space(written(tmp_path, description))
