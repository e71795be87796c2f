"""Answers are on disk before they are used; what a kill leaves behind is no answer."""

import json

import pytest

from foretune.errors import TeacherError
from foretune.teacher.cache import Remembered
from foretune.teacher.protocol import Failure, Reply, Request

ONE, TWO = Request("s", "one"), Request("s", "two")


class Counting:
    """Answers with the number of the request; fails for `bad`."""

    name, concurrency = "m", 1

    def __init__(self):
        self.asked = 0

    def ask(self, request):
        self.asked += 1
        return Failure("busy") if request.prompt == "bad" else Reply(f"{self.asked} ☃ \ud800", 3, 2)


def test_an_answer_is_asked_for_once_in_this_run_and_the_next(tmp_path):
    path, teacher = tmp_path / "replies.jsonl", Counting()
    first = Remembered(teacher, path)
    replies = [first.ask(ONE), first.ask(TWO), first.ask(ONE)]
    again = Remembered(teacher, path)
    assert [again.ask(ONE), again.ask(TWO)] == replies[:2] == [replies[2], replies[1]]
    assert teacher.asked == 2
    assert again.replies == (Reply("1 ☃ \ud800", 3, 2), Reply("2 ☃ \ud800", 3, 2))


def test_a_failure_is_asked_for_again(tmp_path):
    teacher = Counting()
    remembered = Remembered(teacher, tmp_path / "replies.jsonl")
    assert remembered.ask(Request("s", "bad")) == remembered.ask(Request("s", "bad")) == Failure("busy")
    assert teacher.asked == 2


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_half_written_line_is_cut_off_and_asked_for_again(tmp_path, cut):
    path, teacher = tmp_path / "replies.jsonl", Counting()
    Remembered(teacher, path).ask(ONE)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:-cut])
    remembered = Remembered(teacher, path)
    remembered.ask(TWO)
    assert [json.loads(line)["text"][0] for line in path.read_text().splitlines()] == ["1", "2"]


def test_a_damaged_line_is_named(tmp_path):
    path = tmp_path / "replies.jsonl"
    path.write_text('{"key": "a"}\n')
    with pytest.raises(TeacherError, match="line 1: not an answer"):
        Remembered(Counting(), path)
