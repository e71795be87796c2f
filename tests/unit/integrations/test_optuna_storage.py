"""A search in a storage of Optuna: live, resumed, and without one that can be written."""

import optuna
import pytest
from finished_search import ENTRIES, IA3, LORA, an_entry
from optuna.trial import TrialState

from foretune.errors import ConfigurationError
from foretune.integrations.following import Following, followed
from foretune.integrations.optuna_storage import study_follower
from foretune.journal import create_journal
from foretune.tuner import Progress

REPORTS = tuple(entry.report for entry in ENTRIES)


@pytest.fixture
def address(tmp_path):
    return f"sqlite:///{tmp_path / 'trials.db'}"


@pytest.fixture(autouse=True)
def quiet():
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(before)


def following(output, address, said=None):
    return Following(output, lambda name: study_follower(address, name), (said if said is not None else []).append)


def tell(observer, *reports):
    observer(Progress(reports, None, 1.0, None))


def trials(address):
    (name,) = optuna.get_all_study_names(address)
    found = optuna.load_study(study_name=name, storage=address).trials
    return [(trial.state, trial.intermediate_values, trial.value) for trial in found]


def test_trials_are_there_while_they_run_and_end_as_their_runs(output, address):
    observer = following(output, address)
    tell(observer, *REPORTS[:2])
    assert trials(address) == [(TrialState.RUNNING, {1: 2.0}, None), (TrialState.RUNNING, {1: 2.5}, None)]
    tell(observer, *REPORTS)
    assert trials(address) == [(TrialState.COMPLETE, {1: 2.0, 2: 1.5}, 1.5), (TrialState.FAIL, {1: 2.5}, None)]
    (name,) = optuna.get_all_study_names(address)
    first, second = optuna.load_study(study_name=name, storage=address).trials
    assert first.params == dict(LORA.values)
    assert first.user_attrs == {"configuration": LORA.key, "seconds": 4.0}
    assert second.user_attrs == {"configuration": IA3.key, "seconds": 2.0, "message": "loss is NaN"}


def test_a_resumed_search_doubles_nothing(output, address):
    tell(following(output, address), *REPORTS[:3])
    resumed = following(output, address)
    tell(resumed, *REPORTS[:3])
    tell(resumed, *REPORTS)
    resumed.end()
    assert trials(address) == [(TrialState.COMPLETE, {1: 2.0, 2: 1.5}, 1.5), (TrialState.FAIL, {1: 2.5}, None)]


def test_what_a_search_leaves_is_pruned_but_its_best_is_complete(output, address):
    observer = following(output, address)
    tell(observer, *REPORTS[:2])
    observer.end()
    assert trials(address) == [(TrialState.COMPLETE, {1: 2.0}, 2.0), (TrialState.PRUNED, {1: 2.5}, 2.5)]
    later = an_entry(2, IA3, [2.5, 1.0], 16.0).report
    tell(following(output, address), *REPORTS[:2], later)
    assert trials(address)[2:] == [(TrialState.COMPLETE, {1: 2.5, 2: 1.0}, 1.0)]
    (name,) = optuna.get_all_study_names(address)
    numbers = [
        one.user_attrs.get("goes_on_with_trial") for one in optuna.load_study(study_name=name, storage=address).trials
    ]
    assert numbers == [None, None, 1]


def test_another_search_of_the_same_name_has_a_study_of_its_own(output, address):
    tell(following(output, address), *REPORTS[:1])
    create_journal(output / "journal.jsonl", {"task": {"max_fidelity": 2}, "setup_seconds": 1.5})
    tell(following(output, address), *REPORTS[:1])
    names = optuna.get_all_study_names(address)
    assert [name.rpartition("-")[0] for name in names] == ["run", "run"]
    assert len(set(names)) == 2


def test_a_tool_that_fails_is_said_once(output):
    said = []

    def fail(_):
        raise RuntimeError("the database is on fire\nat line 3")

    observer = Following(output, fail, said.append)
    tell(observer, *REPORTS[:1])
    tell(observer, *REPORTS[:2])
    observer.end()
    assert said == [f"note: from here on, the trials are in {output} alone: the database is on fire"]


def test_an_address_is_expected(output):
    with (
        pytest.raises(ConfigurationError, match=r"got 'trials\.db', expected the address .* sqlite:///trials\.db"),
        followed("trials.db", (), output, None),
    ):
        pass
