"""The logs of a collection."""

import pandas as pd
import pytest

from foretune.errors import MetaDatasetError
from foretune.metadata import write_meta_dataset
from foretune.metadata.log import RUNS_LOG, TASKS_LOG, append_line, compile_logs, read_lines, read_runs, restore_logs


def test_a_half_written_last_line_is_cut_off(tmp_path):
    path = tmp_path / "log"
    append_line(path, {"a": 1})
    with path.open("ab") as file:
        file.write(b'{"a": 2')
    assert read_lines(path) == [{"a": 1}]
    append_line(path, {"a": 3})
    assert read_lines(path) == [{"a": 1}, {"a": 3}]


def test_a_log_that_is_not_there_is_empty(tmp_path):
    assert read_lines(tmp_path / "log") == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{oops", "line 2: not a JSON object"),
        ("[" * 5000, "line 2: not a JSON object .nested too deeply"),
        ("[1]", "line 2: expected a JSON"),
        ('{"a": "x"}', "line 2: the record.a is 'x', expected int"),
    ],
)
def test_a_damaged_line_is_named(tmp_path, line, message):
    path = tmp_path / "log"
    path.write_text(f'{{"a": 1}}\n{line}\n{{"a": 2}}\n')
    with pytest.raises(MetaDatasetError, match=message):
        read_lines(path, {"a": int})


@pytest.fixture
def folder(rows, tmp_path):
    for row in rows["tasks"]:
        append_line(tmp_path / TASKS_LOG, row)
    for run in reversed(rows["runs"]):
        slices = [{**one} for one in rows["curves"] if one["run"] == run["run"]]
        append_line(
            tmp_path / RUNS_LOG, {"run": run, "slices": [{k: one[k] for k in one if k != "run"} for one in slices]}
        )
    return tmp_path


def test_logs_become_tables_whatever_the_order_of_their_lines(folder, rows, build):
    meta = compile_logs(folder, {"seed": 0})
    assert sorted(meta.runs["run"]) == list(meta.runs["run"]) == sorted(run["run"] for run in rows["runs"])
    assert meta.configurations == build(rows).configurations
    assert all(meta.curve(run) == build(rows).curve(run) for run in meta.runs["run"])
    assert meta.provenance == {"seed": 0}


def test_tables_become_logs_again(folder, tmp_path_factory):
    meta = compile_logs(folder, {"seed": 0})
    other = tmp_path_factory.mktemp("copy")
    write_meta_dataset(meta, other)
    assert restore_logs(other) == {"seed": 0}
    assert restore_logs(other) is None
    again = compile_logs(other, {"seed": 0})
    for table in ("tasks", "runs", "curves"):
        pd.testing.assert_frame_equal(getattr(again, table), getattr(meta, table))


def test_there_may_be_nothing_to_restore(tmp_path):
    assert restore_logs(tmp_path) is None


def test_the_last_line_of_a_run_counts(folder, rows):
    again = {**rows["runs"][0], "status": "failed", "message": "later"}
    append_line(folder / RUNS_LOG, {"run": again, "slices": []})
    assert read_runs(folder)["a-0"]["run"]["message"] == "later"
    assert len(compile_logs(folder, {}).curve("a-0")) == 0


def test_a_line_that_is_no_run_is_refused(folder):
    append_line(folder / RUNS_LOG, {"status": "ok"})
    with pytest.raises(MetaDatasetError, match=r"a line that is no task or no run \(KeyError\('run'\)\); remove it"):
        compile_logs(folder, {})
