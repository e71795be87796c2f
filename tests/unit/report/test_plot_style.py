"""Scales and frames of figures."""

import pytest

from foretune.report.plot_style import GRID, dress, new_figure, scale_axis


def axes():
    return new_figure(4.0, 3.0).subplots()


@pytest.mark.parametrize(
    ("low", "high", "limits", "scale"),
    [
        (1.0, 3.0, (0.9, 3.1), "linear"),
        (-1.0, 9.0, (-1.5, 9.5), "linear"),
        (0.0, 100.0, (-5.0, 105.0), "linear"),
        (1.0, 4.0, (0.9, 4.4), "log"),
        (2.0, 2.0, (1.9, 2.1), "linear"),
        (0.0, 0.0, (-0.05, 0.05), "linear"),
        (-2.0, -2.0, (-2.1, -1.9), "linear"),
    ],
)
@pytest.mark.parametrize("which", ["x", "y"])
def test_limits_are_a_little_outside_and_wide_ranges_logarithmic(low, high, limits, scale, which):
    panel = axes()
    scale_axis(panel, low, high, which)
    found, other = (panel.get_xlim(), panel.get_ylim())[:: 1 if which == "x" else -1]
    assert found == pytest.approx(limits)
    assert other == (0.0, 1.0)
    assert (panel.get_xscale() if which == "x" else panel.get_yscale()) == scale


@pytest.mark.parametrize(("high", "ticks"), [(20.0, [1.0, 2.0, 5.0, 10.0, 20.0]), (1000.0, [1.0, 10.0, 100.0, 1000.0])])
def test_ticks_of_a_logarithmic_axis_are_plain_numbers(high, ticks):
    panel = axes()
    scale_axis(panel, 1.0, high)
    low, top = panel.get_xlim()
    shown = [tick for tick in panel.get_xticks() if low <= tick <= top]
    assert shown == pytest.approx(ticks)
    assert panel.xaxis.get_major_formatter()(shown[-1], 0) == f"{ticks[-1]:g}"


def test_a_figure_has_its_size_and_a_frame_on_two_sides():
    panel = axes()
    dress(panel, "y")
    assert panel.figure.get_size_inches().tolist() == [4.0, 3.0]
    assert {side: spine.get_visible() for side, spine in panel.spines.items()} == {
        "left": True, "bottom": True, "top": False, "right": False,
    }  # fmt: skip
    assert panel.yaxis.get_gridlines()[0].get_color() == GRID
