import io
import time

from rich.console import Console

from foretune.session.waiting import waiting


def shown(seconds, *, then=10.0):
    console = Console(file=io.StringIO(), width=120)
    with waiting(console, "loading the model", first=0.05, then=then) as step:
        time.sleep(seconds)
        step("scoring, 3 of 8")
        time.sleep(seconds)
    return console.file.getvalue().splitlines()


def test_without_a_terminal_a_long_wait_is_a_plain_line():
    assert shown(0.15) == ["loading the model ... (0 s)"]


def test_further_lines_say_how_far_it_is():
    lines = shown(0.3, then=0.1)
    assert lines[0] == "loading the model ... (0 s)"
    assert lines[-1].startswith("scoring, 3 of 8 ... (")


def test_a_short_wait_leaves_no_trace():
    assert shown(0.0) == []


def test_a_terminal_shows_the_step_under_way():
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with waiting(console, "loading the model") as step:
        step("scoring, 3 of 8")
    assert "scoring, 3 of 8 ..." in console.file.getvalue()
