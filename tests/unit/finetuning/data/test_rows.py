"""A row as it was read, and the treatment of unusable rows."""

import pytest

from foretune.errors import DataError
from foretune.finetuning.data.rows import Fault, check_bad_rows


def faults(*whats):
    return [Fault(f"d.jsonl, line {line}", what) for line, what in enumerate(whats, start=1)]


def test_a_fault_has_its_place_once():
    fault = Fault.of("d.jsonl, line 3", DataError("d.jsonl, line 3: 'prompt' is empty"))
    assert fault == Fault("d.jsonl, line 3", "'prompt' is empty")
    assert str(fault) == "d.jsonl, line 3: 'prompt' is empty"
    assert Fault.of("a row", DataError("elsewhere: x")).what == "elsewhere: x"


def test_without_faults_there_is_nothing_to_say():
    assert check_bad_rows([], 5, "train", skip=False) == []


@pytest.mark.parametrize(
    ("bad", "count", "message"),
    [
        (["x"], 1, "d.jsonl, line 1: x"),
        (["x"], 2, "d.jsonl, line 1: x (or go on without it: --skip-bad-rows)"),
        (["x", "x"], 2, "none of the 2 rows of train can be used:\n  d.jsonl, line 1, line 2: x"),
        (
            ["x", "y", "x"],
            4,
            "3 of 4 rows of train cannot be used; correct them, or go on without them: --skip-bad-rows"
            "\n  d.jsonl, line 1, line 3: x\n  d.jsonl, line 2: y",
        ),
    ],
)
def test_bad_rows_are_an_error_unless_they_may_be_skipped(bad, count, message):
    with pytest.raises(DataError) as caught:
        check_bad_rows(faults(*bad), count, "train", skip=False)
    assert str(caught.value) == message


def test_rows_that_are_skipped_are_counted():
    assert check_bad_rows(faults("x"), 3, "train", skip=True) == [
        "train: 1 of 3 rows was left out, since it cannot be used:\n  d.jsonl, line 1: x"
    ]
    assert check_bad_rows(faults("x", "x"), 3, "train", skip=True) == [
        "train: 2 of 3 rows were left out, since they cannot be used:\n  d.jsonl, line 1, line 2: x"
    ]
    with pytest.raises(DataError, match="none of the 2 rows"):
        check_bad_rows(faults("x", "x"), 2, "train", skip=True)


def test_five_places_of_a_kind_and_five_kinds_are_named():
    (note,) = check_bad_rows(faults(*["x"] * 7, *"abcdef"), 100, "train", skip=True)
    first, *_, last = note.splitlines()[1:]
    assert first == "  d.jsonl, line 1, line 2, line 3, line 4, line 5 and 2 more: x"
    assert last == "  and 2 other kinds of fault"
    assert len(note.splitlines()) == 7
