"""A search by Ray Tune: its searcher asked by hand, and by its own tuner, which fails, and is restored."""

import math

import pytest
from replayed_search import losses_of, replayed_search, replayed_task, searched_by_runs
from synthetic_table import SLICES

from foretune.errors import ConfigurationError
from foretune.types import Configuration

pytest.importorskip("ray.tune", reason="needs the extra 'ray-tune'")

from ray import tune
from ray.tune.search import Searcher

from foretune.integrations.ray_tune import TransferSearcher


def report(searcher, trial, losses):
    """As a trainable does that reports these, and returns."""
    for step, loss in enumerate(losses, start=1):
        searcher.on_trial_result(trial, {"validation_nll": loss, "training_iteration": step})
    searcher.on_trial_complete(trial, {"validation_nll": losses[-1], "training_iteration": len(losses)})


def trained(searcher, count, first=0):
    found = []
    for number in range(first, first + count):
        configuration = Configuration(searcher.suggest(f"t{number}"))
        report(searcher, f"t{number}", losses_of(configuration))
        found.append(configuration.key)
    return found


def stands(searcher):
    return [(run.stage, run.finite) for run in searcher._runs.values()]


def test_it_suggests_what_a_search_of_foretune_trains_whole():
    searcher = TransferSearcher(replayed_search())
    wanted = searched_by_runs(len(replayed_task().candidates))
    assert trained(searcher, len(wanted)) == wanted
    assert {len(finite) for _, finite in stands(searcher)} == {3, SLICES}
    assert searcher.suggest("another") == Searcher.FINISHED


def test_a_restored_searcher_goes_on_as_the_saved_one(tmp_path):
    searcher, restored = TransferSearcher(replayed_search()), TransferSearcher(replayed_search())
    wanted = searched_by_runs(6)
    assert trained(searcher, 3) == wanted[:3]
    searcher.suggest("t3")
    searcher.on_trial_result("t3", {"validation_nll": math.nan, "training_iteration": 1})
    searcher.save_to_dir(str(tmp_path), "now")
    restored.restore_from_dir(str(tmp_path))
    assert stands(restored) == stands(searcher)
    assert [*restored._runs] == ["t0", "t1", "t2", "t3"]
    assert restored.suggest("t4") == searcher.suggest("t4")
    (file,) = tmp_path.iterdir()
    file.write_text('{"schema": 2}', encoding="utf-8")
    with pytest.raises(ConfigurationError, match="has schema 2, expected 1; update foretune"):
        restored.restore(str(file))


def test_trials_at_the_same_time_differ_and_a_lost_one_keeps_its_slices():
    searcher = TransferSearcher(replayed_search())
    found = [Configuration(searcher.suggest(name)) for name in "abc"]
    assert found[0] == replayed_search().default
    assert len(set(found)) == 3
    losses = losses_of(found[1])
    searcher.on_trial_result("b", {"validation_nll": losses[0], "training_iteration": 1})
    searcher.on_trial_complete("b", error=True)
    assert stands(searcher)[-1] == ("failed", losses[:1])


def test_a_failed_trial_that_is_restarted_has_another_name():
    searcher = TransferSearcher(replayed_search())
    given = searcher.suggest("a")
    searcher.on_trial_complete("a", error=True)
    at = {f"config/{name}": value for name, value in given.items()}
    searcher.on_trial_result("b", {"validation_nll": 2.0, "training_iteration": 1, **at})
    assert stands(searcher) == [("failed", []), ("running", [2.0])]
    assert searcher._runs["b"].configuration == replayed_search().default
    searcher.on_trial_complete("c", error=True)  # of which nothing is known
    assert len(searcher._runs) == 2


@pytest.mark.parametrize(
    ("repeated", "stage"), [(False, "failed"), (True, "complete")], ids=["stopped", "returned after three"]
)
def test_a_run_that_a_scheduler_stops_is_not_complete(repeated, stage):
    searcher = TransferSearcher(replayed_search())
    searcher.suggest("a")
    for step in (1, 2, 3) if repeated else (1, 2):
        searcher.on_trial_result("a", {"validation_nll": 3.0 - step / 10, "training_iteration": step})
    searcher.on_trial_complete("a", {"validation_nll": 2.7, "training_iteration": 3})
    assert stands(searcher) == [(stage, pytest.approx([2.9, 2.8, 2.7]))]


@pytest.mark.parametrize(
    ("mode", "space", "message"),
    [
        (
            "max",
            {"data": "d"},
            "got mode='max', but validation_nll of the task 'task-3' is to minimize; give mode='min'",
        ),
        ("min", {"rank": 8}, "param_space has rank, expected constants that are no hyperparameters; leave"),
        ("min", {"lr": tune.uniform(0, 1)}, "param_space has lr, expected constants"),
        ("min", {"a": tune.grid_search([1])}, "param_space has a, expected constants"),
    ],
)
def test_mistakes_are_told(mode, space, message):
    with pytest.raises(ConfigurationError, match=message):
        TransferSearcher(replayed_search()).set_search_properties("validation_nll", mode, space)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of Ray
def test_its_own_tuner_trains_the_same_and_is_restored(tmp_path, monkeypatch):
    import ray

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")  # which leave files open
    curves = {one.key: losses_of(one) for one in replayed_task().candidates}

    def key_of(config):
        return Configuration({name: value for name, value in config.items() if name != "stop"}).key

    def train(config):
        from pathlib import Path

        for loss in curves[key_of(config)]:
            tune.report({"validation_nll": loss})
        if not Path(config["stop"]).exists():
            raise RuntimeError("the plug is pulled")

    def kept(tuner):
        return [(key_of(one.config), one.metrics["training_iteration"]) for one in tuner.fit()]

    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        settings = tune.TuneConfig(
            metric="validation_nll",
            mode="min",
            search_alg=TransferSearcher(replayed_search()),
            num_samples=3,
            max_concurrent_trials=1,
        )
        place = tune.RunConfig(name="replayed", storage_path=str(tmp_path), verbose=0)
        space = {"stop": str(tmp_path / "goes well")}
        found = kept(tune.Tuner(train, param_space=space, tune_config=settings, run_config=place))
        assert found[0] == (replayed_search().default.key, SLICES)
        assert len({key for key, _ in found}) == 3
        (tmp_path / "goes well").touch()
        restored = tune.Tuner.restore(str(tmp_path / "replayed"), train, restart_errored=True, param_space=space)
        again = kept(restored)
    finally:
        ray.shutdown()
    assert sorted(again) == sorted(found)
