"""A teacher is asked until its answer can be read, and told why an answer could not."""

import pytest

from foretune.synthesis.questions.drafts import Draft, Drafts, Kind
from foretune.teacher.ask_for import ATTEMPTS, Unreadable, ask_for
from foretune.teacher.protocol import Failure, Reply, Request

GOOD = '{"pairs": [{"kind": "factual", "question": " What? ", "answer": "That."}]}'


class Scripted:
    """Gives these answers, one after another."""

    name, concurrency = "m", 1

    def __init__(self, *texts):
        self.texts = list(texts)
        self.requests = []

    def ask(self, request):
        self.requests.append(request)
        text = self.texts.pop(0)
        return text if isinstance(text, Failure) else Reply(text, 1, 1)


def ask(*texts):
    """The result, the requests, and how many answers could not be read."""
    teacher, unreadable = Scripted(*texts), []
    result = ask_for(Drafts, Request("s", "p"), teacher, lambda: unreadable.append(1))
    return result, teacher.requests, len(unreadable)


@pytest.mark.parametrize(
    "text", [GOOD, "<think>{so}</think>" + GOOD, f"Sure! Here it is:\n```json\n{GOOD}\n```\nAnything else?"]
)
def test_an_answer_in_json_is_read_whatever_stands_around_it(text):
    result, requests, unreadable = ask(text)
    assert result == Drafts(pairs=[Draft(kind=Kind.FACTUAL, question="What?", answer="That.")])
    assert (len(requests), unreadable) == (1, 0)
    assert requests[0].schema["required"] == ["pairs"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (GOOD[:30], "Invalid JSON"),
        ("I cannot do that.", "Invalid JSON"),
        ('{"questions": []}', "pairs: Field required"),
        (GOOD.replace("factual", "rhetorical"), "pairs.0.kind: Input should be 'factual'"),
        (GOOD.replace("That.", "  "), "pairs.0.answer: String should have at least 1 character"),
        (GOOD.replace("That.", "\\ud800"), "Invalid JSON"),
    ],
)
def test_the_next_request_names_the_fault_of_the_answer(text, fault):
    result, requests, unreadable = ask(text, GOOD)
    assert isinstance(result, Drafts)
    assert unreadable == 1
    assert requests[0].prompt == "p"
    assert f"Attempt 1 was not usable: {fault}" in requests[1].prompt


def test_attempts_are_limited_and_all_different():
    result, requests, unreadable = ask(*["no"] * ATTEMPTS)
    assert isinstance(result, Unreadable)
    assert not result.failed
    assert unreadable == ATTEMPTS == len({request.prompt for request in requests})


def test_a_teacher_that_does_not_answer_is_not_asked_again():
    result, requests, unreadable = ask(Failure("busy"))
    assert result == Unreadable("busy", failed=True)
    assert (len(requests), unreadable) == (1, 0)
