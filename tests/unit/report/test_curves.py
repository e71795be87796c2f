"""The figure of a search."""

from dataclasses import replace

import numpy as np
from finished_search import ENTRIES, IA3, an_entry, scored

from foretune.report.curves import draw_curves, save_curves
from foretune.report.final_scores import Member
from foretune.report.run_report import RunReport, trial_curves
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


def test_a_run_that_is_returned_instead_of_the_best_is_not_called_the_best(report):
    returned = scored("chosen", 2.5, IA3, 1)
    changed = replace(report, scores=(*report.scores, returned), best_key=IA3.key, default_key="")
    labels = draw_curves(changed).axes[0].get_legend_handles_labels()[1]
    assert labels == ["zero-shot", "returned: ia3, lr 0.02, batch 4, 2 epochs"]


def test_an_average_is_where_the_search_ends(report):
    best = report.scores[-1]
    members = tuple(Member("k", best.configuration, 2, 0.5) for _ in range(2))
    average = replace(best, name="average", validation=replace(best.validation, nll=1.25), members=members)
    right = draw_curves(replace(report, scores=(*report.scores, average))).axes[1]
    handles, labels = right.get_legend_handles_labels()
    end = handles[labels.index("the average of 2 runs")]
    assert (list(end.get_xdata()), list(end.get_ydata())) == ([report.spent_seconds], [1.25])


def test_a_run_that_goes_on_is_drawn_from_where_the_other_was_best(report):
    best = next(one for one in report.trials if one.key == report.best_key)
    more = replace(best, key="more", configuration={**best.configuration, "continues": best.key})
    left = draw_curves(replace(report, trials=(*report.trials, more))).axes[0]
    zero_shot, ends = report.scores[0].validation.nll, np.cumsum(best.seconds)
    at = int(np.argmin(best.validation_nll))
    expected = [ends[at], *(ends[at] + ends)], [best.validation_nll[at], *best.validation_nll]
    lines = [[list(line.get_xdata()), list(line.get_ydata())] for line in left.get_lines()]
    assert list(expected) in lines
    assert [[0.0, *ends], [zero_shot, *best.validation_nll]] in lines
    scores = (*report.scores[:-1], replace(report.scores[-1], configuration=more.configuration))
    left = draw_curves(replace(report, scores=scores, trials=(*report.trials, more), best_key="more")).axes[0]
    handles, labels = left.get_legend_handles_labels()
    winner = handles[labels.index("best: lora r8, lr 0.0073, batch 8, 5 more epochs")].get_color()
    of_before = [line for line in left.get_lines() if list(line.get_xdata()) == [0.0, *ends]]
    assert [line.get_color() for line in of_before] == [winner]  # the run that it goes on from


def test_a_diverged_run_does_not_squeeze_the_others(report):
    wild = an_entry(4, Configuration({"method": "full", "learning_rate": 1.0}), [500.0], 19.0)
    figure = draw_curves(RunReport(**{**vars(report), "trials": trial_curves((*ENTRIES, wild), {})}))
    assert figure.axes[0].get_ylim()[1] < 10.0
