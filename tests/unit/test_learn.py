"""Runs of a search beside what a team has already."""

from synthetic_table import synthetic_table

from foretune.interop.recorded import ImportedTask, RecordedRun
from foretune.interop.resample import ImportedSlice
from foretune.interop.rows import tables
from foretune.learn import learn_into
from foretune.metadata import MetaDataset, write_meta_dataset
from foretune.metadata.verify import verify


def test_an_imported_task_of_the_same_name_stays_apart(tmp_path):
    """Of an import neither validation rows nor a loss before training are known."""
    task = ImportedTask("data", "base", "eval_loss", "minimize", rows=100)
    known = tables([RecordedRun("a", task, {"rank": 8}, [ImportedSlice(1.0, 2.0), ImportedSlice(0.5, 2.0)])], {})
    write_meta_dataset(known, tmp_path)
    one = synthetic_table().select(["task-0"])
    name = {"task": "data@100:base"}
    facts = {"dataset": "data", "model": "base", "n_train": 100, "feature.log_train_rows": 2.0}
    runs = one.runs.assign(**name, run="data@100:base/" + one.runs["run"])
    curves = one.curves.assign(run="data@100:base/" + one.curves["run"], epochs=float("nan"))
    whole = learn_into(tmp_path, MetaDataset(one.tasks.assign(**name, **facts), runs, curves))
    assert whole.task_ids == ("data-2@100:base", "data@100:base")
    assert len(whole.runs) == 1 + len(runs)
    assert dict(whole.task("data@100:base").meta_features) == {}
    assert whole.task("data-2@100:base").meta_features["log_train_rows"] == 2.0
    assert whole.runs_of("data@100:base") == ("data@100:base/a",)


def test_a_search_makes_the_folder_that_it_leaves_its_runs_in(tmp_path):
    one = synthetic_table().select(["task-0"])
    learn_into(tmp_path / "team", one)
    assert len(verify(tmp_path / "team")) == 16
