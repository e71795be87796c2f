"""Matrices of a gated decoder, counted by hand."""

import pytest

from foretune.metadata.shape import ModelShape

SHAPE = ModelShape(layers=3, width=8, inner=16, queries=8, pairs=4, vocabulary=100, embeddings=800.0, parameters=3000.0)


def test_entries_of_the_matrices():
    # Queries and output 8 x 8 each, keys and values 8 x 4 each, three feed-forward matrices of 8 x 16.
    assert SHAPE.layer_parameters == 2 * 64 + 2 * 32 + 3 * 128
    assert SHAPE.matrices == 3 * 576


@pytest.mark.parametrize(
    ("targets", "names"),
    [
        ("all", "q_proj k_proj v_proj o_proj gate_proj up_proj down_proj"),
        ("attention", "q_proj k_proj v_proj o_proj"),
        ("mlp", "gate_proj up_proj down_proj"),
        ("v_proj+q_proj", "v_proj q_proj"),
        ("q_proj+query_key_value", "q_proj"),
        ("everything", ""),
    ],
)
def test_adapted_matrices_have_input_and_output_sizes(targets, names):
    sizes = {"k_proj": (8, 4), "v_proj": (8, 4), "gate_proj": (8, 16), "up_proj": (8, 16), "down_proj": (16, 8)}
    assert SHAPE.modules(targets) == {name: sizes.get(name, (8, 8)) for name in names.split()}


def test_all_adapted_matrices_are_those_of_a_layer():
    assert sum(one * other for one, other in SHAPE.modules("all").values()) == SHAPE.layer_parameters
