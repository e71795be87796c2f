import numpy as np
import pytest

from foretune.execution.pruning import needed_by, prune_checkpoints
from foretune.types import CONTINUES, Configuration, LearningCurve, Report, Status, Trial

SLICES = 3


def a_report(name, slices, status=Status.OK):
    fidelity = slices + (status is not Status.OK)
    curve = LearningCurve(-np.arange(1.0, slices + 1), np.ones(slices))
    return Report(Trial(0, Configuration({"name": name}), fidelity), status, curve, "", 1.0)


BEGUN, FINISHED, BROKEN, BEST = (
    a_report("begun", 1),
    a_report("finished", SLICES),
    a_report("broken", 1, Status.DIVERGED),
    a_report("best", SLICES),
)
HISTORY = (a_report("finished", 1), BEGUN, BROKEN, FINISHED, BEST)


def key(report):
    return report.trial.configuration.key


@pytest.fixture
def trials(tmp_path):
    for report in HISTORY:
        for part in ("state", "best"):
            (tmp_path / key(report) / part).mkdir(parents=True, exist_ok=True)
            (tmp_path / key(report) / part / "weights").write_text("...")
        (tmp_path / key(report) / "slices.jsonl").write_text("{}\n")
    return tmp_path


def left(trials, report):
    return {path.name for path in (trials / key(report)).iterdir()} - {"slices.jsonl"}


def test_several_may_be_best(trials):
    prune_checkpoints(trials, HISTORY, max_fidelity=SLICES, best={key(BEST), key(BEGUN), key(BROKEN)})
    assert [left(trials, one) for one in (BEST, BEGUN, BROKEN)] == [{"best"}, {"state", "best"}, {"best"}]
    assert left(trials, FINISHED) == set()


def test_what_can_go_on_keeps_its_state_and_the_best_its_adapter(trials):
    for _ in range(2):  # twice, as after a kill
        prune_checkpoints(trials, HISTORY, max_fidelity=SLICES, best={key(BEST)})
        assert left(trials, BEGUN) == {"state"}
        assert left(trials, FINISHED) == set()
        assert left(trials, BROKEN) == set()
        assert left(trials, BEST) == {"best"}
    assert all((trials / key(report) / "slices.jsonl").exists() for report in HISTORY)


def test_what_is_to_be_kept_is_left_alone(trials):
    prune_checkpoints(trials, HISTORY, max_fidelity=SLICES, best={key(BEST)}, keep={key(FINISHED)})
    assert left(trials, FINISHED) == {"state", "best"}


def test_runs_under_way_need_their_own_checkpoints_and_those_that_they_begin_with():
    other = Configuration({"name": "other"})
    continued = Configuration({"name": "best", CONTINUES: key(BEST)})
    pending = [Trial(7, other, 1), Trial(8, continued, 1)]
    assert needed_by(pending) == {other.key, continued.key, key(BEST)}
    assert needed_by(()) == set()
