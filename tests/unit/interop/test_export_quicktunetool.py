"""Tables for the predictors of quicktunetool."""

import numpy as np
import pandas as pd
import pytest
from runs_to_export import build, run_rows, task_row

from foretune.errors import MetaDatasetError
from foretune.interop import ImportOptions, import_runs
from foretune.interop.export_kinds import export


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

    def test_without_a_slice_there_is_nothing_to_export(self, tmp_path):
        runs, _ = run_rows("a")
        nothing = build([task_row("a")], [([{**run, "status": "failed", "message": "x"} for run in runs], [])])
        with pytest.raises(MetaDatasetError, match="no run of these tasks has a slice; there is nothing"):
            export("quicktunetool", nothing, tmp_path / "out")

    def test_other_metrics_are_scores_and_names_in_both_tables_are_told_apart(self, tmp_path):
        task = task_row("a", metric="error", direction="minimize", **{"feature.rank": 7.0})
        export("quicktunetool", build([task], [run_rows("a")]), tmp_path / "out")
        curve, meta = (pd.read_csv(tmp_path / "out" / f"{name}.csv", index_col=0) for name in ("curve", "meta"))
        assert curve.loc["a/lora/0"].tolist() == [-3.0, -2.0]
        assert meta["task_rank"].tolist() == [7.0] * 3
