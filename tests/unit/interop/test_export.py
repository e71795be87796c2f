"""What other tools are given to read: every file, every value, and what cannot be exported."""

import json
import sys

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from foretune.errors import MetaDatasetError
from foretune.interop import ImportOptions, import_runs
from foretune.interop.export_csv import read_exported_csv
from foretune.interop.export_kinds import EXPORTS, export
from foretune.metadata import MetaDataset
from foretune.metadata.frames import rows_to_frame

LOSSES = {"lora": (3.0, 2.0), "ia3": (3.5, 3.25), "dora": (9.0,)}


def task_row(task, **changes):
    row = {"task": task, "dataset": task, "model": "tiny", "family": "qa", "source": "made up", "license": "CC0"}
    row |= {"metric": "validation_nll", "direction": "minimize", "cost_unit": "seconds", "max_fidelity": 2}
    return {**row, "feature.log_train_rows": 2.0, "feature.model_log_width": 2.0, **changes}


def run_rows(task, *, factor=1.0, seeds=(0,)):
    """Three runs a seed: one without a rank, and one that diverged after its first slice."""
    runs, curves = [], []
    for seed in seeds:
        for number, (method, losses) in enumerate(LOSSES.items()):
            name = f"{task}/{method}/{seed}"
            ok = len(losses) == 2
            run = {"run": name, "task": task, "seed": seed, "status": "ok" if ok else "diverged", "started": ""}
            run |= {"message": "" if ok else 'said "no", twice', "hardware": "x", "versions": "{}"}
            rank = None if method == "ia3" else 8 * (number + 1)
            run |= {"config.method": method, "config.learning_rate": 0.01 * factor * (number + 1), "config.rank": rank}
            runs.append({**run, "config.epochs": 2, "config.packed": number == 0})
            for fidelity, loss in enumerate(losses, start=1):
                scores = {"validation_value": loss + seed / 8, "validation_token_accuracy": 1 / 3}
                seconds = {"train_seconds": 2.0, "evaluation_seconds": 0.5}
                curves.append({"run": name, "fidelity": fidelity, "tokens": 10 * fidelity, **scores, **seconds})
    return runs, curves


def build(tasks, parts):
    runs = [run for part, _ in parts for run in part]
    curves = [one for _, part in parts for one in part]
    frames = (rows_to_frame(name, rows) for name, rows in (("tasks", tasks), ("runs", runs), ("curves", curves)))
    return MetaDataset(*frames, {"command": "made up"})


@pytest.fixture
def meta():
    other = task_row("b", **{"feature.log_train_rows": 2.5})
    return build([task_row("a"), other], [run_rows("a"), run_rows("b", seeds=(0, 1))])


def read(folder, name):
    return json.loads((folder / name).read_text())


class TestSyneTune:
    @pytest.fixture
    def folder(self, meta, tmp_path):
        assert export("syne-tune", meta, tmp_path / "out") == [
            "2 tasks, 3 configurations, 1 seed",
            "3 runs left out, of configurations or seeds that not all of the tasks have",
        ]
        return tmp_path / "out"

    def test_configurations_have_every_hyperparameter(self, folder):
        table = pq.read_table(folder / "hyperparameters.parquet").to_pydict()
        assert table["method"] == ["lora", "ia3", "dora"]
        assert table["rank"] == [8, 8, 24]
        assert table["packed"] == [True, False, False]
        header = read(folder, "metadata.json")
        assert (header["filled"], header["constant"]) == ({"rank": 8}, {"epochs": 2})

    def test_values_are_tasks_configurations_seeds_fidelities_objectives(self, folder):
        header = read(folder, "metadata.json")
        assert header["objectives_names"] == ["validation_nll", "validation_token_accuracy", "elapsed_time"]
        assert header["task_names"] == ["a", "b"]
        values = np.load(folder / "objectives_evaluations.npy")
        assert (values.shape, values.dtype) == ((2, 3, 1, 2, 3), np.float32)
        np.testing.assert_allclose(values[0, 0, 0], [[3.0, 1 / 3, 2.5], [2.0, 1 / 3, 5.0]])
        assert np.isnan(values[:, 2, 0, 1]).all()
        assert not np.isnan(values[:, :2]).any()
        np.testing.assert_array_equal(np.load(folder / "fidelities_values.npy"), [1, 2])

    def test_spaces_are_what_syne_tune_reads(self, folder):
        space = read(folder, "configspace.json")
        assert list(space) == list(pq.read_table(folder / "hyperparameters.parquet").column_names)
        uniform = {"sampler_cls": "Uniform", "sampler_kwargs": {}}
        assert space["rank"] == {"domain_cls": "Integer", "domain_kwargs": {"lower": 8, "upper": 24}, **uniform}
        assert space["method"]["domain_kwargs"] == {"categories": ["dora", "ia3", "lora"]}
        fidelity = {"domain_cls": "Integer", "domain_kwargs": {"lower": 1, "upper": 2}, **uniform}
        assert read(folder, "fidelityspace.json") == {"fidelity": fidelity}

    def test_wide_ranges_are_logarithmic(self, tmp_path):
        parts = [run_rows("a"), run_rows("b")]
        for runs, _ in parts:
            runs[2]["config.learning_rate"] = 1.0
        export("syne-tune", build([task_row("a"), task_row("b")], parts), tmp_path / "out")
        assert read(tmp_path / "out", "configspace.json")["learning_rate"]["sampler_cls"] == "LogUniform"

    def test_base_models_of_other_widths_are_matched(self, tmp_path):
        tasks = [task_row("a"), task_row("b", model="wide", **{"feature.model_log_width": np.log10(400)})]
        remarks = export("syne-tune", build(tasks, [run_rows("a"), run_rows("b", factor=0.25)]), tmp_path / "out")
        assert remarks == ["2 tasks, 3 configurations, 1 seed"]
        rates = pq.read_table(tmp_path / "out" / "hyperparameters.parquet").to_pydict()["learning_rate"]
        assert rates == [1.0, 2.0, 3.0]

    def test_a_task_that_lacks_configurations_is_left_out(self, meta, tmp_path):
        runs, curves = run_rows("c")
        tasks = [task_row(name) for name in ("a", "b", "c")]
        poor = (runs[:1], [one for one in curves if one["run"] == runs[0]["run"]])
        remarks = export("syne-tune", build(tasks, [run_rows("a"), run_rows("b"), poor]), tmp_path / "out")
        assert remarks[:2] == [
            "2 tasks, 3 configurations, 1 seed",
            "tasks left out, for they lack some of these configurations: c",
        ]

    def test_metrics_are_not_mixed(self, tmp_path):
        tasks = [task_row("a"), task_row("b", metric="accuracy", direction="maximize")]
        with pytest.raises(MetaDatasetError, match=r"have the metric accuracy, validation_nll, one is needed.*--task"):
            export("syne-tune", build(tasks, [run_rows("a"), run_rows("b")]), tmp_path / "out")

    def test_something_must_be_common(self, tmp_path):
        parts = [run_rows("a"), run_rows("b", factor=3.0)]
        parts = [(runs[:1], curves[:2]) for runs, curves in parts]
        with pytest.raises(MetaDatasetError, match="no two configurations in common; choose some"):
            export("syne-tune", build([task_row("a"), task_row("b")], parts), tmp_path / "out")


