"""Places, ticks and units of charts."""

import math

import pytest

from foretune.report.page.chart import NARROW, WIDE, Chart, Level, Line, Scale, draw


def chart(*lines, heights=(1.0, 2.0), **others):
    drawn = [Line(str(number), "other", tuple(points)) for number, points in enumerate(lines)]
    return Chart("curves", "Curves", "", tuple(drawn), None, "training", heights, **others)


@pytest.mark.parametrize(
    ("low", "high", "logarithmic", "ticks"),
    [
        (0.0, 10.0, False, [0, 2, 4, 6, 8, 10]),
        (0.94, 2.06, False, [1.0, 1.5, 2.0]),
        (0.004, 6.0, True, [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]),
        (0.0004, 6.0, True, [0.001, 0.01, 0.1, 1]),
        (1.3, 6.0, True, [1.5, 2, 3, 4, 5]),
    ],
)
def test_ticks_are_round_and_enough(low, high, logarithmic, ticks):
    assert Scale(low, high, 0, 100, logarithmic).ticks() == pytest.approx(ticks)


def test_equal_ratios_are_equally_far_apart_on_a_logarithmic_scale():
    scale = Scale(0.01, 1.0, 0.0, 100.0, logarithmic=True)
    assert [scale.place(value) for value in (0.01, 0.1, 1.0)] == [0.0, 50.0, 100.0]
    assert scale.place(0.0) < -100


def test_a_chart_fills_its_frame_and_time_begins_at_zero():
    drawn = draw(chart([(10.0, 1.0), (100.0, 2.0)]), WIDE)
    assert drawn.path(((0.0, 1.0),)).startswith(f"{WIDE.left},")
    places = drawn.path(((10.0, 1.0), (100.0, 2.0))).split()
    (first, low), (last, high) = ([float(part) for part in place.split(",")] for place in places)
    assert WIDE.left < first < last < WIDE.width - WIDE.right
    assert WIDE.top < high < low < WIDE.height - WIDE.bottom
    assert drawn.star(drawn.chart.lines[0]) == (first, low)


@pytest.mark.parametrize(
    ("longest", "unit", "labels"),
    [
        (100.0, "seconds", ["0", "50", "100"]),
        (600.0, "minutes", ["0", "5", "10"]),
        (10_800.0, "hours", ["0", "1", "2", "3"]),
    ],
)
def test_seconds_are_said_in_a_unit_that_suits(longest, unit, labels):
    drawn = draw(chart([(longest, 1.0)]), NARROW)
    assert drawn.unit == unit
    assert [label for _, label in drawn.x_ticks] == labels


def test_losses_that_are_far_apart_are_on_a_logarithmic_scale():
    assert draw(chart([(1.0, 1.0)], heights=(1.0, 3.9)), WIDE).y.logarithmic is False
    assert draw(chart([(1.0, 1.0)], heights=(1.0, 4.0)), WIDE).y.logarithmic is True
    assert draw(chart([(1.0, 0.0)], heights=(0.0, 4.0)), WIDE).y.logarithmic is False


def test_a_chart_of_one_value_has_a_height_and_one_of_no_value_is_none():
    drawn = draw(chart([(0.0, 1.0)], heights=(1.0, 1.0)), WIDE)
    assert all(math.isfinite(place) for place in drawn.star(drawn.chart.lines[0]))
    assert draw(chart(), WIDE) is None


def test_the_best_so_far_goes_down_in_stairs_and_marks_have_room():
    drawn = draw(chart([(1.0, 2.0)], stairs=((1.0, 2.0), (3.0, 1.0)), marks=(Level(1.5, "average", 4.0),)), WIDE)
    x, y = drawn.x.place, drawn.y.place
    assert drawn.corners() == f"M{x(1.0):g},{y(2.0):g} H{x(1.0):g} V{y(2.0):g} H{x(3.0):g} V{y(1.0):g}"
    assert x(4.0) < WIDE.width - WIDE.right
