"""A search by Syne Tune: its scheduler driven by hand, and by its own tuner on a simulated machine."""

from datetime import datetime

import pytest
from replayed_search import losses_of, replayed_search, replayed_task, searched_by_slices
from synthetic_table import SLICES

from foretune.errors import ConfigurationError
from foretune.types import Configuration

pytest.importorskip("syne_tune.optimizer.scheduler", reason="needs the extra 'syne-tune'")

from syne_tune.backend.trial_status import Trial
from syne_tune.optimizer.schedulers.ask_tell_scheduler import AskTellScheduler

from foretune.integrations.syne_tune import TransferScheduler


class ByHand:
    """Trains a slice at a time, as a tuner with one worker does."""

    def __init__(self, scheduler):
        self.scheduler, self.trials, self.seen = scheduler, [], []

    def start(self):
        """The trial to train next, and the slices that it has."""
        suggestion = self.scheduler.suggest()
        if suggestion.spawn_new_trial_id:
            self.trials.append(Trial(len(self.trials), suggestion.config, datetime(2026, 1, 1)))
            self.scheduler.on_trial_add(self.trials[-1])
            self.seen.append(0)
            return self.trials[-1]
        return self.trials[suggestion.checkpoint_trial_id]

    def step(self, trial):
        """One more slice."""
        self.seen[trial.trial_id] += 1
        slices = self.seen[trial.trial_id]
        loss = losses_of(Configuration(trial.config))[slices - 1]
        result = {"validation_nll": loss, "slice": slices}
        decision = self.scheduler.on_trial_result(trial, result)
        if decision == "CONTINUE" and slices == SLICES:
            self.scheduler.on_trial_complete(trial, result)
            decision = "STOP"
        return (Configuration(trial.config).key, slices), decision


def steps(by_hand, count):
    found, trial = [], None
    while len(found) < count:
        trial = trial or by_hand.start()
        step, decision = by_hand.step(trial)
        found.append(step)
        trial = trial if decision == "CONTINUE" else None
    return found


def test_it_trains_what_a_search_of_foretune_trains_slice_by_slice():
    wanted = searched_by_slices(60)
    assert steps(ByHand(TransferScheduler(replayed_search())), 60) == wanted
    assert len({key for key, _ in wanted}) > 6  # some were left before their end


def test_trials_at_the_same_time_differ_and_one_that_fails_is_not_tried_again():
    by_hand = ByHand(TransferScheduler(replayed_search()))
    first, second, third = (by_hand.start() for _ in range(3))
    by_hand.scheduler.on_trial_error(second)
    later = [by_hand.start() for _ in range(len(replayed_task().candidates) - 3)]
    keys = {Configuration(trial.config).key for trial in (first, second, third, *later)}
    assert keys == {one.key for one in replayed_task().candidates}
    assert by_hand.scheduler.suggest() is None


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_its_slices():
    by_hand = ByHand(TransferScheduler(replayed_search()))
    trial = by_hand.start()
    by_hand.step(trial)
    assert by_hand.scheduler.on_trial_result(trial, {"validation_nll": float("inf"), "slice": 2}) == "STOP"
    (run,) = by_hand.scheduler._runs.values()
    assert (run.stage, run.finite) == ("failed", losses_of(Configuration(trial.config))[:1])
    assert Configuration(by_hand.start().config) != Configuration(trial.config)


def test_slices_that_are_reported_again_count_once():
    by_hand = ByHand(TransferScheduler(replayed_search()))
    trial = by_hand.start()
    for _ in range(2):
        by_hand.step(trial)
        by_hand.seen[0] = 0
    (run,) = by_hand.scheduler._runs.values()
    assert list(run.values) == [1]


def test_a_saved_tuner_goes_on_with_the_same():
    import dill

    by_hand = ByHand(TransferScheduler(replayed_search()))
    wanted = searched_by_slices(40)
    cut = next(at for at in range(20, 40) if wanted[at][0] != wanted[at - 1][0])  # a run is left
    assert steps(by_hand, cut) == wanted[:cut]
    by_hand.scheduler = dill.loads(dill.dumps(by_hand.scheduler))  # noqa: S301 - as Syne Tune saves it
    assert steps(by_hand, 40 - cut) == wanted[cut:]


def test_final_results_alone_are_taken_by_ask_and_tell():
    scheduler = TransferScheduler(replayed_search(), constants={"data": "questions.jsonl"})
    outside, found = AskTellScheduler(scheduler), []
    for _ in range(3):
        trial = outside.ask()
        assert trial.config.pop("data") == "questions.jsonl"
        outside.tell(trial, {"validation_nll": min(losses_of(Configuration(trial.config))), "slice": 1})
        found.append(trial.config)
    assert Configuration(found[0]) == replayed_search().default
    assert len({Configuration(one).key for one in found}) == 3


def test_mistakes_are_told():
    with pytest.raises(ConfigurationError, match="constants has rank, which foretune chooses"):
        TransferScheduler(replayed_search(), constants={"rank": 8})
    by_hand = ByHand(TransferScheduler(replayed_search()))
    trial = by_hand.start()
    with pytest.raises(ConfigurationError, match="a trial reported loss, without validation_nll and slice; report"):
        by_hand.scheduler.on_trial_result(trial, {"loss": 1.0})


@pytest.mark.slow
def test_its_own_tuner_trains_the_same_on_a_simulated_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNETUNE_FOLDER", str(tmp_path))
    import numpy as np
    from syne_tune import StoppingCriterion, Tuner
    from syne_tune.backend.simulator_backend.simulator_callback import SimulatorCallback
    from syne_tune.blackbox_repository import UserBlackboxBackend
    from syne_tune.blackbox_repository.blackbox import Blackbox
    from syne_tune.tuner_callback import TunerCallback

    class Replayed(Blackbox):
        def _objective_function(self, configuration, fidelity=None, seed=None):
            losses = np.nan_to_num(losses_of(Configuration(configuration)), nan=np.inf)
            return np.column_stack([losses, np.arange(1.0, SLICES + 1)])

        @property
        def fidelity_values(self):
            return np.arange(1, SLICES + 1)

    class Steps(TunerCallback):
        def __init__(self):
            self.found, self.decisions = [], set()

        def on_trial_result(self, trial, status, result, decision):
            self.found.append((Configuration(trial.config).key, result["slice"]))
            self.decisions.add(decision)

    names = {name: None for one in replayed_task().candidates for name in one.values}
    backend = UserBlackboxBackend(
        Replayed(names, {"slice": None}, ["validation_nll", "seconds"]), elapsed_time_attr="seconds"
    )
    recorded = Steps()
    Tuner(
        backend,
        TransferScheduler(replayed_search()),
        StoppingCriterion(max_num_trials_started=9),
        n_workers=1,
        sleep_time=0,
        callbacks=[SimulatorCallback(), recorded],
        tuner_name="replayed",
    ).run()
    assert recorded.found == searched_by_slices(len(recorded.found))
    assert recorded.decisions == {"CONTINUE", "PAUSE", "STOP"}
