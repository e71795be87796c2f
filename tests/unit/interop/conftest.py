"""Tables that the tests of exports share."""

import pytest
from runs_to_export import build, run_rows, task_row


@pytest.fixture
def meta():
    other = task_row("b", **{"feature.log_train_rows": 2.5})
    return build([task_row("a"), other], [run_rows("a"), run_rows("b", seeds=(0, 1))])
