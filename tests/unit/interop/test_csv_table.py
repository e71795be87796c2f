"""CSV files with a mapping: long and wide, and every fault with its place."""

import pytest
import yaml

from foretune.errors import InteropError
from foretune.interop import ImportOptions, import_runs

TASK = {
    "dataset": "data",
    "model": {"value": "base"},
    "rows": {"value": 100},
    "metric": {"value": "accuracy"},
    "direction": {"value": "maximize"},
}
LONG = {
    "task": TASK,
    "run": {"name": "id", "seed": "seed", "status": {"column": "state", "values": {"done": "ok", "nan": "diverged"}}},
    "slices": {
        "fidelity": "epoch",
        "value": {"column": "acc", "scale": 0.01},
        "seconds": {"column": "min", "scale": 60},
    },
    "hyperparameters": {
        "learning_rate": {"column": "lr", "type": "number"},
        "rank": {"column": "r", "type": "integer"},
        "method": {"column": "dora", "values": {"yes": "dora", "no": "lora"}},
        "optimizer": {"value": "adamw"},
    },
}
LONG_ROWS = """data,id,seed,state,epoch,acc,min,lr,r,dora
d,a,0,done,2,60,1.5,1e-3,8.0,yes
d,a,0,done,1,50,0.5,1e-3,8.0,yes
d,b,1,done,1,55,1,2e-3,,no
d,b,1,done,2,65,1,2e-3,,no
d,c,0,nan,1,1,1,1,4,no
"""
WIDE = {
    "layout": "wide",
    "separator": ";",
    "task": TASK,
    "run": {"seed": "repeats"},
    "slices": {"value": {"columns": ""}, "seconds": {"columns": "t"}, "test": "test"},
    "hyperparameters": {"lr": {"column": "lr", "type": "number"}},
}
WIDE_ROWS = "data;lr;1;2;t1;t2;test\nd;0.1;0.5;0.6;1;2;0.55\nd;0.1;0.4;0.5;1;2;\nd;0.2;0.3;0.2;2;2;0.1\n"


def read(folder, mapping, rows, **more):
    (folder / "mapping.yaml").write_text(yaml.safe_dump(mapping))
    (folder / "runs.csv").write_text(rows)
    return import_runs("csv", [str(folder / "runs.csv")], ImportOptions(mapping=folder / "mapping.yaml", **more))


def without(mapping, section, name):
    return {**mapping, section: {key: value for key, value in mapping[section].items() if key != name}}


def test_rows_are_slices_in_the_long_layout(tmp_path):
    meta = read(tmp_path, LONG, LONG_ROWS)
    assert meta.task_ids == ("d@100:base",)
    assert meta.runs["status"].tolist() == ["ok", "ok", "diverged"]
    assert meta.runs["seed"].tolist() == [0, 1, 0]
    assert meta.curves["validation_value"].tolist() == pytest.approx([0.5, 0.6, 0.55, 0.65, 0.01])
    assert meta.curves["train_seconds"].tolist() == [30, 90, 60, 60, 60]
    first = {"learning_rate": 1e-3, "rank": 8, "method": "dora", "optimizer": "adamw"}
    assert dict(meta.configurations["d@100:base/a"].values) == first
    assert "rank" not in meta.configurations["d@100:base/b"].values


def test_slices_of_a_run_are_found_by_its_configuration_where_it_has_no_name(tmp_path):
    meta = read(tmp_path, without(LONG, "run", "name"), LONG_ROWS)
    assert len(meta.runs) == 3
    assert meta.curves["validation_value"].tolist() == pytest.approx([0.5, 0.6, 0.55, 0.65, 0.01])


