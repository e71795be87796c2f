"""Losses by training rows."""

from tiny_table import tiny_table

from foretune.metadata import MetaDataset
from foretune.metadata.sizes import size_curves


def sized(losses, sizes, **columns):
    """The tiny table with training rows, all of one dataset."""
    meta = tiny_table(losses)
    return MetaDataset(meta.tasks.assign(dataset="d", n_train=sizes, **columns), meta.runs, meta.curves)


def test_a_curve_has_the_sizes_in_order_with_the_best_value_of_each_run():
    (curve,) = size_curves(sized({"a": {1: [3.0, 2.0]}, "b": {1: [1.0, 1.5]}, "c": {1: [2.5, 2.5]}}, [400, 800, 100]))
    assert (curve.dataset, curve.model, curve.metric, curve.zero_shot) == ("d", "m", "validation_nll", 9.0)
    assert curve.tasks == ("c", "a", "b")
    assert curve.rows.tolist() == [100, 400, 800]
    assert curve.values.tolist() == [2.5, 2.0, 1.0]


def test_two_sizes_or_several_runs_a_size_are_no_curve():
    one = {1: [2.0]}
    assert size_curves(sized({"a": one, "b": one}, [1, 2])) == []
    assert size_curves(sized({"a": one, "b": one, "c": {1: [2.0], 2: [1.0]}}, [1, 2, 3])) == []


def test_each_base_model_has_its_own_curve():
    losses = {name: {1: [2.0]} for name in "abcdef"}
    found = size_curves(sized(losses, [1, 2, 3, 1, 2, 3], model=list("mmmnnn")))
    assert [(curve.model, curve.tasks) for curve in found] == [("m", tuple("abc")), ("n", tuple("def"))]
