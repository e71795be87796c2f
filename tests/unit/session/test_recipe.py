"""Configurations in files: what is read, and what is said of a file that cannot be."""

import json
from datetime import date

import numpy as np
import pytest
import yaml

from foretune.errors import ConfigurationError
from foretune.session.recipe import read_configuration, read_configurations, request_of
from foretune.space import load_space


def test_configurations_are_read_in_their_order_and_once(tmp_path):
    space = load_space("peft")
    wanted = [space.default(), *space.sample(2, np.random.default_rng(0))]
    file = tmp_path / "pool.jsonl"
    file.write_text("\n".join(json.dumps(dict(one.values)) for one in [*wanted, wanted[0]]) + "\n\n")
    assert read_configurations(file) == tuple(wanted)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot read .*pool.jsonl as JSON lines"),
        ("{", "cannot read .*pool.jsonl as JSON lines"),
        ("\n", "pool.jsonl is empty; give a file with one configuration a line"),
        ("[1]", "pool.jsonl, line 1: expected an object with `method`"),
        ('{"method": "lora", "rnk": 8}', "pool.jsonl, line 1: 'rnk' is no hyperparameter .did you mean rank"),
        ('{"method": "lora"}', "pool.jsonl, line 1: .*missing, which method lora needs"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_line(tmp_path, text, message):
    file = tmp_path / "pool.jsonl"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        read_configurations(file)


DEFAULT = dict(load_space("peft").default().values)


def read(folder, content):
    (folder / "mine.yaml").write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return read_configuration(folder / "mine.yaml")


def test_a_configuration_alone_or_with_what_it_was_found_on(tmp_path):
    assert read(tmp_path, DEFAULT) == {"configuration": DEFAULT}
    found = {"configuration": DEFAULT, "model": "m", "seed": 3, "train_rows": None, "today": "2026-02-27"}
    assert read(tmp_path, found) == {name: value for name, value in found.items() if value is not None}
    assert read(tmp_path, {"configuration": DEFAULT, "after": [DEFAULT]})["after"] == [DEFAULT]
    # A day without quotes is a day in YAML.
    assert str(read(tmp_path, yaml.safe_dump({**found, "today": date(2026, 2, 27)}))["today"]) == "2026-02-27"


def test_a_name_without_a_value_is_as_if_it_were_not_there(tmp_path):
    written = read(tmp_path, {"configuration": DEFAULT, "seed": None, "after": None, "today": None, "data": "d.jsonl"})
    assert written == {"configuration": DEFAULT, "data": "d.jsonl"}
    assert request_of(written, tmp_path).seed == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"configuration": DEFAULT, "after": DEFAULT}, "`after` must be a list of the configurations of earlier runs"),
        ({"configuration": DEFAULT, "after": [1]}, "`after` must be a list of the configurations of earlier runs"),
        ({"configuration": DEFAULT, "after": [DEFAULT, {"rnk": 1}]}, "mine.yaml, run 2 of `after`: 'rnk' is no hyperp"),
        ("a: [", "cannot read .*mine.yaml as YAML .*; give the best.yaml of a search, or write one like it"),
        ("[1]", "mine.yaml holds no configuration: expected a mapping with `method`"),
        ("rank: 8", "mine.yaml holds no configuration"),
        ({"configuration": DEFAULT, "sed": 3}, "'sed'.*did you mean seed"),
        ({"configuration": [1]}, "mine.yaml: `configuration` must be a mapping"),
        ({**DEFAULT, "rank": 0}, "mine.yaml: rank is 0, expected a whole number"),
        ({"configuration": DEFAULT, "seed": "x"}, "mine.yaml: seed is 'x', expected a whole number; correct it or rem"),
        ({"configuration": DEFAULT, "train_rows": 0.5}, "mine.yaml: train_rows is 0.5, expected a whole number"),
        ({"configuration": DEFAULT, "max_length": True}, "mine.yaml: max_length is True, expected a whole number"),
        ({"configuration": DEFAULT, "model": 7}, "mine.yaml: model is 7, expected text"),
        ({"configuration": DEFAULT, "skip_bad_rows": "no"}, "mine.yaml: skip_bad_rows is 'no', expected true or false"),
        ({"configuration": DEFAULT, "today": "monday"}, "mine.yaml: today is 'monday', expected a day such as 2026"),
    ],
)
def test_a_recipe_that_cannot_be_used_is_named(tmp_path, content, message):
    with pytest.raises(ConfigurationError, match=message):
        read(tmp_path, content)


def test_a_recipe_that_is_not_there(tmp_path):
    with pytest.raises(ConfigurationError, match=r"cannot read .*none.yaml as YAML .*No such file"):
        read_configuration(tmp_path / "none.yaml")
