"""Counts, costs, ends of runs and rank correlations, against values worked out by hand."""

import numpy as np
import pytest

from foretune.metadata.common import overfits, relative_to_width
from foretune.metadata.summary import (
    agreement_rows,
    group_rows,
    method_rows,
    overfitted_share,
    pair_rows,
    spread_rows,
    total_costs,
)
from foretune.space import load_space


def scored(rows, *, tasks, losses, width=None):
    """Replace the runs by one slice each: task -> loss of configuration 0, 1, ...; rates are divided by a width."""
    template = rows["curves"][0]
    rows["runs"], rows["curves"] = [], []
    rows["tasks"] = [
        {**rows["tasks"][0], "max_fidelity": 1, **changes, "task": task} for task, changes in tasks.items()
    ]
    for task in tasks:
        for number, loss in enumerate(losses[task]):
            name = f"{task}-{number}"
            run = {"run": name, "task": task, "seed": 0, "status": "ok", "message": "", "hardware": "x"}
            rate = 0.01 * (number + 1) / (width or {}).get(task, 1)
            run |= {"versions": "{}", "started": "", "config.method": "lora", "config.learning_rate": rate}
            rows["runs"].append(run)
            rows["curves"].append({**template, "run": name, "validation_value": loss})
    return rows


def test_counts_and_costs_by_model_and_family(rows, build):
    rows["tasks"][1]["model"] = "small"
    rows["tasks"][2]["cost_unit"] = "steps"
    meta = build(rows)
    found = [(one.model, one.family, one.cost_unit, one.tasks, one.runs, one.cost) for one in group_rows(meta)]
    assert found == [
        ("small", "qa", "seconds", 1, 3, 22.5),
        ("tiny", "math", "steps", 1, 3, 22.5),
        ("tiny", "qa", "seconds", 1, 4, 25.0),
    ]
    assert total_costs(meta) == {"seconds": 47.5, "steps": 22.5}


def test_many_base_models_are_counted_instead_of_named(rows, build, monkeypatch):
    rows["tasks"][1]["model"] = "small"
    monkeypatch.setattr("foretune.metadata.summary.MOST_MODELS", 1)
    meta = build(rows)
    found = [(one.model, one.family, one.tasks, one.runs) for one in group_rows(meta)]
    assert found == [("1 model", "math", 1, 3), ("2 models", "qa", 2, 7)]
    assert [(one.model, one.method, one.runs) for one in method_rows(meta)] == [("2 models", "lora", 10)]


def test_the_loss_of_training_correlates_with_nothing(rows, build):
    losses = {task: [1.0, 2.0, 3.0, 4.0, 5.0] for task in "ab"}
    tasks = {task: {"dataset": task, "metric": "train_loss"} for task in "ab"}
    assert pair_rows(build(scored(rows, tasks=tasks, losses=losses))) == []


def test_methods_say_how_their_runs_end(rows, build):
    rows["runs"][1].update({"config.method": "dora", "status": "failed", "message": "a fault"})
    dora, lora = method_rows(build(rows))
    assert (dora.method, dora.runs, dora.diverged, dora.failed, dora.overfitted) == ("dora", 1, 0.0, 1.0, None)
    assert (lora.runs, lora.diverged, lora.failed) == (9, 1 / 9, 0.0)
    assert lora.overfitted == 3 / 8  # 3.0, 2.0, 2.5 ends a quarter above its best
    assert sorted(lora.costs) == [2.5, *[7.5] * 8]
    np.testing.assert_allclose(lora.microseconds_per_token, 2000.0)


def test_no_speed_without_tokens_or_seconds(rows, build):
    rows["tasks"][0]["cost_unit"] = "steps"
    for row in rows["curves"]:
        row["tokens"] = row["tokens"] if row["run"].startswith("a") else None
    assert [len(one.microseconds_per_token) for one in method_rows(build(rows))] == [0, 0]


def test_overfitting_counts_for_losses_and_for_accuracies(rows, build):
    assert overfitted_share(build(rows)) == 3 / 9
    assert [overfits(np.array(scores)) for scores in ([-1.0, -1.03], [-1.0, -1.01], [0.8, 0.7], [0.8, 0.79])] == [
        True,
        False,
        True,
        False,
    ]


def test_rank_correlations_of_pairs(rows, build):
    order = list(range(1, 11))
    half = [*order[:5][::-1], *order[5:]]  # the better half in opposite order
    meta = build(scored(rows, tasks={"a": {"dataset": "a"}, "b": {"dataset": "b"}}, losses={"a": order, "b": half}))
    (pair,) = pair_rows(meta)
    assert (pair.first, pair.second, pair.shared) == ("a", "b", 10)
    assert pair.correlation == pytest.approx(1 - 6 * 40 / 990)
    assert pair.top_correlation == pytest.approx(-1.0)


def test_tasks_without_enough_in_common_make_no_pair(rows, build):
    assert pair_rows(build(rows)) == []
    assert agreement_rows(build(rows)) == []


def test_sizes_of_a_dataset_and_base_models_are_compared(rows, build):
    """Learning rates are matched by the widths 100 and 400, where the reference is four times as large as for 400."""
    narrow = {"dataset": "d", "feature.model_log_width": 2.0}
    wide = {"dataset": "d", "model": "wide", "feature.model_log_width": np.log10(400)}
    tasks = {"few": {**narrow, "n_train": 50}, "many": {**narrow, "n_train": 100}, "wide": {**wide, "n_train": 100}}
    losses = {"few": [1, 2, 3, 4, 5, 6], "many": [2, 1, 3, 4, 5, 6], "wide": [6, 5, 4, 3, 1, 2]}
    meta = build(scored(rows, tasks=tasks, losses=losses, width={"wide": 4}))
    found = {one.what: (one.pairs, one.correlation, one.top_correlation) for one in agreement_rows(meta)}
    assert found["two tasks"][0] == 3
    assert found["two sizes of a dataset, one model"] == (1, pytest.approx(1 - 6 * 2 / 210), None)
    assert found["two models, one dataset and size"] == (1, pytest.approx(-1 + 6 * 4 / 210, abs=0.1), None)


def test_what_is_drawn_as_the_same_for_two_widths_is_matched():
    narrow, wide = (load_space("peft", hidden_size=width).sample(200, np.random.default_rng(0)) for width in (192, 576))
    pairs = zip(narrow, wide, strict=True)
    assert sum(relative_to_width(a, 192) == relative_to_width(b, 576) for a, b in pairs) > 190


def test_spread_names_best_median_and_default(rows, build):
    rows["tasks"][1]["zero_shot_validation_value"] = None
    default = {"tiny": {"method": "lora", "rank": 8, "learning_rate": 0.02}}
    math, a, b = spread_rows(build(rows, defaults=default))
    assert [one.task for one in (math, a, b)] == ["c", "a", "b"]
    assert (a.best, a.default, a.zero_shot, a.unit) == (2.0, 2.8, 4.0, 4.0)
    assert sorted(a.values) == [2.0, 2.8, 3.3, 9.0]
    assert (b.zero_shot, b.unit) == (None, 2.8)


def test_more_is_better_where_the_metric_says_so(rows, build):
    rows["tasks"][2].update(metric="accuracy", direction="maximize")
    assert spread_rows(build(rows))[0].best == 3.6
