"""Search spaces from files: round trip, and what is said about bad ones."""

from pathlib import Path

import pytest
from space_files import described, entry, written

from foretune.errors import ConfigurationError
from foretune.space import load_space, shipped_spaces, write_space


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
        (b"!!bool x", "is not YAML"),
        (b"hyperparameters: [{name: rank, type: constant, value: 8}]", "lacks 'method'"),
    ],
)
def test_damaged_file(tmp_path: Path, text: bytes, message: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(text)
    with pytest.raises(ConfigurationError, match=message):
        load_space(path)


def test_a_fault_that_only_shows_for_a_width_is_one_of_the_file(tmp_path: Path) -> None:
    description = described()
    entry(description, "learning_rate:lora")["meta"] = 0.5
    with pytest.raises(ConfigurationError, match=r"cannot build the search space .*correct the entry that it names"):
        load_space(written(tmp_path, description), hidden_size=192)
