"""What a search prints at its end."""

import io
from types import SimpleNamespace

import pytest
from finished_search import ENTRIES, IA3, LORA, scored
from rich.console import Console

from foretune.report.final_scores import (
    Finalist,
    GuardChoice,
    GuardFinalist,
    GuardScore,
    Measurement,
    Member,
    ModelScores,
    Rise,
)
from foretune.report.tables import describe, guard_outcome
from foretune.session.outcome import _best, _say_choice, _time_spent
from foretune.types import Configuration


@pytest.mark.parametrize(("budget", "text"), [(90.0, "1 min 05 s of 1 min 30 s"), (None, "1 min 05 s")])
def test_the_time_spent_is_of_what_was_allowed(budget, text):
    assert _time_spent(SimpleNamespace(spent_seconds=65.2, budget_seconds=budget)) == text


def test_the_best_is_that_of_the_table_also_where_another_run_is_returned():
    more = Configuration({**IA3.values, "continues": LORA.key})
    scores = (scored("zero-shot", 4.0), scored("best", 1.5, more, 2), scored("chosen", 2.5, LORA, 1))
    history = [entry.report for entry in ENTRIES]
    said = _best(SimpleNamespace(scores=scores, max_fidelity=8), history)
    assert said == f"best: {describe(more.values, before=[LORA.values])}; after 2 of 8 slices"


def outcome(within, *finalists, limit=0.1, kept="b", members=()):
    measured = Measurement(1.0, 0.5, 0.5)
    score = GuardScore("other", 80, 2.1, 0.1, Rise(0.05, 0.01))
    row = ModelScores("guarded", measured, measured, dict(LORA.values), members=members, guard=score)
    choice = GuardChoice(limit, within, kept, finalists) if finalists else None
    return guard_outcome(SimpleNamespace(returned=row, guard=choice))


COST = "Guard: other, 80 rows that were not trained on; this adapter changes the loss there by +5.0% ± 1.0%."
OVER, WITHIN = (GuardFinalist(name, Rise(share, 0.02)) for name, share in (("a", 0.23), ("b", 0.05)))


def test_what_the_adapter_costs_on_the_guard_is_said():
    assert outcome(None) == COST
    assert outcome(True, WITHIN) == f"{COST} This is within the limit of 10%."


def test_an_adapter_that_the_limit_has_chosen_is_said_to_be():
    said = (
        f"{COST} The best adapter changes it by +23.0% ± 2.0%, more than the limit of 10%. "
        "The adapter that is returned has the best validation loss within the limit: "
    )
    assert outcome(True, OVER, WITHIN) == f"{said}lora r8, lr 0.0073, batch 8, 5 epochs."
    assert outcome(True, OVER, WITHIN, members=(Member(LORA.key, dict(LORA.values), 2, 0.375),)) == (
        f"{said}0.38 x lora r8, lr 0.0073, batch 8, 5 epochs. The factor scales down the change of the weights."
    )


def test_where_no_adapter_is_within_the_limit_the_user_is_told_what_to_do():
    said = outcome(False, OVER, WITHIN, limit=0.025)
    assert said.startswith(
        f"{COST} None of the 2 adapters that were scored is within the limit of 2.5%. The adapter that is returned has "
        "the lowest loss on the guard; the best adapter changes it by +23.0% ± 2.0%. To come"
    )
    assert "add rows like the guard's to the training data" in said
    assert "--resume and a larger --guard-limit" in said
    said = outcome(False, WITHIN, OVER, limit=0.025)
    assert "has the lowest loss on the guard, and is the best. To come closer" in said


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
