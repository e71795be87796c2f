"""Losses by training rows."""

import math

import pytest

from foretune.errors import InteropError
from foretune.interop import ImportOptions, import_runs

TABLE = """config name,0,200,400,size,family
org/base-1B,4.5,3.5,3.0,1200000000,Base
org/other,4.0,2.5,2.25,1000,Other
"""


def write(folder, text=TABLE, name="flan.csv"):
    (folder / name).write_text(text)
    return str(folder)


def test_every_size_of_a_model_is_a_task_with_one_full_finetuning(tmp_path):
    meta = import_runs("scaling-law", [write(tmp_path)])
    assert meta.task_ids == ("flan@200:base-1B", "flan@400:base-1B", "flan@200:other", "flan@400:other")
    assert meta.tasks["n_train"].tolist() == [200, 400, 200, 400]
    assert [-float(meta.curve(run).scores[0]) for run in meta.runs["run"]] == [3.5, 3.0, 2.5, 2.25]
    assert [dict(meta.configurations[run].values) for run in meta.runs["run"]] == [{"method": "full"}] * 4
    assert set(meta.tasks["cost_unit"]) == {"runs"}
    assert set(meta.tasks["metric"]) == {"test_loss"}
    assert set(meta.tasks["family"]) == {"instructions"}


def test_the_untrained_model_is_the_zero_shot_loss_and_the_size_a_meta_feature(tmp_path):
    meta = import_runs("scaling-law", [write(tmp_path)])
    assert meta.tasks["zero_shot_validation_value"].tolist() == [4.5, 4.5, 4.0, 4.0]
    features = meta.task("flan@400:base-1B").meta_features
    assert features == {"zero_shot_nll": 4.5, "model_log_parameters": pytest.approx(math.log10(1.2e9))}


def test_what_the_table_does_not_tell_is_noted(tmp_path):
    (note,) = import_runs("scaling-law", [write(tmp_path)]).provenance["notes"]
    assert note.startswith("losses by training rows are the best of the authors' own search")


def test_options_name_dataset_and_family_of_a_file(tmp_path):
    options = ImportOptions(dataset="tickets", family="support")
    meta = import_runs("scaling-law", [write(tmp_path, name="my.csv")], options)
    assert set(meta.tasks["dataset"]) == {"tickets"}
    assert set(meta.tasks["family"]) == {"support"}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a,b\n1,2\n", "has the columns a, b; expected 'config name', 'size', '0'"),
        (TABLE.replace("0,200,400", "0,x,y"), "expected 'config name', 'size', '0'"),
        (TABLE.replace("2.25", "-"), r"line 3: '400' is '-', expected a number above 0"),
        (TABLE.replace("4.5", "0"), r"line 2: '0' is '0', expected a number above 0"),
        (TABLE.replace(",Other", ""), "line 3: not 6 cells"),
    ],
)
def test_faults_are_named_with_their_line(tmp_path, text, what):
    with pytest.raises(InteropError, match=what):
        import_runs("scaling-law", [write(tmp_path, text)])


def test_a_folder_without_csv_is_refused(tmp_path):
    with pytest.raises(InteropError, match="no CSV file"):
        import_runs("scaling-law", [str(tmp_path)])
