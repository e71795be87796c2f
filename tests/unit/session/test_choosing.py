"""A finalist displaces the better by validation loss with a clear lead only, and what is returned is on record."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from finished_search import IA3, scored

from foretune.execution.questions import Question
from foretune.finetuning.data import Message
from foretune.metrics.summary import Agreement, Answered, Mean
from foretune.metrics.text import TextScorer
from foretune.report.final_scores import Finalist, Judged, Measurement, ModelScores
from foretune.session.answering import Exam
from foretune.session.averaging import Adapter, Part
from foretune.session.choosing import answers_in_report, champion, choose_returned
from foretune.session.scoring import MetricRequest
from foretune.teacher.price import Price, Tokens
from foretune.tuner import Incumbent
from foretune.types import Configuration, LearningCurve, Report, Status, Trial

A, B, C = (Configuration({"method": "lora", "rank": rank}) for rank in (1, 2, 3))
QUESTIONS = tuple(Question((Message("user", str(number)),), f"answer {number}") for number in range(10))


def test_each_challenger_meets_the_choice_so_far():
    met = []

    def lead(challenger, holder):
        met.append((challenger, holder))
        return Mean(0.3, 0.2 if challenger != 2 else 0.3, 10)

    assert champion(4, lead) == (3, [Mean(0.3, 0.2, 10), Mean(0.3, 0.3, 10), Mean(0.3, 0.2, 10)])
    assert met == [(1, 0), (2, 1), (3, 1)]
    assert champion(1, lead) == (0, [])


@pytest.fixture
def found(tmp_path):
    """A search with three checkpoints of different losses, all on disk."""
    losses = {A: 1.0, B: 1.1, C: 1.2}
    for one in losses:
        (tmp_path / "trials" / one.key / "best").mkdir(parents=True)
    history = tuple(
        Report(Trial(0, one, 1), Status.OK, LearningCurve(np.array([-loss]), np.ones(1)))
        for one, loss in losses.items()
    )
    asked = SimpleNamespace(model="m", device="cpu", metric=MetricRequest("exact_match", price=Price(2.0, 8.0)))
    return SimpleNamespace(output=tmp_path, options=asked, result=SimpleNamespace(history=history))


def exam(right, monkeypatch):
    """An exam at which the model of a folder gives so many right answers: by key, or of the average."""
    monkeypatch.setattr("foretune.execution.finetuned.load_finetuned", lambda folder, *_, **__: folder)

    def answer(folder, tokenizer, prompts, tokens, *, stops):
        known = right[folder.parent.name] if folder.name == "best" else right["average"]
        return [q.completion if at < known else "" for at, q in enumerate(QUESTIONS)]

    monkeypatch.setattr("foretune.finetuning.generate.answer", answer)
    return Exam(TextScorer("exact_match"), "words", (4,), 3, QUESTIONS, QUESTIONS)


BEST = Incumbent(A, 1, -1.0)
PARTS = (Part(BEST, 0.5), Part(Incumbent(B, 1, -1.1), 0.5))


def test_the_checkpoint_with_the_better_answers_is_returned(found, monkeypatch):
    chosen, finalists = choose_returned(found, Adapter(BEST), exam({A.key: 3, B.key: 4, C.key: 8}, monkeypatch))
    assert chosen == Adapter(Incumbent(C, 1, -1.2))
    # One answer of ten is a lead of 0.1 with an error of 0.1; five of ten are one of 0.5 with 0.167.
    assert finalists == (
        Finalist("lora r1", 0.3, None, None, chosen=False),
        Finalist("lora r2", 0.4, pytest.approx(0.1), pytest.approx(0.1), chosen=False),
        Finalist("lora r3", 0.8, pytest.approx(0.5), pytest.approx(1 / 6), chosen=True),
    )


def test_where_no_verdict_can_be_read_validation_loss_has_the_last_word(found, monkeypatch):
    mute = SimpleNamespace(name="judge", leads=lambda asked, *_: [None] * len(asked))
    given = replace(exam({A.key: 3, B.key: 4, C.key: 8}, monkeypatch), scorer=mute)
    chosen, finalists = choose_returned(found, Adapter(BEST), given)
    assert chosen == Adapter(BEST)
    assert finalists[1:] == tuple(
        Finalist(name, None, None, None, chosen=False, unscored=10) for name in ("lora r2", "lora r3")
    )


def test_the_average_holds_against_what_is_not_clearly_better(found, monkeypatch):
    average, given = Adapter(BEST, PARTS), exam({"average": 5, A.key: 6, B.key: 5, C.key: 4}, monkeypatch)
    chosen, finalists = choose_returned(found, average, given)
    assert chosen == average
    assert [(one.name, one.chosen) for one in finalists][:2] == [("average", True), ("lora r1", False)]


def test_an_average_that_answers_worse_is_not_returned(found, monkeypatch):
    given = exam({"average": 1, A.key: 6, B.key: 5, C.key: 4}, monkeypatch)
    assert choose_returned(found, Adapter(BEST, PARTS), given)[0] == Adapter(BEST)


def test_a_best_that_cannot_be_averaged_takes_part_and_what_is_gone_does_not(found, monkeypatch):
    (found.output / "trials" / IA3.key / "best").mkdir(parents=True)
    (found.output / "trials" / B.key / "best").rmdir()
    best = Adapter(Incumbent(IA3, 1, -0.5))
    chosen, finalists = choose_returned(found, best, exam({IA3.key: 0, A.key: 0, C.key: 9}, monkeypatch))
    assert [one.name for one in finalists] == ["ia3, lr 0.02, batch 4, 2 epochs", "lora r1", "lora r3"]
    assert chosen.checkpoint.configuration == C


def test_without_questions_validation_loss_has_the_last_word(found, monkeypatch):
    for given in (None, Exam(TextScorer("exact_match"), "words", (4,), 3, (), QUESTIONS)):
        assert choose_returned(found, Adapter(BEST), given) == (Adapter(BEST), ())
    assert answers_in_report(found, (), None, []) == {}


def test_the_report_has_the_choice_and_what_a_judge_has_cost(found):
    finalists = (Finalist("a", None, None, None, chosen=True), Finalist("b", None, 0.1, 0.2, chosen=False))
    judge = SimpleNamespace(name="judge", tokens=Tokens(40, 1_000_000, 500_000))
    given = Exam(judge, "words", (4,), 3, QUESTIONS, QUESTIONS)
    rows = [
        ModelScores(name, scored(name, 1.0).test, Measurement(1, 1, 1, answered=Answered("judge", 3, 0, 4, 0, agreed)))
        for name, agreed in (("zero-shot", Agreement(0, 1, 0, 3)), ("best", Agreement(3, 1, 0, 0)))
    ]
    said = answers_in_report(found, finalists, given, rows)
    assert said == {
        "metric": "judge",
        "questions": 10,
        "finalists": finalists,
        "judged": Judged(40, 1_000_000, 500_000, pytest.approx(6.0), Agreement(3, 2, 0, 3)),
        "asked": tuple(one.asked for one in QUESTIONS[:8]),
    }
