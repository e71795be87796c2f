"""Configurations in files: what is read, and what is said of a file that cannot be."""

import json

import numpy as np
import pytest

from foretune.errors import ConfigurationError
from foretune.session.recipe import read_configurations
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