class TestQuickTuneTool:
    @pytest.fixture
    def tables(self, meta, tmp_path):
        assert export("quicktunetool", meta, tmp_path / "out") == []
        names = ("config", "meta", "curve", "cost")
        return {name: pd.read_csv(tmp_path / "out" / f"{name}.csv", index_col=0) for name in names}

    def test_rows_belong_together(self, tables, meta):
        assert all(list(table.index) == list(meta.runs["run"]) for table in tables.values())
        both = pd.concat([tables["config"], tables["meta"]], axis=1)
        assert len(set(both.columns)) == both.shape[1] == 7

    def test_curves_are_scores_of_which_more_is_better(self, tables):
        assert list(tables["curve"].columns) == ["1", "2"]
        np.testing.assert_allclose(tables["curve"].loc["a/lora/0"], np.exp([-3.0, -2.0]))
        assert np.isnan(tables["curve"].loc["a/dora/0", "2"])

    def test_cost_is_that_of_a_slice(self, tables):
        assert list(tables["cost"].columns) == ["cost"]
        assert set(tables["cost"]["cost"]) == {2.5}

    def test_it_can_be_imported_again(self, tables, meta, tmp_path):
        found = import_runs("quicktunetool", [str(tmp_path / "out")], ImportOptions(dataset="d", model="tiny"))
        for ours, theirs in zip(meta.runs["run"], found.runs["run"], strict=True):
            assert found.configurations[theirs].values == meta.configurations[ours].values
            np.testing.assert_allclose(found.curve(theirs).scores, np.exp(meta.curve(ours).scores))

    def test_units_of_cost_are_not_mixed(self, tmp_path):
        tasks = [task_row("a"), task_row("b", cost_unit="steps")]
        with pytest.raises(
            MetaDatasetError, match="count their cost in seconds, steps, which cannot be compared; choose"
        ):
            export("quicktunetool", build(tasks, [run_rows("a"), run_rows("b")]), tmp_path / "out")

    def test_a_run_without_a_slice_is_left_out(self, tmp_path):
        runs, curves = run_rows("a")
        remarks = export("quicktunetool", build([task_row("a")], [(runs, curves[:-1])]), tmp_path / "out")
        assert remarks == ["1 runs without a slice were left out"]


class TestCsv:
    def test_nothing_is_lost(self, meta, tmp_path):
        export("csv", meta, tmp_path / "out")
        found = read_exported_csv(tmp_path / "out")
        for table in ("tasks", "runs", "curves"):
            pd.testing.assert_frame_equal(getattr(found, table), getattr(meta, table))
        assert found.provenance == meta.provenance

    def test_a_person_can_read_it(self, meta, tmp_path):
        export("csv", meta, tmp_path / "out")
        runs = pd.read_csv(tmp_path / "out" / "runs.csv")
        assert list(runs["message"].dropna()) == ['said "no", twice'] * 3
        assert list(runs.columns) == list(meta.runs.columns)

    def test_a_damaged_table_is_named(self, meta, tmp_path):
        export("csv", meta, tmp_path / "out")
        path = tmp_path / "out" / "curves.csv"
        path.write_text(path.read_text().replace("2.5", "two and a half", 1).replace(",3,", ",three,", 1))
        with pytest.raises(MetaDatasetError, match="out is not what `foretune metadata export csv` writes"):
            read_exported_csv(tmp_path / "out")


def test_an_unknown_kind_is_named(meta, tmp_path):
    with pytest.raises(MetaDatasetError, match="cannot export to 'excel'; use one of syne-tune, quicktunetool, csv"):
        export("excel", meta, tmp_path / "out")


@pytest.mark.parametrize("kind", EXPORTS)
def test_no_file_is_overwritten(meta, tmp_path, kind):
    (tmp_path / "mine.txt").write_text("")
    with pytest.raises(MetaDatasetError, match="is not an empty folder; give another --out"):
        export(kind, meta, tmp_path)


def test_exporting_needs_no_other_tool(meta, tmp_path):
    for kind in EXPORTS:
        export(kind, meta, tmp_path / kind)
    assert not {"syne_tune", "qtt", "fastparquet"} & set(sys.modules)
