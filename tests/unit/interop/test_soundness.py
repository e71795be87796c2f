"""What other tools record, as `metadata verify` accepts it."""

import math

import pytest

from foretune.errors import InteropError
from foretune.interop.recorded import ImportedTask, RecordedRun
from foretune.interop.resample import ImportedSlice
from foretune.interop.rows import tables
from foretune.interop.soundness import COPIES
from foretune.metadata import write_meta_dataset
from foretune.metadata.verify import verify

TASK = ImportedTask("data", "base", "accuracy", "maximize", rows=100)
CURVE = (ImportedSlice(0.5, 1.0), ImportedSlice(0.75, 1.0))


def run(name="a", slices=CURVE, **more):
    return RecordedRun(**{"name": name, "task": TASK, "configuration": {"rank": 8}, "slices": slices} | more)


@pytest.fixture
def sound(tmp_path):
    """The table of some runs, which verify accepts."""

    def make(*runs):
        meta = tables(runs, {"how": "made up"})
        write_meta_dataset(meta, tmp_path)
        verify(tmp_path)
        return meta

    return make


def test_a_status_has_a_reason_if_and_only_if_it_is_bad(sound):
    meta = sound(run(message="all well"), run("b", status="failed", configuration={"rank": 4}))
    assert meta.runs["message"].tolist() == ["", "the source does not say why"]


def test_starts_are_in_utc_or_unknown(sound):
    times = ["2026-01-01T12:00:00+02:00", "yesterday", "2026-01-01"]
    meta = sound(*(run(f"r{at}", configuration={"rank": at}, facts={"started": time}) for at, time in enumerate(times)))
    assert meta.runs["started"].tolist() == ["2026-01-01T10:00:00+00:00", "", "2026-01-01"]
    assert meta.provenance["notes"] == ["start times that are not ISO 8601 are left out (data@100:base/r1)"]


def test_counts_that_do_not_grow_are_left_out(sound):
    slices = [ImportedSlice(0.5, 1.0, steps=5, tokens=10), ImportedSlice(0.75, 1.0, steps=5, tokens=20)]
    meta = sound(run(slices=slices))
    assert meta.curves["steps"].isna().all()
    assert meta.curves["tokens"].tolist() == [10, 20]


def test_epochs_that_end_elsewhere_than_planned_are_left_out(sound):
    slices = [ImportedSlice(0.5, 1.0, epochs=1.0), ImportedSlice(0.75, 1.0, epochs=1.875)]
    assert sound(run(slices=slices, configuration={"epochs": 2})).curves["epochs"].isna().all()
    assert sound(run(slices=slices, configuration={"epochs": 1.875})).curves["epochs"].tolist() == [1.0, 1.875]


def test_test_values_that_somebody_chose_by_are_left_out(sound):
    slices = [ImportedSlice(0.5, 1.0, test=0.4), ImportedSlice(0.25, 1.0, test=0.3), ImportedSlice(0.75, 1.0)]
    assert sound(run(slices=slices)).curves["test_value"].dropna().tolist() == [0.4]


def test_a_hyperparameter_that_is_not_finite_is_unknown(sound):
    meta = sound(run(configuration={"rank": 8, "max_norm": math.inf}))
    assert dict(meta.configurations["data@100:base/a"].values) == {"rank": 8}


def test_a_copy_is_left_out_and_named(sound):
    meta = sound(run(), run("again"))
    assert meta.runs["run"].tolist() == ["data@100:base/a"]
    assert meta.provenance["notes"] == [f"{COPIES}: data@100:base/again"]


def test_features_that_contradict_the_table_are_left_out(sound):
    tasks = [
        ImportedTask(
            "one", "base", "accuracy", "maximize", rows=100, features={"log_train_rows": 3.0, "model_depth": 2.0}
        ),
        ImportedTask(
            "two", "base", "accuracy", "maximize", rows=100, features={"log_train_rows": 2.0, "model_depth": 3.0}
        ),
    ]
    meta = sound(*(run(task=task) for task in tasks))
    assert [dict(meta.task(name).meta_features) for name in meta.task_ids] == [{}, {"log_train_rows": 2.0}]
    assert len(meta.provenance["notes"]) == 2


def test_a_loss_below_zero_is_refused_under_the_name_of_our_own():
    with pytest.raises(InteropError, match=r"validation_nll is a loss, .* name it otherwise"):
        tables(
            [run(task=ImportedTask("data", "base", "validation_nll", "minimize"), slices=[ImportedSlice(-1.0, 1.0)])],
            {},
        )


def test_a_run_that_stopped_keeps_the_slices_of_the_share_it_trained():
    finer = [ImportedSlice(0.1 * at, 1.0, steps=10 * at) for at in range(1, 6)]
    whole = [ImportedSlice(0.4, 2.0, steps=50), ImportedSlice(0.8, 2.0, steps=100)]
    meta = tables([run(slices=whole), run("b", finer, configuration={"rank": 4}, status="stopped")], {})
    curve = meta.curve("data@100:base/b")
    assert curve.scores.tolist() == pytest.approx([0.5])
    assert curve.seconds.tolist() == pytest.approx([5.0])
