"""The figure of a replay."""

import numpy as np

from foretune.benchmark.figures import RegretCurve
from foretune.report.plot_style import method_strokes
from foretune.report.regret_plot import draw_regret, save_regret


def curve(*means):
    mean = np.array(means)
    return RegretCurve(np.geomspace(0.5, 4.0, len(means)), mean, mean - 0.1, mean + 0.1)


CURVES = {"random": curve(1.0, 0.5, 0.25), "zero-shot": curve(7.0, 7.0, 7.0), "transfer:x=1": curve(0.5, 0.25, 0.0)}


def test_methods_are_lines_and_those_above_the_picture_say_so():
    axes = draw_regret(CURVES, tasks=12, leave_out="family").axes[0]
    named = {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}
    assert list(named) == ["random", "zero-shot (7, not in the picture)", "transfer:x=1"]
    assert named["random"].get_ydata().tolist() == [1.0, 0.5, 0.25]
    assert named["transfer:x=1"].get_linewidth() > named["random"].get_linewidth()
    assert named["random"].is_dashed() is False
    assert named["zero-shot (7, not in the picture)"].is_dashed()
    assert axes.get_title() == "12 tasks, one family left out; mean and 95 % interval over tasks"


def test_of_many_methods_only_the_one_that_stands_out_has_an_interval():
    many = {f"method {at}": curve(1.0, 0.5) for at in range(9)}
    assert draw_regret(many, tasks=1, leave_out="task").axes[0].get_title().endswith("; mean over tasks")
    axes = draw_regret({**many, "transfer": curve(0.5, 0.25)}, tasks=1, leave_out="task").axes[0]
    assert axes.get_title().endswith("; mean and 95 % interval over tasks of transfer")
    assert len(axes.collections) == 1


def test_the_axis_of_budgets_is_logarithmic_with_ticks_within_it():
    axes = draw_regret(CURVES, tasks=12, leave_out="task").axes[0]
    assert axes.get_xscale() == "log"
    assert axes.get_xlim() == (0.5, 4.0)
    assert axes.get_xticks().tolist() == [0.5, 1, 2, 3]
    assert axes.get_ylim() == (0.0, 1.25)


def test_methods_are_drawn_as_the_style_says(tmp_path):
    many = {f"method {at}": curve(1.0, 0.5) for at in range(10)}
    figure = draw_regret(many, tasks=1, leave_out="task")
    lines = [line for line in figure.axes[0].lines if not line.get_label().startswith("_")]
    strokes = method_strokes(list(many)).values()
    assert [line.get_color() for line in lines] == [one.light for one in strokes]
    assert [line.is_dashed() for line in lines] == [bool(one.dashes) for one in strokes]
    save_regret(figure, tmp_path / "regret.png")
    assert (tmp_path / "regret.png").read_bytes().startswith(b"\x89PNG")
