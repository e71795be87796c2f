"""A tabular blackbox for Syne Tune: every file and every value."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from runs_to_export import build, run_rows, task_row

from foretune.errors import MetaDatasetError
from foretune.interop.export_kinds import export


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
