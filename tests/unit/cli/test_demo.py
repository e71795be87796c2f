"""`foretune demo`: only an earlier demo is ever replaced."""

import io

import pytest
from rich.console import Console

from foretune.cli.demo import _clear, _plain
from foretune.errors import JournalError


def test_an_earlier_demo_is_removed(tmp_path):
    (tmp_path / "demo" / "facts").mkdir(parents=True)
    (tmp_path / "demo" / "facts" / "card.json").write_text("{}")
    (tmp_path / "demo" / "search").mkdir()
    _clear(tmp_path / "demo")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_or_none_is_free(tmp_path):
    _clear(tmp_path)
    _clear(tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_anything_else_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    for place in (tmp_path, tmp_path / "mine.txt"):
        with pytest.raises(JournalError, match="exists and is no earlier demo; move it away, or give another folder"):
            _clear(place)
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("text", ["plain", "a [b]c[/b] d", "[red]"])
def test_answers_are_shown_as_they_are_on_one_line(text):
    console = Console(file=io.StringIO(), width=80)
    console.print(_plain(f" {text}\n"))
    assert console.file.getvalue() == text + "\n"
