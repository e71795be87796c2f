"""How many questions finalists are asked, how long answers may be, and what time is kept for them."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest

from foretune.errors import DataError
from foretune.finetuning.data import Example, Message, TokenizedSplits, Tokens
from foretune.metrics.summary import Answered
from foretune.request import DataRequest
from foretune.session import answering
from foretune.session.answering import FINALISTS, answering_seconds, exam_of, longest_answer, question_rows
from foretune.session.options import TuneOptions
from foretune.session.scoring import MetricRequest
from foretune.tuner import Budget


def options(name="token_f1", rows=200):
    return TuneOptions.of("data.jsonl", "mine", metric=MetricRequest(name, rows))


def setup(validation=300, test=120, seconds=0.125):
    return SimpleNamespace(
        whole=SimpleNamespace(validation=range(validation), test=range(test)), question_seconds=seconds
    )


@pytest.mark.parametrize(
    ("budget", "seconds", "rows"),
    [
        (math.inf, 9.0, (200, 120)),
        (60.0, 0.0, (200, 120)),  # not timed
        (1751.0, 0.125, (200, 120)),  # a tenth of it is 175 s, for 7 times 200 questions
        (876.0, 0.125, (100, 100)),
        (438.0, 0.125, (50, 50)),
        (425.0, 0.125, (0, 50)),  # too few to tell finalists apart
    ],
)
def test_as_many_are_asked_as_fit_into_a_tenth_of_the_budget(budget, seconds, rows):
    assert FINALISTS == 6
    assert question_rows(options(), budget, setup(seconds=seconds)) == rows


def test_no_more_are_asked_than_wanted_or_there():
    assert question_rows(options(rows=20), 425.0, setup()) == (20, 20)
    assert question_rows(options(), math.inf, setup(validation=30, test=10)) == (30, 10)


def test_time_is_kept_for_all_finalists_and_the_table():
    assert answering_seconds(options(), 876.0, setup()) == 0.125 * (6 * 100 + 100)
    assert answering_seconds(options(), 425.0, setup()) == 0.125 * 50
    assert answering_seconds(options("nll"), 876.0, SimpleNamespace()) == 0.0


@pytest.mark.parametrize(("longest", "limit"), [(7, 7), (300, 256)])
def test_an_answer_is_as_long_as_the_longest_completion_but_bounded(longest, limit):
    tokens = Tokens((np.arange(longest + 2),) * 2, np.array([longest, 2]))
    assert longest_answer(TokenizedSplits("made up", tokens, tokens, tokens)) == limit


def test_raw_text_has_no_answers():
    answering.check_questions([Example((Message("user", "a"), Message("assistant", "b")))], "token_f1")
    with pytest.raises(DataError, match=r"text.jsonl, line 3: raw text asks nothing that token_f1 .* use --metric nll"):
        answering.check_questions([Example(text="raw", where="text.jsonl, line 3")], "token_f1")


@pytest.fixture
def found(tmp_path):
    """A search on 40 rows of counting, of which 8 are for validation and 8 for the test."""
    rows = [{"prompt": f"What comes after {number}?", "completion": str(number + 1)} for number in range(40)]
    path = tmp_path / "data.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    tokens = Tokens((np.arange(6),) * 8, np.full(8, 3))
    data = TokenizedSplits("made up", tokens, tokens, tokens)
    made = SimpleNamespace(
        data=data, whole=data, question_seconds=0.0, as_read=DataRequest(path), tokenizer="words",
        ending=SimpleNamespace(stops=(4,)),
    )  # fmt: skip
    return SimpleNamespace(options=options(rows=5), setup=made, budget=Budget(60.0), output=tmp_path)


def test_an_exam_is_of_questions_of_the_right_splits_with_a_bound(found, monkeypatch):
    exam = exam_of(found)
    assert (len(exam.compared), len(exam.reported), exam.max_new_tokens, exam.stops) == (5, 5, 3, (4,))
    assert not {one.text for one in exam.compared} & {one.text for one in exam.reported}
    said = []

    def answer(*arguments, **more):
        said.append((*arguments, more))
        return [exam.reported[0].completion, "no", "no", "no", "no"]

    monkeypatch.setattr("foretune.finetuning.generate.answer", answer)
    monkeypatch.setattr(answering, "SHOWN", 2)
    kept = (exam.reported[0].completion, "no")
    assert exam.on_test("model") == (Answered("token_f1", 0.2, pytest.approx(0.2), 5), kept)
    assert said == [("model", "words", [one.example for one in exam.reported], 3, {"stops": (4,)})]


def test_likelihood_asks_nothing(found):
    assert exam_of(SimpleNamespace(options=options("nll"), setup=found.setup)) is None


@pytest.mark.parametrize(("metric", "seconds"), [("rouge_l", 0.5), ("judge", 0.5 + 2 * 6.0 / 4)])
def test_a_question_takes_an_answer_and_two_verdicts_of_a_judge(monkeypatch, metric, seconds):
    """Of a judge that answers after six seconds, four requests at a time."""
    clock, timed = [0.0], []

    def scores(*_):
        clock[0] += 6.0
        return [5.0]

    judge = SimpleNamespace(concurrency=4, scores=scores)
    monkeypatch.setattr(answering, "open_judge", lambda *_, **__: judge)
    monkeypatch.setattr(answering.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(
        "foretune.finetuning.generate.seconds_per_answer", lambda *one, **more: timed.append((one, more)) or 0.5
    )
    reader = SimpleNamespace(tokenizer="words", ending=SimpleNamespace(stops=(4,)))
    tokens = Tokens((np.arange(9),), np.array([2]))
    whole = TokenizedSplits("made up", tokens, tokens, tokens)
    found = answering.question_seconds(options(metric), "model", reader, SimpleNamespace(validation="rows"), whole)
    assert found == seconds
    assert timed == [(("model", "words", "rows", 7), {"stops": (4,)})]
