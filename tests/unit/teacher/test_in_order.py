"""Results come in the order of the items, from as many threads as allowed."""

import threading
import time

import pytest

from foretune.teacher.in_order import in_order


def test_results_keep_the_order_of_the_items():
    def slow_first(item):
        time.sleep(0.02 if item == 0 else 0)
        return item * 10

    results = list(in_order(slow_first, range(6), workers=3, ahead=lambda: 6))
    assert results == [(item, item * 10) for item in range(6)]


def test_so_many_run_at_a_time():
    # Three meet at the barrier, or it breaks after a second.
    barrier = threading.Barrier(3)
    list(in_order(lambda _: barrier.wait(1), range(3), workers=3, ahead=lambda: 3))


def test_nothing_is_begun_beyond_what_is_worth_it():
    begun, taken = [], []
    for item, _ in in_order(begun.append, range(10), workers=4, ahead=lambda: min(2, 3 - len(taken))):
        taken.append(item)
    assert taken == begun == [0, 1, 2]


def test_an_error_ends_it_after_what_is_under_way():
    begun = []

    def fail(item):
        begun.append(item)
        raise ValueError(item)

    with pytest.raises(ValueError, match="0"):
        list(in_order(fail, range(100), workers=2, ahead=lambda: 2))
    assert begun in ([0], [0, 1])
