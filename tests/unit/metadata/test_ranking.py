"""Tasks that tell that one configuration is better than another."""

import pytest
from tiny_table import tiny_table

from foretune.metadata.ranking import ranking_tasks, ranks_configurations
from foretune.types import VALIDATION_NLL, Metric


@pytest.mark.parametrize(
    ("metric", "configurations", "expected"),
    [
        (VALIDATION_NLL, ["a", "b", "a"], True),
        (VALIDATION_NLL, ["a", "a"], False),
        (VALIDATION_NLL, [], False),
        (Metric("train_loss", maximize=False), ["a", "b"], False),
        (Metric("Training loss", maximize=False), ["a", "b"], False),
    ],
)
def test_several_configurations_and_a_score_that_judges_rank(metric, configurations, expected):
    assert ranks_configurations(metric, configurations) is expected


def test_the_tasks_of_a_table_keep_their_order():
    table = tiny_table({"b": {1: [1.0], 2: [2.0]}, "once": {1: [1.0]}, "a": {1: [3.0], 2: [1.0]}})
    assert ranking_tasks(table) == ("b", "a")