def test_columns_are_slices_in_the_wide_layout(tmp_path):
    meta = read(tmp_path, WIDE, WIDE_ROWS)
    assert meta.tasks["max_fidelity"].tolist() == [2]
    assert meta.runs["seed"].tolist() == [0, 1, 0]
    assert meta.curves["validation_value"].tolist() == [0.5, 0.6, 0.4, 0.5, 0.3, 0.2]
    assert meta.curves["train_seconds"].tolist() == [1, 2, 1, 2, 2, 2]
    assert meta.curves["test_value"].dropna().tolist() == [0.55, 0.1]


def test_a_cost_may_be_the_same_for_all_slices(tmp_path):
    meta = read(tmp_path, {**WIDE, "slices": {"value": {"columns": ""}, "seconds": {"value": 1}}}, WIDE_ROWS)
    assert set(meta.curves["train_seconds"]) == {1.0}


def test_rows_are_only_left_out_by_name_and_are_counted(tmp_path):
    meta = read(tmp_path, {**LONG, "skip": {"id": ["a"]}}, LONG_ROWS)
    assert meta.provenance["notes"] == ["2 rows of runs.csv are left out by `skip`"]


def test_runs_of_other_lengths_need_to_be_allowed(tmp_path):
    rows = LONG_ROWS + "d,b,1,done,3,66,1,2e-3,,no\n"
    with pytest.raises(InteropError, match=r"differ in their number of slices \(a has 2, b has 3\)"):
        read(tmp_path, LONG, rows)
    meta = read(tmp_path, {**LONG, "resample": True}, rows)
    assert meta.tasks["max_fidelity"].tolist() == [2]


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        (LONG_ROWS.replace("1e-3,8.0", "1e-3,8.5", 1), "line 2, column 'r': '8.5' is no integer"),
        (LONG_ROWS.replace("1e-3,8.0", "1e-3,9.0", 1), "line 2: other task or hyperparameters than on line 3"),
        (LONG_ROWS.replace(",60,", ",good,"), "line 2, column 'acc': 'good' is no number, which slices.value needs"),
        (LONG_ROWS.replace(",60,", ",,"), "line 2: slices.value is empty"),
        (LONG_ROWS.replace(",1.5,", ",0,"), "line 2: the slice costs 0"),
        (LONG_ROWS.replace("done,1,55", "done,2,55"), "line 5: a second slice 2 of the same run; nothing is averaged"),
        (LONG_ROWS.replace("d,a,0,done", "d,a,0,fine"), "status is 'fine', expected one of ok"),
        (
            LONG_ROWS.replace("d,a,0,done,2", ",a,0,done,2").replace("d,a,0,done,1", ",a,0,done,1"),
            "line 3: the task is",
        ),
        (LONG_ROWS.replace(",8.0,yes", ",8.0", 1), "line 2: not 10 cells"),
        (LONG_ROWS.replace("acc", "accuracy"), "has no column acc; it has data, id"),
    ],
)
def test_faults_of_rows_are_named_with_their_line(tmp_path, rows, what):
    with pytest.raises(InteropError, match=what):
        read(tmp_path, LONG, rows)


def test_gaps_in_wide_rows_are_named(tmp_path):
    with pytest.raises(InteropError, match="line 2: slice 1 is empty"):
        read(tmp_path, WIDE, WIDE_ROWS.replace("d;0.1;0.5;", "d;0.1;;"))
    with pytest.raises(InteropError, match="2 slices, but costs of fewer"):
        read(tmp_path, WIDE, WIDE_ROWS.replace("1;2;0.55", "1;;0.55"))
    with pytest.raises(InteropError, match=r"no column 't1', where slices\.seconds begin"):
        read(tmp_path, WIDE, WIDE_ROWS.replace("t1;t2", "c1;c2"))


def test_a_mapping_is_needed_and_shipped_ones_have_names(tmp_path):
    with pytest.raises(InteropError, match="needs --mapping"):
        import_runs("csv", ["runs.csv"])
    with pytest.raises(InteropError, match="or one of: massive-sft, scibert-finetune"):
        import_runs("csv", ["runs.csv"], ImportOptions(mapping=tmp_path / "none"))
