"""What a search prints at its end."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from foretune.report.run_report import Finalist
from foretune.session.outcome import _say_choice, _time_spent


@pytest.mark.parametrize(("budget", "text"), [(90.0, "1 min 05 s of 1 min 30 s"), (None, "1 min 05 s")])
def test_the_time_spent_is_of_what_was_allowed(budget, text):
    assert _time_spent(SimpleNamespace(spent_seconds=65.2, budget_seconds=budget)) == text


@pytest.mark.parametrize(
    ("metric", "finalists", "said"),
    [
        ("nll", (), ""),
        ("rouge_l", (), "note: validation loss chose: there was one adapter only, or too little time"),
        ("rouge_l", (Finalist("lora r8", 0.5, None, None, chosen=True),), "answers to 50 questions"),
    ],
)
def test_who_chose_is_said_where_it_was_not_simply_the_loss(metric, finalists, said):
    console = Console(file=io.StringIO(), width=120)
    _say_choice(SimpleNamespace(metric=metric, questions=50, finalists=finalists), console)
    shown = console.file.getvalue()
    assert said in shown
    assert bool(shown) == bool(said)
