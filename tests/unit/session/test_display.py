import io

import numpy as np
from rich.console import Console

from foretune.session.display import SearchDisplay
from foretune.tuner import Budget, Progress, incumbent_of
from foretune.types import Configuration, LearningCurve, Report, Status, Trial

LORA = Configuration({"method": "lora", "rank": 8, "learning_rate": 0.01})
IA3 = Configuration({"method": "ia3", "learning_rate": 0.02})


def a_report(number, configuration, losses, status=Status.OK, message=""):
    trial = Trial(number, configuration, len(losses) + (status is not Status.OK))
    return Report(trial, status, LearningCurve(-np.array(losses), np.ones(len(losses))), message, 1.0)


def progress(*history, trial=None, pending=(), spent=61.0):
    pending = pending or (() if trial is None else (trial,))
    return Progress(history, incumbent_of(history), spent, trial, pending)


def shown(*states, terminal=False, width=120):
    console = Console(file=io.StringIO(), force_terminal=terminal, width=width, color_system=None)
    with SearchDisplay(console, Budget(180.0, 20), max_fidelity=8, zero_shot_nll=4.0) as display:
        for state in states:
            display(state)
    return console.file.getvalue()


def test_without_a_terminal_each_report_is_a_line():
    first, worse = a_report(0, LORA, [2.0]), a_report(1, IA3, [3.0])
    failed = a_report(2, IA3, [3.0], Status.DIVERGED, "loss is NaN")
    text = shown(progress(), progress(first), progress(first, worse), progress(first, worse, failed))
    lines = [line.strip() for line in text.splitlines()]
    assert lines == [
        "1 min 01 s    2.0000  lora r8, lr 0.01  [1/8]  best so far",
        "1 min 01 s    3.0000  ia3, lr 0.02  [1/8]",
        "1 min 01 s  diverged  ia3, lr 0.02  [2/8]: loss is NaN",
    ]


def test_the_best_slice_may_not_be_the_last():
    text = shown(progress(), progress(a_report(0, LORA, [2.0, 1.5, 1.75])))
    assert "1.7500  lora r8, lr 0.01  [3/8]  best so far: 1.5000 after slice 2" in text


def test_a_resumed_search_says_so_and_repeats_nothing():
    before = (a_report(0, LORA, [2.0]), a_report(1, IA3, [3.0]))
    text = shown(progress(*before), progress(*before, a_report(2, LORA, [2.0, 1.0])))
    assert text.splitlines()[0] == "Resuming after 2 trials."
    assert len(text.splitlines()) == 2


def test_a_terminal_shows_all_trials_under_way_or_the_first_eight():
    pending = tuple(Trial(number, Configuration({"method": "lora", "rank": number}), 1) for number in range(1, 11))
    few, many = (shown(progress(), progress(pending=pending[:end]), terminal=True) for end in (2, 10))
    assert "lora r1, slice 1 of 8" in few
    assert "lora r2, slice 1 of 8" in few
    assert "more" not in few
    assert "lora r8, slice 1 of 8" in many
    assert "lora r9" not in many
    assert "and 2 more" in many


def test_a_terminal_shows_what_is_going_on():
    trial = Trial(1, IA3, 3, resumes_from=2)
    text = shown(
        progress(), progress(a_report(0, LORA, [2.0])), progress(a_report(0, LORA, [2.0]), trial=trial), terminal=True
    )
    assert "best so far" in text
    assert "ia3, lr 0.02, slice 3 of 8" in text
    assert "19 slices left" in text
    assert "(zero-shot 4.0000)" in text


LONG = Configuration({"method": "loraplus", "rank": 64, "learning_rate": 0.00083, "batch_size": 32, "epochs": 20})
LINE = "1 min 01 s    2.0000  loraplus r64, lr 0.00083, batch 32, 20 epochs  [1/8]  best so far"


def test_a_narrow_terminal_breaks_lines_between_words_and_a_narrow_log_nowhere():
    states = progress(), progress(a_report(0, LONG, [2.0]))
    assert shown(*states, width=40).strip() == LINE
    console = Console(file=io.StringIO(), force_terminal=True, width=40, color_system=None)
    display = SearchDisplay(console, Budget(180.0, 20), max_fidelity=8, zero_shot_nll=4.0, ending=lambda: True)
    for state in (*states, progress(a_report(0, LONG, [2.0]), trial=Trial(1, LONG, 2, resumes_from=1))):
        display(state)
    console.print(display._render())
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 40
    said = " ".join(" ".join(lines).split())
    assert " ".join(LINE.split()) in said
    assert "slice 2 of 8" in said
    assert "19 slices left" in said
