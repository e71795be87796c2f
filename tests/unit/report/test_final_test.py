"""Test losses at the end of searches, from results whose figures can be seen."""

from __future__ import annotations

import math

import pandas as pd

from foretune.report.final_test import final_test_sheets

TASKS = [f"t{at}" for at in range(12)]
LOSSES = [0.1 * (1 + at) for at in range(12)]


def rows(method, losses, deviation=math.nan):
    return pd.DataFrame({"method": method, "task": TASKS, "test": losses, "test_deviation": deviation})


RESULTS = pd.concat(
    [rows("transfer", LOSSES), rows("double", [2 * one for one in LOSSES], 0.05), rows("same", LOSSES)],
    ignore_index=True,
)


def test_methods_stand_against_the_reference_by_the_ratio_of_their_losses():
    reference, double, same = final_test_sheets(RESULTS, "transfer")[0].rows
    assert reference == ["transfer", "0 %", "-", "1.5", "-"]
    assert double == ["double", "+100.0% [+100.0%, +100.0%]", "0/12", "3.0", double[-1]]
    assert float(double[-1]) < 0.01
    assert same == ["same", "+0.0% [+0.0%, +0.0%]", "0/0", "1.5", "1"]


def test_every_task_has_means_and_deviations_of_several_seeds():
    sheet = final_test_sheets(RESULTS, "transfer")[1]
    assert sheet.head == ["task", "transfer", "double", "same"]
    assert sheet.rows[1] == ["t1", "0.200", "0.400 ± 0.050", "0.200"]


def test_without_losses_or_the_reference_there_is_nothing_to_say():
    assert final_test_sheets(RESULTS.drop(columns=["test", "test_deviation"]), "transfer") == []
    assert final_test_sheets(RESULTS, "absent") == []
