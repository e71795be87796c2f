from __future__ import annotations

from synthetic_table import synthetic_table

from foretune.metadata import MetaDataset
from foretune.surrogate.examples import read_runs


def test_runs_that_the_machine_failed_at_are_left_out():
    table = synthetic_table()
    spoiled = table.runs.copy()
    spoiled.loc[0, "status"], spoiled.loc[0, "message"] = "out_of_memory", "made up"
    kept = read_runs([MetaDataset(table.tasks, spoiled, table.curves)])
    assert len(kept) == len(table.runs) - 1
