"""A conversation in the terminal."""

import io

import pytest

from foretune.cli.chat import _lines, talk
from foretune.execution.finetuned import Finetuned
from foretune.finetuning.model import load_model, load_tokenizer


@pytest.mark.parametrize("remembers", [True, False])
def test_a_conversation_goes_on_until_it_begins_anew(tiny_model, capsys, remembers):
    asked = []

    class Echo(Finetuned):
        def answers(self, prompts, **_):
            asked.append([message.content for message in prompts[0]])
            return [f"answer {len(asked)}"]

    model = Echo(load_model(tiny_model), load_tokenizer(tiny_model), (4,), 8)
    talk(model, iter(["a", "", "b", "/new", "c", "/quit", "d"]), None, remembers=remembers)
    assert asked == ([["a"], ["a", "answer 1", "b"], ["c"]] if remembers else [["a"], ["b"], ["c"]])


def test_lines_of_a_pipe_are_read_to_its_end(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO(" one \n\ntwo"))
    assert list(_lines()) == ["one", "", "two"]
    assert capsys.readouterr().out == ""
