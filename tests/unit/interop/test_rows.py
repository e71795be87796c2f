"""Recorded runs become tables: seeds, types, lengths of curves, meta-features."""

import numpy as np
import pytest

from foretune.errors import InteropError, MetaDatasetError
from foretune.interop.recorded import ImportedTask, RecordedRun
from foretune.interop.resample import ImportedSlice
from foretune.interop.rows import tables
from foretune.metadata.schema import STOPPED

TASK = ImportedTask("data", "org/model", "eval_loss", "minimize", rows=100)


def run(name="a", values=(1.0, 0.5), task=TASK, configuration=None, **more):
    slices = [ImportedSlice(value, 2.0, steps=10 * place) for place, value in enumerate(values, start=1)]
    return RecordedRun(name, task, configuration or {"learning_rate": 1e-3}, slices, **more)


def test_a_task_is_named_by_dataset_rows_and_model_and_a_run_by_its_task():
    meta = tables([run()], {"how": "by hand"})
    assert meta.task_ids == ("data@100:model",)
    assert meta.runs_of("data@100:model") == ("data@100:model/a",)
    assert meta.provenance == {"how": "by hand", "notes": []}
    np.testing.assert_allclose(meta.curve("data@100:model/a").scores, [-1.0, -0.5])


def test_repetitions_of_a_configuration_get_seeds_in_their_order():
    meta = tables([run("a"), run("b", configuration={"learning_rate": 0.1}), run("c", (1.0, 0.6))], {})
    assert meta.runs["seed"].tolist() == [0, 0, 1]


def test_recorded_seeds_stay_and_a_repeated_one_is_refused():
    assert tables([run("a", seed=7), run("b", (1.0, 0.6), seed=8)], {}).runs["seed"].tolist() == [7, 8]
    with pytest.raises(MetaDatasetError, match="same task, configuration and seed"):
        tables([run("a", seed=7), run("b", (1.0, 0.6), seed=7)], {})


def test_whole_numbers_among_floats_become_floats_and_text_among_numbers_is_refused():
    meta = tables([run("a", configuration={"decay": 0}), run("b", configuration={"decay": 0.1})], {})
    assert meta.runs["config.decay"].tolist() == [0.0, 0.1]
    with pytest.raises(MetaDatasetError, match="values of the types int, str"):
        tables([run("a", configuration={"decay": 0}), run("b", configuration={"decay": "none"})], {})


def test_complete_runs_get_the_most_common_number_of_slices_and_it_is_said():
    runs = [run("a"), run("b", configuration={"rank": 1}), run("c", (4.0, 3.0, 2.0, 1.0), configuration={"rank": 2})]
    meta = tables([*runs, run("d", (2.0, 1.5, 1.2), configuration={"rank": 3}, status=STOPPED)], {})
    assert meta.tasks["max_fidelity"].tolist() == [2]
    np.testing.assert_allclose(meta.curve("data@100:model/c").scores, [-3.0, -1.0])
    np.testing.assert_allclose(meta.curve("data@100:model/c").seconds, [4.0, 4.0])
    np.testing.assert_allclose(meta.curve("data@100:model/d").scores, [-2.0, -1.5])
    assert meta.provenance["notes"] == ["curves of 2 runs have another number of slices than in the source"]


def test_meta_features_that_not_all_models_have_are_kept_and_missing_elsewhere():
    other = ImportedTask("data", "nameless", "eval_loss", "minimize", rows=100)
    known = ImportedTask("data", "model-8B", "eval_loss", "minimize", rows=100, features={"size": 9.9})
    meta = tables([run(task=known), run(task=other)], {})
    assert [dict(meta.task(task).meta_features) for task in meta.task_ids] == [{"size": 9.9}, {}]
    assert meta.provenance["notes"] == []


def test_tasks_of_one_name_must_be_the_same():
    other = ImportedTask("data", "other/model", "eval_loss", "minimize", rows=100)
    with pytest.raises(InteropError, match="two tasks would be named 'data@100:model'"):
        tables([run(), run(task=other)], {})


@pytest.mark.parametrize(
    ("runs", "what"),
    [
        ([], "no run to import"),
        ([RecordedRun("a", TASK, {}, [ImportedSlice(1.0, 1.0)])], "'a' has no hyperparameters"),
        ([run(values=())], "has no value of the metric"),
    ],
)
def test_what_cannot_be_a_table_is_said(runs, what):
    with pytest.raises(InteropError, match=what):
        tables(runs, {})


def test_training_rows_may_be_unknown():
    meta = tables([run(task=ImportedTask("data", "model", "eval_loss", "minimize"))], {})
    assert meta.task_ids == ("data:model",)
    assert meta.tasks["n_train"].isna().all()
