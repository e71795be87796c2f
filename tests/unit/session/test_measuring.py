"""The untouched base model is measured once."""

import json
from dataclasses import replace

import numpy as np
import pytest

from foretune.finetuning.data import TokenizedSplits, Tokens
from foretune.finetuning.ending import Ending
from foretune.finetuning.model import load_tokenizer
from foretune.request import DataRequest
from foretune.session import answering, measuring
from foretune.session.measuring import Measuring, Reader, recall
from foretune.session.options import TuneOptions
from foretune.session.scoring import MetricRequest
from foretune.types import VALIDATION_NLL, Configuration


def test_the_end_scores_the_base_model_again_where_only_a_part_of_the_rows_was_scored():
    def splits(rows):
        tokens = Tokens(tuple(np.arange(10) for _ in range(rows)), np.full(rows, 5))
        return TokenizedSplits("made up", tokens, tokens, tokens)

    part, whole = splits(2), splits(6)
    both = ("validation", "test")
    assert measuring.closing_seconds(1.0, 3.0, whole, whole, both) == 1.0 + 3.0 * 2
    assert measuring.closing_seconds(1.0, 3.0, whole, whole, ["validation"]) == 1.0 + 3.0 * 2 + 1.0 + 3.0
    assert measuring.closing_seconds(1.0, 3.0, part, whole, ["validation"]) == 2 * (1.0 + 3.0 * 6)


@pytest.fixture
def reader(tmp_path, tiny_model):
    """Reads ten rows for each split, in the tokens of the tiny model."""

    def make(rows=60, **settings):
        lines = [json.dumps({"prompt": f"After {n}?", "completion": str(n + 1)}) + "\n" for n in range(rows)]
        (tmp_path / "all.jsonl").write_text("".join(lines))
        asked = DataRequest(tmp_path / "all.jsonl", max_length=64, end=4, today="2026-02-27", **settings)
        return Reader(asked, load_tokenizer(tiny_model), Ending(4, (4,), "it ends otherwise"))

    return make


def test_data_are_read_as_the_request_says_with_a_note_on_the_ending(reader):
    splits, data = reader(train_rows=7).read()
    assert (len(splits.train), len(data.train), len(data.validation)) == (7, 7, 12)
    assert data.notes[-1] == "it ends otherwise"
    assert {int(row[-1]) for row in data.train.input_ids} == {4}


@pytest.mark.parametrize(
    ("rows", "kept", "why"),
    [(60, 5, "the fewest that say enough"), (600, 51, "so that scoring takes a third of a run at most")],
)
def test_a_sample_of_the_validation_rows_is_noted(reader, rows, kept, why):
    one = reader(rows)
    _, whole = one.read()
    splits, data = one.read_sample(whole, kept)
    assert (len(splits.validation), len(data.validation), len(data.test)) == (kept, kept, len(whole.test))
    assert data.notes[-1] == (
        f"evaluation is slow here: each slice is scored on {kept} of {len(whole.validation)} validation rows, chosen "
        f"by seed, {why}; the final table is of all rows"
    )


def test_what_was_measured_is_recalled_from_a_journal(reader):
    known = {
        "zero_shot": {"validation": {"nll": 4.0, "token_accuracy": 0.5, "exact_match": 0.25}},
        "task": {"id": "t", "meta_features": {"size": 1.0}, "max_fidelity": 8},
    }
    one = reader()
    _, whole = one.read()
    found = recall(known, one, whole)
    assert found.data is whole
    assert found.scores["validation"].nll == 4.0
    assert (found.task.metric, found.task.max_fidelity) == (VALIDATION_NLL, 8)
    assert (found.pace, found.closing_seconds, found.validation_seconds, found.memory) == ({}, 0.0, 0.0, None)
    assert found.question_seconds == 0.0
    more = {
        "validation_rows": 5,
        "pace": [{"configuration": {"rank": 8}, "seconds": 3}],
        "closing_seconds": 7,
        "validation_seconds": 2,
        "question_seconds": 0.5,
    }
    found = recall({**known, **more}, one, whole)
    assert len(found.data.validation) == 5
    assert found.pace == {Configuration({"rank": 8}): 3.0}
    assert (found.closing_seconds, found.validation_seconds, found.question_seconds) == (7.0, 2.0, 0.5)


JUDGE = MetricRequest("judge", judge="https://judge.test/v1", judge_model="large")


@pytest.mark.parametrize(
    ("begun", "goes_on", "seconds"),
    [
        (MetricRequest("token_f1"), MetricRequest("token_f1", rows=50), 0.5),
        (MetricRequest("nll"), MetricRequest("token_f1"), 2.0),
        (JUDGE, JUDGE, 0.5),
        (JUDGE, replace(JUDGE, judge_model="small"), 2.0),
        (JUDGE, MetricRequest("nll"), 0.0),
        (None, JUDGE, 2.0),
    ],
)
def test_a_search_that_goes_on_times_the_questions_of_another_metric(
    reader, tiny_model, monkeypatch, begun, goes_on, seconds
):
    monkeypatch.setattr(answering, "question_seconds", lambda options, *_: 2.0)
    header = {} if begun is None else {"metric": begun.scorer}
    task = {"id": "t", "meta_features": {}, "max_fidelity": 8}
    known = json.loads(json.dumps({"zero_shot": {}, "task": task, "question_seconds": 0.5, **header}))
    one = reader()
    options = TuneOptions(one.request, str(tiny_model), metric=goes_on)
    found = Measuring(options, one, Configuration({}), None, 0.0, lambda _: None, timed=True).resume(known, *one.read())
    assert found.question_seconds == seconds
