from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from synthetic_table import synthetic_surrogates, synthetic_table

from foretune.recommendation import Advice, by_rule, from_surrogates, is_of_a_size_seen, ranked
from foretune.space import Encoder, load_space
from foretune.surrogate.gains import gain_scale
from foretune.types import Configuration

SPACE = load_space("peft")


@pytest.fixture(params=["deep-kernel", "in-context"])
def advice(request: pytest.FixtureRequest) -> Advice:
    return recommended(request.param)


def recommended(kind: str = "in-context", seconds: float = math.inf) -> Advice:
    table = synthetic_table()
    known = table.select([task for task, family in table.families.items() if family != "delta"])
    task = table.task("task-3")
    pool = list(dict.fromkeys(table.configurations[run] for run in table.runs_of("task-3")))
    surrogates = synthetic_surrogates(kind)
    return from_surrogates(task, pool, surrogates, known, Encoder.of(SPACE), top=4, seconds=seconds)


def test_the_best_come_first_with_all_that_is_known(advice):
    scores = [one.score for one in advice.recommendations]
    assert len(scores) == 4
    assert [score.middle for score in scores] == sorted(score.middle for score in scores)
    assert all(0 <= score.low <= score.middle <= score.high for score in scores)
    assert all(one.seconds > 0 and one.memory_bytes is None for one in advice.recommendations)
    assert advice.scored_by == "validation_nll"
    assert advice.distance.startswith("nearest of 6 earlier tasks: task-")


def test_the_first_is_among_the_better_half_of_an_unseen_family(advice):
    table = synthetic_table()
    best = advice.recommendations[0].configuration
    peaks = {
        table.configurations[run].key: table.curve(run).scores.max() if len(table.curve(run)) else -math.inf
        for run in table.runs_of("task-3")
    }
    assert sum(peak > peaks[best.key] for peak in peaks.values()) < len(peaks) / 2


def test_reasons_name_an_earlier_task(advice):
    assert all(one.reason.startswith("the run most like it was number ") for one in advice.recommendations)
    assert any("completion overlap" in one.reason for one in advice.recommendations)


def test_where_predictions_are_guesses_the_default_comes_first():
    table, surrogates = synthetic_table(), synthetic_surrogates("in-context")
    task = table.task("task-3")
    pool = list(dict.fromkeys(table.configurations[run] for run in table.runs_of("task-3")))
    strange = replace(task, meta_features={name: value + 50.0 for name, value in task.meta_features.items()})
    known, strange = replace(strange, model=table.task("task-0").model), replace(strange, model="another")
    asked = {"surrogates": surrogates, "table": table, "encoder": Encoder.of(SPACE), "top": 3}
    near, far = (from_surrogates(one, pool, **asked) for one in (task, strange))
    assert (near.is_guess, far.is_guess) == (False, True)
    assert not from_surrogates(known, pool, **asked).is_guess  # its base model was recorded
    assert far.recommendations[0].configuration == pool[0] != near.recommendations[0].configuration
    assert far.warnings[-1].endswith("; the default comes first")
    assert ranked(far).recommendations == far.recommendations


def test_what_takes_too_long_is_left_out():
    longest = max(one.seconds for one in recommended().recommendations)
    assert all(one.seconds < longest for one in recommended(seconds=longest * 0.99).recommendations)
    nothing = recommended(seconds=1e-6)
    assert nothing.recommendations == ()
    assert "give more time" in nothing.warnings[0]


def test_advice_is_plain_json(advice):
    rows = json.loads(json.dumps(advice.to_json()))["recommendations"]
    assert rows[0]["configuration"]["method"]
    assert set(rows[0]["score"]) == {"middle", "low", "high"}


def test_sizes_within_a_factor_of_three_are_seen():
    table = synthetic_table()
    features = dict(table.task("task-0").meta_features)
    assert is_of_a_size_seen(features, table)
    assert is_of_a_size_seen({**features, "model_log_parameters": 6.4}, table)
    assert not is_of_a_size_seen({**features, "model_log_parameters": 9.0}, table)


def test_each_earlier_task_is_a_case_with_the_best_score_of_every_candidate_in_it():
    table, surrogates = synthetic_table(), synthetic_surrogates("in-context")
    task, advice = table.task("task-3"), recommended("in-context")
    pool = [one.configuration for one in advice.recommendations]
    outcomes = surrogates.performance.on(task, pool).outcomes({})
    np.testing.assert_allclose(advice.case_weights, outcomes.weights)
    scores = gain_scale(task).scores(outcomes.gains).max(axis=2)
    for place, one in enumerate(advice.recommendations):
        np.testing.assert_allclose(one.cases, scores[:, place])


def test_surrogates_that_know_no_cases_give_none():
    advice = recommended("deep-kernel")
    assert advice.case_weights == advice.recommendations[0].cases == ()


def test_the_rule_has_the_default_in_four_bits_where_the_space_does():
    space = load_space("peft-and-qlora", hidden_size=768)
    lora, qlora = by_rule(space, "nothing is known of x", 400).recommendations
    assert lora.configuration == Configuration({**space.default().values, "epochs": 5})
    assert qlora.configuration.values == {**lora.configuration.values, "method": "qlora"}
    space.check(qlora.configuration)


def test_the_rule_is_the_default_and_says_that_it_is_one():
    advice = by_rule(SPACE, "nothing is known of x", 2_000)
    assert advice.recommendations[0].configuration == SPACE.default()  # which has the 3 epochs for 2,000 rows
    assert advice.basis == "rule"
    assert "nothing is known of x; this is a rule of thumb" in advice.warnings[0]
    assert replace(advice, warnings=()).to_json()["recommendations"][0]["score"] is None
