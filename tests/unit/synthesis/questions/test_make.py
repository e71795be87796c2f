"""The same dataset, whatever happens on the way; every pair that was written is accounted for."""

from collections import Counter
from itertools import count
from random import Random

import pytest
from made_passages import Direct, passages
from scripted_teacher import serving

from foretune.errors import TeacherError
from foretune.synthesis.questions.ask import UNREADABLE, WRITTEN
from foretune.synthesis.questions.make import make_pairs
from foretune.synthesis.questions.near_duplicates import NearDuplicates
from foretune.teacher.ask_for import ATTEMPTS
from foretune.teacher.cache import Remembered
from foretune.teacher.endpoint import Endpoint
from foretune.teacher.protocol import Failure, Reply

PASSAGES = passages(20)
ROWS = 40


@pytest.fixture(scope="module")
def undisturbed():
    return make_pairs(PASSAGES, Direct(), ROWS)


def test_every_pair_is_kept_or_left_out_for_a_reason(undisturbed):
    reasons = {name: count for name, count in undisturbed.counts.items() if name != WRITTEN}
    assert len(undisturbed.pairs) == reasons["kept"] == ROWS
    assert sum(reasons.values()) == undisturbed.counts[WRITTEN]
    assert {"not supported, says the teacher", "refers to the passage", "not grounded in the passage"} < set(reasons)


def test_no_question_is_a_near_duplicate_of_another(undisturbed):
    seen = NearDuplicates(0.7)
    assert [seen.add(pair.prompt, pair.completion) for pair in undisturbed.pairs] == [True] * ROWS


def test_pairs_name_the_place_that_they_are_from(undisturbed):
    first = undisturbed.pairs[0]
    assert (first.source, first.section) == ("a.md, Part 0, line 0", "a.md > Part 0")
    assert first.completion in PASSAGES[0].text


class Killed(BaseException):
    pass


class Dying(Direct):
    """Ends the process, as it were, at some of the requests."""

    def __init__(self, moments):
        super().__init__()
        self.moments, self.number = set(moments), count()

    def ask(self, request):
        if (number := next(self.number)) in self.moments:
            self.moments.remove(number)
            raise Killed
        return super().ask(request)


def test_a_run_killed_at_ten_moments_makes_the_same_dataset_and_asks_nothing_twice(tmp_path, undisturbed):
    path, made = tmp_path / "replies.jsonl", None
    teacher = Dying(Random(0).sample(range(25), 10))
    while made is None:
        try:
            made = make_pairs(PASSAGES, Remembered(teacher, path), ROWS)
        except Killed:
            with path.open("ab") as file:
                file.write(b'{"key": "half')
    assert not teacher.moments
    assert (made.pairs, made.counts) == (undisturbed.pairs, undisturbed.counts)
    assert set(Counter(teacher.log).values()) == {1}


@pytest.mark.parametrize(
    "fault", ["429", "500", "slow", "dropped", "cut", "no completion", "no schema", "truncated", "wrong schema"]
)
def test_with_a_fault_in_every_fifth_request_nothing_is_lost(fault, undisturbed, monkeypatch):
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.001)
    with serving(faults={fault: 0.2}, slow=0.6) as server:
        teacher = Endpoint(server.url, "m", concurrency=3, timeout_seconds=0.3 if fault == "slow" else 10)
        made = make_pairs(PASSAGES, teacher, ROWS)
        faults = sum(outcome == fault for _, outcome in server.log)
    assert made.pairs == undisturbed.pairs
    assert faults > 0
    assert made.counts[UNREADABLE] == (faults if fault in {"truncated", "wrong schema"} else 0)
    assert server.most_under_way <= 3 or fault == "slow"


def test_a_teacher_that_is_down_ends_the_run_and_keeps_the_answers(tmp_path):
    class Broken(Direct):
        def ask(self, request):
            return super().ask(request) if len(self.log) < 8 else Failure("APIConnectionError: refused")

    with pytest.raises(TeacherError, match=r"failed 5 times in a row \(APIConnectionError: refused\); .* --resume"):
        make_pairs(PASSAGES, Remembered(Broken(), tmp_path / "replies.jsonl"), ROWS)
    assert len((tmp_path / "replies.jsonl").read_bytes().splitlines()) == 8


@pytest.mark.parametrize(("there", "asked"), [(40, 20), (5, 5)])
def test_a_teacher_that_writes_nothing_sound_is_given_up(there, asked):
    class Weak(Direct):
        def ask(self, request):
            return Reply("I do not know.", 100, 5) if super().ask(request) else None

    teacher, unreadable = Weak(concurrency=1), asked * ATTEMPTS
    with pytest.raises(TeacherError, match=rf"no pair about {asked} passages .* right shape: {unreadable}\); give"):
        make_pairs(passages(there), teacher, ROWS)
    assert len(teacher.log) == unreadable


def test_passages_are_asked_about_again_until_they_give_no_more():
    teacher = Direct()
    made = make_pairs(PASSAGES[:3], teacher, 100)
    # The script repeats itself in the second round, so there is no third.
    assert 0 < len(made.pairs) <= 15
    assert len(teacher.log) == 12
    assert made.counts["near-duplicate of an earlier question"] >= len(made.pairs)
    assert not made.stopped


def test_a_run_that_is_stopped_says_so():
    stop, teacher = [], Direct(concurrency=1)
    made = make_pairs(PASSAGES, teacher, ROWS, observe=stop.append, stop=lambda: bool(stop))
    assert made.stopped
    assert len(teacher.log) == 2
