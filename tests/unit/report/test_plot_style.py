"""Scales and frames of figures."""

from itertools import combinations

import numpy as np
import pytest

from foretune.report.plot_style import GRID, dress, method_strokes, new_figure, scale_axis


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


def linear(color):
    parts = np.array([int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def contrast(color, ground):
    """Of WCAG 2: 1 for equal luminances, 21 for black on white."""
    low, high = sorted(linear(one) @ [0.2126, 0.7152, 0.0722] + 0.05 for one in (color, ground))
    return high / low


def oklab(light):
    """Colors in which equal distances look equally different (Ottosson, 2020)."""
    cones = np.cbrt([[0.41222, 0.53633, 0.05145], [0.2119, 0.6807, 0.1074], [0.0883, 0.28172, 0.62998]] @ light)
    return np.array([[0.21045, 0.79362, -0.00407], [1.978, -2.42859, 0.45059], [0.0259, 0.78277, -0.80868]]) @ cones


SEEN = {
    "all cones": np.eye(3),
    "no red": [[0.15229, 1.05258, -0.20487], [0.1145, 0.78628, 0.09922], [-0.00388, -0.04812, 1.052]],
    "no green": [[0.36732, 0.86065, -0.22797], [0.28009, 0.6725, 0.04741], [-0.01182, 0.04294, 0.96888]],
    "no blue": [[1.25553, -0.07675, -0.17878], [-0.07841, 0.93081, 0.1476], [0.00473, 0.69137, 0.3039]],
}
"""How colors look to readers without one kind of cones (Machado, Oliveira, Fernandes, 2009)."""


@pytest.mark.parametrize(("ground", "page"), [("light", "#ffffff"), ("dark", "#14181d")])
def test_colors_of_methods_are_seen_and_told_apart_by_color_blind_readers(ground, page):
    names = [f"method {at}" for at in range(6)]
    colors = [getattr(one, ground) for one in method_strokes(names).values()]
    assert all(contrast(color, page) >= 3 for color in colors)
    for seen in SEEN.values():
        looks = [oklab(np.clip(np.array(seen) @ linear(color), 0, 1)) for color in colors]
        assert min(np.linalg.norm(one - other) for one, other in combinations(looks, 2)) > 0.08


def test_twenty_four_methods_differ_and_a_usual_one_looks_the_same_everywhere():
    many = [f"method {at}" for at in range(20)]
    drawn = method_strokes([*many, "portfolio", "random", "transfer-in-context", "oracle", "quick-tune", "lr-probe"])
    assert len({(one.light, one.dashes) for one in drawn.values()}) == 26
    assert method_strokes(["portfolio"])["portfolio"] == drawn["portfolio"]
    assert [name for name, one in drawn.items() if one.strong] == ["transfer-in-context"]
