"""What a search prints at its end."""

from types import SimpleNamespace

import pytest

from foretune.session.outcome import _time_spent


@pytest.mark.parametrize(("budget", "text"), [(90.0, "1 min 05 s of 1 min 30 s"), (None, "1 min 05 s")])
def test_the_time_spent_is_of_what_was_allowed(budget, text):
    assert _time_spent(SimpleNamespace(spent_seconds=65.2, budget_seconds=budget)) == text
