"""The figure of a search."""

from finished_search import ENTRIES, an_entry

from foretune.report.curves import draw_curves, save_curves
from foretune.report.run_report import (
    RunReport,
    trial_curves,
)
from foretune.types import Configuration


def test_curves_are_drawn_with_the_winner_marked(report, tmp_path):
    save_curves(report, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")

    left, right = draw_curves(report).axes
    labels = left.get_legend_handles_labels()[1]
    assert labels == [
        "zero-shot",
        "default: ia3, lr 0.02, batch 4, 2 epochs",
        "best: lora r8, lr 0.0073, batch 8, 5 epochs",
    ]
    best = right.get_legend_handles_labels()[0][2]
    assert best.get_ydata()[-1] == 1.5


def test_a_diverged_run_does_not_squeeze_the_others(report):
    wild = an_entry(4, Configuration({"method": "full", "learning_rate": 1.0}), [500.0], 19.0)
    figure = draw_curves(RunReport(**{**vars(report), "trials": trial_curves((*ENTRIES, wild), {})}))
    assert figure.axes[0].get_ylim()[1] < 10.0
