from __future__ import annotations

import pytest
from tiny_table import tiny_table

from foretune.benchmark.budgets import Amount, parse_amounts
from foretune.benchmark.replay import recorded_task
from foretune.errors import ConfigurationError


def test_runs_and_times_are_read_once_each_in_their_order():
    found = parse_amounts("1runs, 1run,2.5runs,300s,5m,1h")
    assert found == (Amount(1, "runs"), Amount(2.5, "runs"), Amount(300, "seconds"), Amount(3600, "seconds"))
    assert [str(one) for one in found] == ["1 run", "2.5 runs", "300s", "3600s"]


@pytest.mark.parametrize("text", ["", "3", "runs", "-1runs", "0s", "1runs,soon", "3 days"])
def test_what_is_no_budget_is_refused_with_an_example(text):
    with pytest.raises(ConfigurationError, match="is not a budget; give mean full runs of a task such as 3runs"):
        parse_amounts(text)


def test_a_run_is_the_mean_complete_run_of_the_task():
    recorded = recorded_task(tiny_table({"a": {1: [3.0, 3.0], 2: [3.0]}}, seconds=4.0), "a")
    assert Amount(3, "runs").seconds(recorded) == 24.0
    assert Amount(3, "seconds").seconds(recorded) == 3.0
