"""Each filter keeps what it should, and drops a pair for its own reason."""

import pytest

from foretune.documents.passages import Passage
from foretune.documents.sections import Section, Span
from foretune.synthesis.questions.drafts import Draft, Kind
from foretune.synthesis.questions.filters import FILTERS, fault_of

TEXT = (
    "The option --rows limits the number of pairs that the teacher writes. It is 300 unless another number is given. "
    "The teacher is asked about every passage in a random order, and each answer is kept on disk before it is used."
)
GERMAN = (
    "Die Option begrenzt die Anzahl der Paare, die der Lehrer schreibt. Jede Antwort wird auf der Festplatte "
    "gespeichert, bevor sie verwendet wird, damit nach einem Abbruch nichts noch einmal gefragt werden muss."
)
CHINESE = "选项限制教师编写的问答对的数量。每个答案在使用之前都会保存在磁盘上。"


def passage(text=TEXT):
    section = Section("a.md", ("Options",), text, Span("line", 1, 1))
    return Passage(section, section.unit)


def draft(question="What does the option --rows limit?", answer="The number of pairs.", kind=Kind.FACTUAL):
    return Draft(kind=kind, question=question, answer=answer)


@pytest.mark.parametrize(
    ("pair", "text"),
    [
        (draft(), TEXT),
        (draft(answer="300"), TEXT),
        (draft(answer="Writing is limited to a number of pair."), TEXT),
        (draft("How many pairs are written if --rows is 40?", "40 pairs are written."), TEXT),
        (draft(answer="Twice the number of pairs, 600.", kind=Kind.MULTI_STEP), TEXT),
        (draft(answer="Nobody has documented who invented this.", kind=Kind.UNANSWERABLE), TEXT),
        (draft("Was begrenzt die Option?", "Die Anzahl der Paare."), GERMAN),
        (draft("这个选项限制的数量是什么呢?请说明。", "问答对的数量。"), CHINESE),
    ],
)
def test_sound_pairs_are_kept(pair, text):
    assert fault_of(pair, passage(text)) is None


@pytest.mark.parametrize(
    ("pair", "fault"),
    [
        (draft("Why?"), "length"),
        (draft("Why " * 200 + "?"), "length"),
        (draft(answer="pairs of " * 300), "length"),
        (draft("What does this passage limit with --rows?"), "refers to the passage"),
        (draft(answer="It is a fact that it is true, and it is a fact that it is true, and it is."), "repeats itself"),
        (draft(answer="The number of pairs, as described above."), "refers to the passage"),
        (draft("Was begrenzt die Option beim Schreiben?", "Sie begrenzt die Anzahl der Paare."), "other language"),
        (draft(answer="The amount of memory used by elephants."), "not grounded in the passage"),
        (draft(answer="The number of pairs, 500."), "not grounded in the passage"),
        (draft("Who painted those flowers?", "It is unknown.", kind=Kind.UNANSWERABLE), "not grounded in the passage"),
        (draft("What else does the option --rows limit, as in the other answer?"), "refers to the passage"),
        (draft("Why are elephants so large?", "Elephants are large since they eat."), "not grounded in the passage"),
        (draft("这个选项限制的数量是什么呢?请说明。", "问答对的数量。"), "other language"),
    ],
)
def test_others_are_left_out_for_their_reason(pair, fault):
    assert fault_of(pair, passage()) == fault


def test_every_filter_has_left_something_out():
    reasons = {"length", "repeats itself", "refers to the passage", "other language", "not grounded in the passage"}
    assert set(FILTERS) == reasons


def test_characters_of_scripts_without_spaces_are_words():
    assert fault_of(draft("这个选项限制的数量是什么呢?请说明。", "大象记忆森林"), passage(CHINESE)) == (
        "not grounded in the passage"
    )
