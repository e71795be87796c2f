"""A whole comparison on a tiny table: nothing leaks, nothing is done twice, and the figures are right."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from synthetic_table import synthetic_surrogates, synthetic_table
from tiny_table import four_tasks, tiny_table

from foretune.benchmark import compare
from foretune.benchmark import knowledge as knowledge_module
from foretune.benchmark.budgets import parse_amounts
from foretune.benchmark.compare import JOURNAL, Terms, prepare, replay_all
from foretune.benchmark.figures import means, ranks, regret_curves, results_frame, scales_of
from foretune.benchmark.headroom import headrooms
from foretune.benchmark.methods import METHODS, Method
from foretune.benchmark.replay import recorded_task, simulate
from foretune.benchmark.timing import Timing, timing_of
from foretune.errors import ConfigurationError, MetaDatasetError
from foretune.metadata import MetaDataset
from foretune.metadata.noise import seed_noise
from foretune.optimizer.baselines import Ordered
from foretune.optimizer.in_context import TransferInContext
from foretune.space import load_space
from foretune.types import Configuration

FREE = {"charge_overhead": False}


def contest_of(table, folder, methods, budget="1runs,2runs", leave_out="task", target=None, known=METHODS, **terms):
    given = Terms(leave_out, parse_amounts(budget), **{"seeds": 2, **FREE, **terms})
    return prepare(table, target or table, given, load_space("peft"), folder / "surrogates", methods, known)


def frame_of(table, folder, methods, **arguments):
    contest = contest_of(table, folder, methods, **arguments)
    searches = replay_all(contest, folder)
    return results_frame(searches, contest, scales_of(contest, seed_noise(table)), table)


@pytest.mark.parametrize("leave_out", ["task", "family", "model"])
def test_no_method_ever_sees_the_group_of_its_task(tmp_path, leave_out):
    whole, seen = synthetic_table(), []
    tasks = whole.tasks.assign(model=[f"model {index % 2}" for index in range(len(whole.tasks))])
    table = MetaDataset(tasks, whole.runs, whole.curves)

    def spy(setting, seed):
        seen.append((setting.task.id, setting.knowledge, setting.answers))
        return Ordered(setting.task, setting.average)

    known = {**METHODS, "spy": Method(spy, stochastic=False)}
    replay_all(contest_of(table, tmp_path, ["spy"], leave_out=leave_out, known=known), tmp_path)
    of = {"task": {task: task for task in table.task_ids}, "family": table.families, "model": table.models}[leave_out]
    assert {task for task, *_ in seen} == set(table.task_ids)
    for task, given, answers in seen:
        assert answers is None
        kept = set(given.meta.task_ids)
        assert kept == {other for other in table.task_ids if of[other] != of[task]}
        assert set(given.ranks.tasks) <= kept
        assert set(given.meta.runs["task"]) <= kept


def test_surrogates_are_fitted_once_a_group_on_the_others_and_kept_for_the_same_data(tmp_path, monkeypatch):
    table, fits = synthetic_table(), []

    def quick(tables, *, seed, space, kind, judge):
        fits.append(set(tables[0].families.values()))
        encoder = knowledge_module.encoder_for(tables, space)
        card = {
            "data_sha256": [knowledge_module.data_sha256(tables[0])],
            "encoder_sha256": knowledge_module.encoder_sha256(encoder),
        }
        surrogates = synthetic_surrogates()
        return type(surrogates)(surrogates.performance, surrogates.cost, card)

    monkeypatch.setattr(knowledge_module, "fit", quick)
    for _ in range(2):
        contest = contest_of(table, tmp_path, ["transfer"], leave_out="family")
        for setting in contest.settings.values():
            assert setting.knowledge.surrogates("deep-kernel")
    assert len(fits) == 4
    assert all(len(families) == 3 for families in fits)
    assert sorted(one.name for one in (tmp_path / "surrogates").iterdir()) == ["alpha", "beta", "delta", "gamma"]


def test_transfer_begins_with_the_default_or_else_with_its_best_prediction(tmp_path, monkeypatch):
    monkeypatch.setattr(knowledge_module, "fit", lambda *_, **__: synthetic_surrogates())
    contest = contest_of(synthetic_table(), tmp_path, ["transfer"], leave_out="family", budget="1runs")
    searches = replay_all(contest, tmp_path)
    assert len(searches) == 8
    assert all(one.slices > 0 for one in searches)


def test_finished_searches_are_not_made_again_unless_data_or_terms_change(tmp_path):
    table, made = four_tasks(), []

    def counting(setting, seed):
        made.append(setting.task.id)
        return Ordered(setting.task, setting.average)

    known = {**METHODS, "counting": Method(counting)}
    first = replay_all(contest_of(table, tmp_path, ["counting"], known=known), tmp_path)
    assert len(made) == 4 * 2 * 2
    journal = tmp_path / JOURNAL
    journal.write_text(journal.read_text()[:-20])  # as a kill may leave it
    assert replay_all(contest_of(table, tmp_path, ["counting"], known=known), tmp_path) == first
    assert len(made) == 4 * 2 * 2 + 1
    replay_all(contest_of(table, tmp_path, ["counting"], known=known, budget="1runs,2runs,3runs"), tmp_path)
    assert len(made) == 4 * 2 * 3 + 1
    replay_all(contest_of(table, tmp_path, ["counting"], known=known, leave_out="family"), tmp_path)
    assert len(made) == 4 * 2 * 3 + 1 + 4 * 2 * 2
    replay_all(
        contest_of(tiny_table({one: {1: [1.0], 2: [2.0]} for one in "abc"}), tmp_path, ["counting"], known=known),
        tmp_path,
    )
    assert len(made) == 4 * 2 * 3 + 1 + 4 * 2 * 2 + 3 * 2 * 2


def test_tasks_that_rank_no_configurations_are_neither_learned_from_nor_replayed(tmp_path):
    table = tiny_table({"once": {1: [1.0]}, **{one: {1: [1.0], 2: [2.0]} for one in "abc"}})
    contest = contest_of(table, tmp_path, ["random"])
    assert set(contest.recorded) == set("abc")
    assert set(contest.settings["a"].knowledge.meta.task_ids) == set("bc")
    assert contest.notes == ("1 tasks that rank no configurations, of one configuration or by the loss of training",)


def test_figures_of_a_task_by_hand(tmp_path):
    frame = frame_of(four_tasks(), tmp_path, ["zero-shot", "default", "best-average", "oracle"], budget="1runs,2runs")
    rows = frame[(frame["task"] == "c") & (frame["seed"] == 0)].set_index(["method", "budget"])
    # The peaks are 4, 2, 3 and 5: best 2, median 3.5, default (rank 1) 4; a run takes 2 s.
    assert rows.loc[("default", "1 run"), "validation"] == 4.0
    assert rows.loc[("default", "1 run"), "test"] == 4.5
    assert rows.loc[("default", "1 run"), "regret_default"] == 1.0
    assert rows.loc[("default", "1 run"), "regret_median"] == pytest.approx(2 / 1.5)
    assert rows.loc[("best-average", "2 runs"), "regret_median"] == 0.0
    assert rows.loc[("oracle", "1 run"), "regret_default"] == 0.0
    assert rows.loc[("zero-shot", "1 run"), "regret_default"] == pytest.approx(3.5)
    assert rows.loc[("zero-shot", "1 run"), "runs_to_default"] == 1.0
    assert math.isnan(rows.loc[("zero-shot", "1 run"), "seconds_to_default"])
    assert rows.loc[("default", "2 runs"), "seconds_to_default"] == 2.0
    # From 0 to 1 s at 9, to 2 s at 5, to 3 s at 4, to 4 s at 3 (the first slice of rank 2).
    steps = np.array([9.0, 5.0, 4.0, 3.0])
    assert rows.loc[("best-average", "2 runs"), "area"] == pytest.approx(np.minimum((steps - 2) / 1.5, 1.0).mean())


def test_means_ranks_and_curves_over_tasks(tmp_path):
    table = four_tasks()
    contest = contest_of(table, tmp_path, ["default", "best-average", "oracle", "oracle:after_default=1"])
    searches, scales = replay_all(contest, tmp_path), scales_of(contest, seed_noise(table))
    frame = results_frame(searches, contest, scales, table)
    found = means(frame, "regret_default")
    assert found["default", "1 run"].mean == 1.0
    assert found["best-average", "2 runs"].tasks == 4
    order = ranks(frame, ["default", "best-average"])
    assert order["default", "1 run"] == order["best-average", "1 run"] == 1.5
    assert order["best-average", "2 runs"] < order["default", "2 runs"]
    curves = regret_curves(searches, contest, scales)
    assert curves["oracle"].mean[-1] == 0.0
    assert (curves["oracle"].mean <= curves["oracle:after_default=1"].mean + 1e-12).all()
    assert (curves["oracle:after_default=1"].mean <= curves["best-average"].mean + 1e-12).all()
    assert (curves["oracle:after_default=1"].mean < curves["default"].mean).any()


def test_a_default_that_is_the_best_leaves_the_task_out_of_that_unit(tmp_path):
    curves = {1: [2.0], 2: [3.0], 3: [4.0]}
    frame = frame_of(tiny_table(dict.fromkeys("abc", curves), default=1), tmp_path, ["default", "random"])
    assert frame["regret_default"].isna().all()
    assert (frame["regret_median"] == 0.0).all()


def test_nothing_is_seeded_where_the_default_is_unknown_or_not_wanted(tmp_path):
    curves = {1: [4.0], 2: [2.0], 3: [3.0]}
    known = tiny_table(dict.fromkeys("abc", curves), default=1)
    for table, terms in (
        (known, {"default_first": False}),
        (tiny_table(dict.fromkeys("abc", curves)), {}),
        (tiny_table(dict.fromkeys("abc", curves), default=7), {}),
    ):
        frame = frame_of(table, tmp_path, ["best-average"], budget="1runs", **terms)
        assert (frame["validation"] == 2.0).all()
    assert (frame_of(known, tmp_path, ["best-average"], budget="1runs")["validation"] == 4.0).all()


def test_the_time_of_a_method_is_charged(tmp_path, monkeypatch):
    readings = iter(range(100_000))
    monkeypatch.setattr("foretune.benchmark.compare.time.perf_counter", lambda: float(next(readings)) / 4)
    table = four_tasks()
    charged = frame_of(table, tmp_path, ["best-average"], budget="2runs", charge_overhead=True)
    free = frame_of(table, tmp_path, ["best-average"], budget="2runs")
    assert (charged["overhead_seconds"] > 0.5).all()
    assert (free["overhead_seconds"] == 0).all()
    assert (charged["slices"] < free["slices"]).all()


def test_another_table_is_learned_from_than_replayed_and_groups_are_left_out_of_it_too(tmp_path):
    curves = {1: [4.0], 2: [2.0], 3: [3.0]}
    learned = tiny_table(dict.fromkeys("abcd", curves), families={"a": "shared"})
    target = tiny_table(dict.fromkeys("xy", curves), families={"x": "shared"})
    contest = contest_of(learned, tmp_path, ["best-average"], leave_out="family", target=target)
    assert contest.settings["x"].knowledge.meta.task_ids == ("b", "c", "d")
    assert contest.settings["y"].knowledge.meta.task_ids == ("a", "b", "c", "d")
    assert all(one.steps[-1][1] == -2.0 for one in replay_all(contest, tmp_path))


def test_too_little_to_learn_from_is_refused(tmp_path):
    curves = {1: [4.0], 2: [2.0]}
    with pytest.raises(MetaDatasetError, match="at least 3 tasks with runs, got 2"):
        contest_of(tiny_table({"a": curves, "b": curves}), tmp_path, ["random"])
    one = tiny_table(dict.fromkeys("abc", curves), families=dict.fromkeys("abc", "only"))
    with pytest.raises(MetaDatasetError, match="all tasks are of the family 'only'"):
        contest_of(one, tmp_path, ["random"], leave_out="family")


def test_what_a_method_lacks_is_said_before_anything_runs(tmp_path):
    table = tiny_table({one: {1: [4.0], 2: [2.0]} for one in "abc"})
    with pytest.raises(ConfigurationError, match=r"'transfer' cannot run here.*leave it out of --methods"):
        contest_of(table, tmp_path, ["random", "transfer"])
    with pytest.raises(ConfigurationError, match="'default' cannot run here: the table knows no default"):
        contest_of(table, tmp_path, ["default"])
    contest = contest_of(table, tmp_path, None)
    able = {one.name for one in contest.methods}
    assert not able & {"default", "transfer", "quick-tune", "quick-tune-repaired"}
    assert len(contest.notes) == len(METHODS) - len(able)


def test_headroom_by_hand(tmp_path):
    repeats = [("c", 2, [3.0, 2.4]), ("d", 4, [9.0, 4.0])]
    curves = {1: [5.0, 4.0], 2: [3.0, 2.0], 3: [3.5, 3.0], 4: [6.0, 5.0]}
    odd = {1: [5.0, 4.0], 2: [5.0, 4.5], 3: [6.0, 5.0], 4: [3.0, 2.0]}
    table = tiny_table({"a": curves, "b": curves, "c": curves, "d": odd}, default=1, repeats=repeats)
    contest = contest_of(table, tmp_path, ["random"])
    found = {one.task: one for one in headrooms(contest.recorded, contest.settings, seed_noise(table))}
    c, d = found["c"], found["d"]
    assert (c.default, c.average, c.portfolio_many, c.oracle, c.headroom) == (4.0, 2.0, 2.0, 2.0, 2.0)
    assert c.noise == pytest.approx(math.sqrt(2 * 0.2**2))
    assert c.discriminates is True
    assert (d.average, d.oracle, d.discriminates) == (4.5, 2.0, False)
    assert found["a"].discriminates is None


def test_a_line_of_the_journal_is_plain_json(tmp_path):
    table = tiny_table({one: {1: [4.0], 2: [4.0]} for one in "abc"}, zero_shot=None)
    replay_all(contest_of(table, tmp_path, ["random"], budget="5s"), tmp_path)
    line = (tmp_path / JOURNAL).read_text().splitlines()[0]
    row = json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert row["steps"] == [[0.0, None, None], [1.0, -4.0, -4.5]]
    assert row["schema_version"] == 1
    assert replay_all(contest_of(table, tmp_path, ["random"], budget="5s"), tmp_path)[0].steps[0][1] == -math.inf


def on_hardware(name, task, times):
    """The synthetic table; the runs of this task are on that hardware, where all takes so many times as long."""
    table = synthetic_table()
    of = table.runs["task"] == task
    curves = table.curves.copy()
    theirs = curves["run"].isin(set(table.runs["run"][of]))
    for column in ("train_seconds", "evaluation_seconds"):
        curves.loc[theirs, column] *= times
    runs = table.runs.assign(hardware=table.runs["hardware"].where(~of, name))
    default = next(table.configurations[run] for run in table.runs_of(task) if len(table.curve(run)) == 8)
    return MetaDataset(table.tasks, runs, curves, provenance={"defaults": {"synthetic": dict(default.values)}})


def test_steps_are_timed_and_paid_for_only_on_hardware_that_is_not_known(tmp_path, monkeypatch):
    paid = {}

    def spy(optimizer, recorded, seconds, **options):
        paid[recorded.task.id, isinstance(optimizer, TransferInContext)] = options["begun"]
        return simulate(optimizer, recorded, seconds, **options)

    monkeypatch.setattr(compare, "simulate", spy)
    contest = contest_of(on_hardware("other", "task-0", 40.0), tmp_path, ["transfer-in-context", "portfolio"])
    replay_all(contest, tmp_path)
    took = contest.settings["task-0"].timing.seconds
    assert 0 < took < contest.recorded["task-0"].mean_run_seconds / 4
    assert paid.pop(("task-0", True)) == took
    assert set(paid.values()) == {0.0}


def test_the_search_is_the_same_where_everything_takes_forty_times_as_long(tmp_path):
    trials = {}
    for name, times in (("none", 1.0), ("other", 40.0)):  # "none" is what the table calls its own hardware
        table = on_hardware(name, "task-0", times)
        contest = contest_of(table, tmp_path / name, ["transfer-in-context"])
        recorded, setting = contest.recorded["task-0"], contest.settings["task-0"]
        seconds = 0.4 * recorded.mean_run_seconds
        trials[name] = METHODS["transfer-in-context"].make(setting, 0).ask(seconds)
        blind = METHODS["transfer-in-context"].make(replace(setting, timing=Timing()), 0).ask(seconds)
    assert trials["other"].configuration == trials["none"].configuration
    assert blind is None or blind.configuration != trials["none"].configuration  # as if next to nothing had time


def test_nothing_is_timed_where_a_table_does_not_know_the_batch_size():
    recorded = recorded_task(synthetic_table(), "task-0")
    default = next(one.configuration for one in recorded.recordings.values() if len(one.curve))
    without = Configuration({name: value for name, value in default.values.items() if name != "batch_size"})
    assert timing_of(recorded, default, "x").pace
    assert timing_of(recorded, without, "x") == Timing("x")
