"""A chat template: what it writes around answers, and what it is told of the day."""

from datetime import date

import pytest

from foretune.errors import DataError
from foretune.finetuning.data.template import ChatTemplate, special_tokens

ASKED = [{"role": "user", "content": "q"}]
ANSWERED = [*ASKED, {"role": "assistant", "content": "a"}]


@pytest.fixture
def template(chat_tokenizer):
    """The template of the shared tokenizer, or of a copy with another source."""

    def make(source=None, **options):
        if source is None:
            return ChatTemplate(chat_tokenizer, **options)
        import copy

        tokenizer = copy.deepcopy(chat_tokenizer)
        tokenizer.chat_template = source
        return ChatTemplate(tokenizer, **options)

    return make


def test_a_conversation_as_text_with_or_without_the_next_turn(template):
    assert template().text(ASKED, prompt=True) == "<|user|>\nq<|end|>\n<|assistant|>\n"
    assert template().text(ASKED, prompt=False) == "<|user|>\nq<|end|>\n"


def test_what_follows_an_answer_and_where_its_turn_ends(template):
    one = template()
    assert (one.after_answer, one.turn_end, one.end_token_id) == ("<|end|>\n", "<|end|>", 1)
    assert one.turn("a<|end|>\n") == ("a<|end|>", True)
    assert one.turn("a \n") == ("a \n", False)
    assert one.turn("a<|end|>b<|end|>\n") == ("a<|end|>b<|end|>", True)


@pytest.mark.parametrize(
    ("after", "turn_end", "token"),
    [
        ("<|end|><|begin|> <|user|>", "<|end|><|begin|>", 0),
        ("\n###\n", "\n###", None),
        (" \n", "", None),
        ("##<|end|>##", "##<|end|>", 1),
    ],
)
def test_turns_end_with_special_tokens_or_else_with_text(template, after, turn_end, token):
    one = template("{% for m in messages %}{{ m['content'] }}" + after + "{% endfor %}")
    assert (one.after_answer, one.turn_end, one.end_token_id) == (after, turn_end, token)


def test_a_template_that_writes_no_answer_ends_none(template):
    one = template("{{ raise_exception('never') }}")
    assert (one.after_answer, one.turn_end, one.end_token_id, one.in_parts) == ("", "", None, False)
    with pytest.raises(DataError, match=r"^d.jsonl, line 1: the model's chat template rejects .* roles user \(never\)"):
        one.text(ASKED, prompt=False, where="d.jsonl, line 1")
    with pytest.raises(DataError, match=r"^a row: .*; change the conversation \(a system message can often be put"):
        one.text(ASKED, prompt=False)


def test_contents_are_given_as_parts_where_only_these_are_written(template):
    one = template("{% for m in messages %}{{ m['content'][0]['text'] }}<|end|>{% endfor %}")
    assert one.in_parts
    assert one.text(ANSWERED, prompt=False) == "q<|end|>a<|end|>"
    assert not template().in_parts


def test_marked_answers_have_their_places(template):
    source = (
        "{% for m in messages %}{% if m['role'] == 'user' %}{{ m['content'] }}"
        "{% else %}{% generation %}{{ m['content'] }}!{% endgeneration %}{% endif %}{% endfor %}"
    )
    assert template(source).blocks(ANSWERED * 2, None, "") == [(1, 3), (4, 6)]
    assert template().blocks(ANSWERED, None, "") == []


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("%d %b %Y", "03 Feb 2024"),
        ("%-d.%-m.%y 100%%", "3.2.24 100%"),
        ("%A, %j", "Saturday, 034"),
        ("%-j", "34"),
        ("%H:%M %-H", "00:00 0"),
    ],
)
def test_the_day_is_that_of_the_run(template, form, text):
    source = "{{ strftime_now('" + form + "') }}: {{ messages[0]['content'] }}"
    assert template(source, today=date(2024, 2, 3)).text(ASKED, prompt=False) == f"{text}: q"


def test_tools_have_a_place_or_none(template):
    assert not template().writes_tools(None)
    assert template("{{ tools | tojson }}").writes_tools(None)
    assert template("{{ tools | tojson }}").text(ASKED, [{"name": "add"}], prompt=False) == '[{"name": "add"}]'


def test_arguments_are_text_where_the_template_joins_them(template):
    call = "{{ '>' + c['function']['arguments'] }}"
    source = "{% for m in messages %}{% for c in m.tool_calls %}" + call + "{% endfor %}{% endfor %}"
    calls = [{"function": {"name": "add", "arguments": {"a": 1}}}]
    asked = [*ASKED, {"role": "assistant", "content": "", "tool_calls": calls}]
    assert template(source).text(asked, prompt=False) == '>{"a": 1}'
    assert calls[0]["function"]["arguments"] == {"a": 1}


def test_all_special_tokens_once(chat_tokenizer):
    assert special_tokens(chat_tokenizer) == ("<|begin|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
