"""Folders of quicktunetool."""

import pytest

from foretune.errors import InteropError
from foretune.interop import ImportOptions, import_runs

OPTIONS = ImportOptions(model="vit", rows=10)


def write(folder, **files):
    tables = {
        "config": ",lr,opt,extra\n1,0.1,adam,\n2,0.2,sgd,3\n3,0.3,sgd,4\n",
        "meta": ",classes,features\n1,10,128\n2,10,128\n3,20,64\n",
        "curve": ",1,2,3\n1,0.1,0.2,0.3\n2,0.2,0.3,\n3,0.5,0.6,0.7\n",
        "cost": ",cost\n1,1.5\n2,2.5\n3,3.5\n",
    }
    for name, text in {**tables, **files}.items():
        (folder / f"{name}.csv").write_text(text)
    return str(folder)


def test_rows_become_runs_and_equal_meta_features_make_a_task(tmp_path):
    meta = import_runs("quicktunetool", [write(tmp_path)], ImportOptions(dataset="images", model="vit", rows=10))
    assert meta.task_ids == ("images-1@10:vit", "images-2@10:vit")
    assert meta.tasks["feature.classes"].tolist() == [10.0, 20.0]
    assert meta.runs["status"].tolist() == ["ok", "stopped", "ok"]
    assert meta.curves["validation_value"].tolist() == [0.1, 0.2, 0.3, 0.2, 0.3, 0.5, 0.6, 0.7]
    assert meta.curves["train_seconds"].tolist() == [1.5] * 3 + [2.5] * 2 + [3.5] * 3
    assert dict(meta.configurations["images-1@10:vit/1"].values) == {"lr": 0.1, "opt": "adam"}


def test_costs_may_be_given_for_each_slice(tmp_path):
    cost = ",1,2,3\n1,1,2,3\n2,1,2,\n3,4,5,6\n"
    meta = import_runs("quicktunetool", [write(tmp_path, cost=cost)], OPTIONS)
    assert meta.curves["train_seconds"].tolist() == [1, 2, 3, 1, 2, 4, 5, 6]


@pytest.mark.parametrize(
    ("files", "what"),
    [
        ({"cost": ",cost\n1,1\n2,1\n"}, r"cost\.csv has 2 rows \(1 to 2\), config\.csv 3"),
        ({"cost": ",cost\n1,1\n2,0\n3,1\n"}, r"cost\.csv, row 2: costs are"),
        ({"curve": ",one\n1,1\n2,1\n3,1\n"}, r"curve\.csv has the columns one, expected the slices"),
        ({"curve": ",1,2\n1,,0.1\n2,1,1\n3,1,1\n"}, r"curve\.csv, row 1: a value is missing in slice 1"),
        ({"curve": ",1,2\n1,a,0.1\n2,1,1\n3,1,1\n"}, r"curve\.csv, row 1: could not convert"),
        ({"cost": ",1,2\n1,1,1\n2,1,1\n3,1,1\n"}, r"has 2 columns, expected 1 or one a slice \(3\)"),
    ],
)
def test_faults_are_named_with_file_and_row(tmp_path, files, what):
    with pytest.raises(InteropError, match=what):
        import_runs("quicktunetool", [write(tmp_path, **files)], OPTIONS)


def test_absent_files_are_named(tmp_path):
    with pytest.raises(InteropError, match=r"config\.csv cannot be read"):
        import_runs("quicktunetool", [str(tmp_path)], OPTIONS)
