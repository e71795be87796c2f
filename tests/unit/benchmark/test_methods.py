"""What each method trains first, on a table small enough to know it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from synthetic_table import synthetic_surrogates, synthetic_table
from tiny_table import setting_of, tiny_table

from foretune.benchmark import knowledge as knowledge_module
from foretune.benchmark.methods import METHODS, choose
from foretune.benchmark.replay import simulate
from foretune.benchmark.replay_task import nearest_in_size
from foretune.errors import ConfigurationError
from foretune.types import VALIDATION_NLL, Configuration, Task


def order_of(name, table, task, folder, seed=0, **changes):
    """Ranks in the order in which they are first trained."""
    recorded, setting = setting_of(table, task, folder, **changes)
    (chosen,) = choose([name])
    optimizer = chosen.make(setting, seed)
    asked = []
    while (trial := optimizer.ask()) is not None:
        asked.append(trial.configuration.values["rank"])
        optimizer.tell(recorded.evaluate(trial))
    return list(dict.fromkeys(asked))


def test_the_average_the_portfolio_and_the_nearest_task_order_the_pool(table, tmp_path):
    assert order_of("best-average", table, "c", tmp_path)[0] == 2
    assert order_of("portfolio", table, "c", tmp_path)[:2] == [2, 4]
    assert order_of("nearest-task", table, "c", tmp_path) == [2, 3, 1, 4]
    assert order_of("nearest-task", table, "a", tmp_path) == [2, 3, 1, 4]


def test_a_portfolio_after_the_default_begins_with_it(table, tmp_path):
    assert order_of("portfolio:after_default=1", table, "c", tmp_path)[0] == 1
    assert order_of("portfolio:after_default=1:cost_power=1", table, "c", tmp_path)[0] == 1
    assert sorted(order_of("portfolio:same_size=1", table, "c", tmp_path)) == [1, 2, 3, 4]


def test_only_tasks_whose_base_model_is_nearest_in_size_count_as_of_the_same_size():
    def task(size):
        return Task("made up", VALIDATION_NLL, {} if size is None else {"model_log_parameters": size}, max_fidelity=8)

    others = [task(5.0), task(6.0), task(6.0), task(9.0)]
    assert nearest_in_size(task(6.3), others) == [1, 2]
    assert nearest_in_size(task(8.0), others) == [3]
    assert nearest_in_size(task(None), others) == [0, 1, 2, 3]


def test_the_nearest_task_is_near_in_meta_features(tmp_path):
    curves = {1: [1.0], 2: [2.0]}, {1: [2.0], 2: [1.0]}
    losses = {"a": curves[0], "b": curves[1], "c": curves[0]}
    for size, expected in ((1.2, [1, 2]), (8.0, [2, 1])):
        table = tiny_table(losses, features={"a": 1.0, "b": 9.0, "c": size})
        assert order_of("nearest-task", table, "c", tmp_path) == expected


def test_candidates_that_no_other_task_knows_come_last_in_an_order_of_the_seed(tmp_path):
    other = {1: [1.0], 2: [2.0]}
    table = tiny_table({"a": other, "b": other, "c": {rank: [1.0] for rank in (9, 8, 7, 6, 2, 1)}})
    orders = [order_of("portfolio", table, "c", tmp_path, seed=seed) for seed in range(5)]
    assert all(order[:2] == [1, 2] and sorted(order) == [1, 2, 6, 7, 8, 9] for order in orders)
    assert len({tuple(order) for order in orders}) > 1


def test_configurations_are_matched_relative_to_the_width_of_the_base_model(table, tmp_path):
    _, setting = setting_of(synthetic_table(), "task-3", tmp_path, hidden_size=192)
    assert len(setting.average) == 16
    wider = [
        Configuration({**one.values, "learning_rate": float(one.values["learning_rate"]) / 4})
        for one in setting.candidates
    ]
    _, other = setting_of(synthetic_table(), "task-3", tmp_path, hidden_size=768)
    object.__setattr__(other, "candidates", tuple(wider))
    places = {one.key: place for place, one in enumerate(setting.candidates)}
    wider_places = {one.key: place for place, one in enumerate(wider)}
    assert [wider_places[one.key] for one in other.average] == [places[one.key] for one in setting.average]


def test_the_first_of_every_contestant_is_what_it_should_be(table, tmp_path):
    assert order_of("zero-shot", table, "c", tmp_path) == []
    assert order_of("default", table, "c", tmp_path) == [1]
    assert order_of("random", table, "c", tmp_path)[0] == 1
    assert order_of("portfolio-sha", table, "c", tmp_path)[:3] == [1, 2, 4]
    assert sorted(order_of("one-slice-top-k:count=2:keep=1", table, "c", tmp_path)) == [1, 2, 3, 4]


def test_the_oracle_takes_what_reaches_most_within_the_seconds(tmp_path):
    table = tiny_table({"a": {1: [5.0, 1.0], 2: [3.0, 2.0]}, "b": {1: [1.0, 1.0]}, "c": {1: [1.0, 1.0]}})
    recorded, setting = setting_of(table, "a", tmp_path)
    (oracle,) = choose(["oracle"])
    for seconds, score in ((1.0, -3.0), (2.0, -1.0), (math.inf, -1.0)):
        points = simulate(oracle.make(replace(setting, answers=recorded), 0), recorded, seconds)
        assert points[-1].score == score


def test_the_oracle_after_the_default_has_what_is_left(tmp_path):
    table = tiny_table({"a": {1: [5.0, 4.0], 2: [3.0, 2.0]}, "b": {1: [1.0, 1.0]}, "c": {1: [1.0, 1.0]}})
    recorded, setting = setting_of(table, "a", tmp_path)
    setting = replace(setting, answers=recorded, default=recorded.candidates[0])
    (oracle,) = choose(["oracle:after_default=1"])
    for seconds, score in ((1.0, -5.0), (2.0, -4.0), (3.0, -3.0), (4.0, -2.0)):
        points = simulate(oracle.make(setting, 0), recorded, seconds)
        assert points[-1].score == score


def test_no_method_but_the_oracle_sees_answers():
    assert [name for name, method in METHODS.items() if method.sees_answers] == ["oracle"]


def test_options_become_arguments_and_mistakes_are_named():
    (chosen,) = choose(["portfolio-sha:eta=3", "portfolio-sha:eta=3"])
    assert (chosen.name, dict(chosen.options)) == ("portfolio-sha:eta=3", {"eta": 3})
    with pytest.raises(ConfigurationError, match="no method is called 'bayes'; choose from zero-shot, default, random"):
        choose(["bayes"])
    for wrong in ("eta=1", "eta", "rate=3"):
        with pytest.raises(ConfigurationError, match=r"is no option of the method 'portfolio-sha'.*it has: eta"):
            choose([f"portfolio-sha:{wrong}"])
    with pytest.raises(ConfigurationError, match="it has: portfolio, horizon, cost_power"):
        choose(["transfer:horizon=soon"])


@pytest.mark.parametrize(
    "name",
    [
        "quick-tune:steps=0",
        "quick-tune:steps=2:standardized_cost=1",
        "quick-tune-repaired",
        "quick-tune-repaired:steps=0",
    ],
)
def test_quick_tune_improves_on_the_default_whichever_way(tmp_path, monkeypatch, name):
    monkeypatch.setattr(knowledge_module, "fit", lambda *_, **__: synthetic_surrogates())
    recorded, setting = setting_of(synthetic_table(), "task-3", tmp_path)
    (chosen,) = choose([name])
    points = simulate(chosen.make(setting, 0), recorded, 3 * recorded.mean_run_seconds, first=setting.candidates[:1])
    assert points[-1].score > points[8].score


def test_a_switch_is_0_or_1():
    with pytest.raises(ConfigurationError, match="it has: steps, standardized_cost"):
        choose(["quick-tune:standardized_cost=yes"])
