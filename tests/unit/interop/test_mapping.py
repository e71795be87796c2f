"""The meaning of the columns of a CSV file: every kind of field, and every fault with its place."""

import re
from importlib import resources
from pathlib import Path

import pytest
import yaml

from foretune.errors import InteropError
from foretune.interop.mapping import Field, read_mapping

TASK = {"dataset": "data", "model": {"value": "base"}, "metric": "m", "direction": {"value": "maximize"}}
WHOLE = {"task": TASK, "slices": {"value": "acc", "seconds": "s"}, "hyperparameters": {"rank": "r"}}


def read(folder, mapping):
    (folder / "mine.yaml").write_text(yaml.safe_dump(mapping))
    return read_mapping(folder / "mine.yaml")


def without(section, name):
    return {**WHOLE, section: {key: value for key, value in WHOLE[section].items() if key != name}}


def test_what_is_not_said_has_its_usual_value(tmp_path):
    found = read(tmp_path, WHOLE)
    assert (found.file, found.wide, found.separator) == (tmp_path / "mine.yaml", False, ",")
    assert (found.skip, found.resample) == ({}, False)
    assert found.fields["run"] == {}
    assert found.fields["task"]["dataset"] == Field(column="data")
    assert found.fields["task"]["model"] == Field(constant="base")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ("lr", Field(column="lr")),
        ({"column": "lr", "scale": "1e-3", "type": "number"}, Field(column="lr", scale=0.001, kind="number")),
        ({"value": True}, Field(constant=True)),
        ({"columns": "t"}, Field(prefix="t")),
        ({"columns": None}, Field(prefix="")),
        ({"column": "x", "values": {1: "one", False: "no"}}, Field(column="x", words={"1": "one", "False": "no"})),
    ],
)
def test_fields(tmp_path, given, field):
    assert read(tmp_path, {**WHOLE, "hyperparameters": {"x": given}}).fields["hyperparameters"]["x"] == field


def test_all_that_can_be_said_of_a_table(tmp_path):
    mapping = {**WHOLE, "layout": "wide", "separator": "\t", "skip": {"state": ["none", 3]}, "resample": True}
    found = read(tmp_path, mapping)
    assert (found.wide, found.separator, found.resample) == (True, "\t", True)
    assert found.skip == {"state": {"none", "3"}}


@pytest.mark.parametrize(
    ("mapping", "what"),
    [
        ({**WHOLE, "columns": {}}, "unknown sections columns; use only hyperparameters, layout, resample"),
        ({**WHOLE, "layout": "tall"}, "layout is 'tall', expected long (a row a slice) or wide (a row a run)"),
        ({**WHOLE, "separator": "::"}, "separator is '::', expected a single character"),
        ({**WHOLE, "skip": {"state": "failed"}}, "skip is {'state': 'failed'}, expected a list of values for each"),
        (
            {**WHOLE, "skip": ["failed"]},
            "skip is ['failed'], expected a list of values for each column, such as",
        ),
        (without("task", "metric"), "lacks task.metric; give the column of each"),
        (without("slices", "seconds"), "lacks slices.seconds"),
        ({**WHOLE, "hyperparameters": {}}, "lacks hyperparameters"),
        ({**WHOLE, "run": ["id"]}, "run is ['id'], expected fields with their columns"),
        ({**WHOLE, "task": {**TASK, "name": "x"}}, "task has the unknown fields name; use only dataset, model"),
        ({**WHOLE, "task": {**TASK, "rows": 100}}, "task.rows is 100, expected a column's name, {column: ...}"),
        ({**WHOLE, "run": {"name": {"type": "text"}}}, "run.name is {'type': 'text'}, expected a column's name"),
        (
            {**WHOLE, "run": {"name": {"column": "a", "unit": "b"}}},
            "run.name is {'column': 'a', 'unit': 'b'}",
        ),
        (
            {**WHOLE, "run": {"seed": {"column": "a", "type": "float"}}},
            "run.seed: type is 'float', expected one of",
        ),
        (
            {**WHOLE, "slices": {"value": {"column": "a", "scale": "%"}}},
            "slices.value: scale is '%', expected a",
        ),
        (
            {**WHOLE, "run": {"status": {"column": "a", "values": ["ok"]}}},
            "run.status: values are ['ok'], expected",
        ),
    ],
)
def test_a_fault_is_named_with_its_place(tmp_path, mapping, what):
    with pytest.raises(InteropError, match=f"mine.yaml:? {re.escape(what)}"):
        read(tmp_path, mapping)


def test_every_shipped_mapping_is_valid_and_there_are_two():
    files = sorted(resources.files("foretune").joinpath("data", "mappings").iterdir(), key=str)
    assert [re.sub(r"\.yaml$", "", file.name) for file in files] == ["massive-sft", "scibert-finetune"]
    for file in files:
        assert read_mapping(Path(file.name.removesuffix(".yaml"))).file.name == file.name


def test_a_name_that_is_neither_a_file_nor_shipped(tmp_path):
    with pytest.raises(InteropError, match=r"no mapping at .*none; give a YAML file .* or one of: massive-sft, sci"):
        read_mapping(tmp_path / "none")
