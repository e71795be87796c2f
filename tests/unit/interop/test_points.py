"""Which logged points are a curve, and what they cost."""

import pytest

from foretune.interop.points import BEST_AGAIN, PAUSED, UNTRAINED, LoggedPoint, counted_steps, own_points, timed_slices


def points(*pairs, every=10.0):
    """(step, value) logged one after the other."""
    return [LoggedPoint(step, 100.0 + every * place, value) for place, (step, value) in enumerate(pairs, start=1)]


def read(logged, **more):
    return timed_slices(logged, 100.0, None, **{"maximize": False, "least": 1e-3} | more)


def test_a_second_evaluation_at_the_last_step_is_not_the_curves():
    slices, _ = read(points((10, 1.0), (20, 0.5), (30, 0.75), (30, 0.5)))
    assert [one.value for one in slices] == [1.0, 0.5, 0.75]
    assert [one.seconds for one in slices] == [10.0] * 3


@pytest.mark.parametrize(("maximize", "values"), [(False, (1.0, 0.5, 0.75, 0.5)), (True, (0.1, 0.5, 0.25, 0.5))])
def test_the_best_value_again_at_a_step_out_of_turn_is_not_the_curves(maximize, values):
    slices, remarks = read(points(*zip((10, 20, 30, 33), values, strict=True)), maximize=maximize)
    assert [one.value for one in slices] == list(values[:3])
    assert remarks == [BEST_AGAIN]
    slices, remarks = read(points(*zip((10, 20, 30, 40), values, strict=True)), maximize=maximize)
    assert ([one.value for one in slices], remarks) == (list(values), [])


def test_where_a_log_goes_back_what_follows_counts():
    assert [
        (one.step, one.value) for one in own_points(points((10, 1.0), (20, 0.9), (30, 0.8), (20, 0.7), (30, 0.6)))
    ] == [
        (10, 1.0),
        (20, 0.7),
        (30, 0.6),
    ]


@pytest.mark.parametrize(
    ("logged", "trained", "untrained"),
    [
        ([1, 2], [1, 2], False),
        ([0, 1, 2], [1, 2, 3], False),
        ([0, 100, 200], [0, 100, 200], True),
        ([0], [None], False),
        ([-1, 5], [None, None], False),
    ],
)
def test_steps_count_from_one(logged, trained, untrained):
    assert counted_steps(logged) == (trained, untrained)


def test_the_untrained_model_is_no_slice_and_its_evaluation_no_cost():
    slices, remarks = read(points((0, 9.0), (100, 1.0), (200, 0.5)))
    assert [(one.steps, one.value, one.seconds) for one in slices] == [(100, 1.0, 10.0), (200, 0.5, 10.0)]
    assert remarks == [UNTRAINED]


def test_a_night_costs_what_the_median_step_does():
    logged = [
        LoggedPoint(10, 110.0, 1.0),
        LoggedPoint(20, 121.0, 0.9),
        LoggedPoint(40, 30_000.0, 0.8),
        LoggedPoint(50, 30_012.0, 0.7),
    ]
    slices, remarks = read(logged)
    assert [one.seconds for one in slices] == pytest.approx([10.0, 11.0, 22.0, 12.0])
    assert remarks == [PAUSED]


def test_without_steps_the_clock_tells_points_apart():
    slices, _ = read(points((0, 1.0), (0, 0.5)))
    assert [(one.value, one.steps) for one in slices] == [(1.0, None), (0.5, None)]
