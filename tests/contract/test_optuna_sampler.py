"""Optuna's own suite for samplers, and that studies are searched as foretune searches."""

from __future__ import annotations

from collections.abc import Iterator

import optuna
import pytest
from optuna.testing.pytest_samplers import BasicSamplerTestCase, RelativeSamplerTestCase, SingleOnlySamplerTestCase
from synthetic_table import synthetic_surrogates, synthetic_table

from foretune.benchmark.replay import RecordedTask, recorded_task
from foretune.errors import ConfigurationError
from foretune.integrations.optuna import TransferPruner, TransferSampler, suggest
from foretune.optimizer import Search
from foretune.optimizer.in_context import transfer_in_context
from foretune.space import load_space
from foretune.surrogate import save_surrogates
from foretune.types import Configuration, LearningCurve, Report, Status, Trial

SPACE = load_space("peft", hidden_size=192)


@pytest.fixture(scope="module")
def task() -> RecordedTask:
    return recorded_task(synthetic_table(), "task-3")


@pytest.fixture(scope="module")
def search(task) -> Search:
    first, *others = task.candidates
    return Search(task.task, others, first, synthetic_surrogates("in-context"))


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(before)


class TestTransferSampler(BasicSamplerTestCase, RelativeSamplerTestCase, SingleOnlySamplerTestCase):
    @pytest.fixture
    def sampler(self, search):
        return lambda: TransferSampler(search)


def losses(task: RecordedTask, configuration: Configuration) -> list[float]:
    return [-score for score in task.recordings[configuration.key].curve.scores.tolist()]


def objective_on(task: RecordedTask):
    def objective(trial: optuna.Trial) -> float:
        curve = losses(task, Configuration(suggest(trial, SPACE)))
        for step, loss in enumerate(curve, start=1):
            trial.report(loss, step)
            if step < len(curve) and trial.should_prune():
                raise optuna.TrialPruned
        if len(curve) < 8:
            raise RuntimeError("it diverged")
        return min(curve)

    return objective


def searched(search: Search, task: RecordedTask, rounds: int, *, prunes: bool) -> list[tuple[Configuration, int]]:
    """Configurations in the order of foretune's own search, with the slices trained; what it leaves is given up."""
    found: list[tuple[Configuration, int]] = []
    told: list[Report] = []

    def asked(*more: Report) -> Configuration:
        optimizer = transfer_in_context(search)
        for report in (*told, *more):
            optimizer.tell(report)
        trial = optimizer.ask()
        assert trial is not None
        return trial.configuration

    for _ in range(rounds):
        configuration = asked()
        curve = task.recordings[configuration.key].curve
        slices = 1
        while slices < len(curve):
            part = LearningCurve(curve.scores[:slices], curve.seconds[:slices])
            if prunes and asked(Report(Trial(0, configuration, slices), Status.OK, part)) != configuration:
                break
            slices += 1
        part = LearningCurve(curve.scores[:slices], curve.seconds[:slices])
        status = Status.OK if len(part) == 8 else Status.FAILED
        told.append(Report(Trial(0, configuration, 8), status, part))
        found.append((configuration, len(part)))
    return found


def trained(study: optuna.Study) -> list[tuple[Configuration, int]]:
    return [(Configuration(trial.params), len(trial.intermediate_values)) for trial in study.trials]


@pytest.mark.parametrize("prunes", [False, True])
def test_a_study_is_searched_as_foretune_searches(search, task, prunes):
    sampler = TransferSampler(search)
    pruner = TransferPruner(sampler) if prunes else optuna.pruners.NopPruner()
    study = optuna.create_study(sampler=sampler, pruner=pruner)
    study.optimize(objective_on(task), n_trials=8, catch=RuntimeError)
    assert trained(study) == searched(search, task, 8, prunes=prunes)
    assert trained(study)[0] == (search.default, 8)
    assert any(slices < 8 for _, slices in trained(study)) or not prunes


def test_another_process_goes_on_where_the_first_one_stopped(search, task, tmp_path):
    address = f"sqlite:///{tmp_path / 'study.db'}"
    for trials in (3, 2):
        study = optuna.create_study(
            storage=address, study_name="s", load_if_exists=True, sampler=TransferSampler(search)
        )
        study.optimize(objective_on(task), n_trials=trials, catch=RuntimeError)
    assert trained(study) == searched(search, task, 5, prunes=False)


def test_trials_under_way_at_the_same_time_differ(search):
    study = optuna.create_study(sampler=TransferSampler(search))
    found = [Configuration(suggest(study.ask(), SPACE)) for _ in range(4)]
    assert found[0] == search.default
    assert len(set(found)) == 4


def test_a_range_that_excludes_the_choice_is_left_to_the_other_sampler(search):
    class Least(optuna.samplers.RandomSampler):
        def sample_independent(self, study, trial, name, distribution):
            return distribution.choices[0] if hasattr(distribution, "choices") else distribution.low

    study = optuna.create_study(sampler=TransferSampler(search, independent_sampler=Least()))
    trial = study.ask()
    assert trial.suggest_float("learning_rate", 0.5, 1.0) == 0.5
    assert trial.suggest_categorical("batch_size", [1, 3]) == 1
    assert trial.suggest_int("epochs", 1, 20) == search.default.values["epochs"]
    assert trial.suggest_float("temperature", 2.0, 3.0) == 2.0


def test_a_final_value_alone_counts_as_a_whole_run(search, task):
    study = optuna.create_study(sampler=TransferSampler(search))
    study.optimize(lambda trial: min(losses(task, Configuration(suggest(trial, SPACE)))), n_trials=2)
    flat = LearningCurve([-min(losses(task, search.default))] * 8, [1.0] * 8)
    optimizer = transfer_in_context(search)
    optimizer.tell(Report(Trial(0, search.default, 8), Status.OK, flat))
    following = optimizer.ask()
    assert following is not None
    assert trained(study)[1][0] == following.configuration


def test_a_study_of_the_other_direction_is_refused(search):
    study = optuna.create_study(direction="maximize", sampler=TransferSampler(search))
    with pytest.raises(
        ConfigurationError, match=r"got direction='maximize', but .* is to minimize; give direction='minimize'"
    ):
        study.ask().suggest_float("learning_rate", 1e-5, 1.0)


def test_a_task_of_meta_features_and_a_folder_is_enough(search, task, tmp_path):
    save_surrogates(tmp_path / "learned", synthetic_surrogates("in-context"))
    sampler = TransferSampler.of_task(task.task, tmp_path / "learned", candidates=20)
    study = optuna.create_study(sampler=sampler)
    assert Configuration(suggest(study.ask(), SPACE)) == SPACE.default()
