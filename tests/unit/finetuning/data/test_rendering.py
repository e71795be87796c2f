"""Rows as models expect them: every turn learned in its place, and each begin, end and opening mark exactly once.

The templates here are written for these tests; each behaves as those of a family of models does.
"""

import json
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foretune.errors import DataError
from foretune.finetuning.data import Example, Message, Splits, tokenize

MARKS = ("<s>", "</s>", "<im>", "<im_end>", "<eot>", "<turn>", "<turn_end>", "<ask>", "<end>", "<answer>", "<doc_end>")

LLAMA = (
    "{{ bos_token }}{% for m in messages %}<turn>{{ m['role'] }}\n\n{{ m['content'] | trim }}<eot>{% endfor %}"
    "{% if add_generation_prompt %}<turn>assistant\n\n{% endif %}"
)
QWEN = (
    "{% if messages[0]['role'] != 'system' %}<im>system\nhelp<im_end>\n{% endif %}"
    "{% for m in messages %}<im>{{ m['role'] }}\n{{ m['content'] }}<im_end>\n{% endfor %}"
    "{% if add_generation_prompt %}<im>assistant\n{% endif %}"
)
# Writes thinking in the last answer, empty if there is none, and takes it out of earlier ones.
QWEN_THINKING = (
    "{% for m in messages %}<im>{{ m['role'] }}\n{% if m['role'] == 'assistant' %}"
    "{% set parts = m['content'].split('</think>') %}{% set said = parts[-1].lstrip('\n') %}"
    "{% if loop.last %}<think>\n{{ parts[0].split('<think>')[-1].strip('\n') if parts | length > 1 else '' }}\n</think>"
    "\n\n{% endif %}{{ said }}{% else %}{{ m['content'] }}{% endif %}<im_end>\n{% endfor %}"
    "{% if add_generation_prompt %}<im>assistant\n{% endif %}"
)
# The same with a prompt that opens the thinking.
QWEN_ALWAYS_THINKING = QWEN_THINKING.replace("<im>assistant\n{% endif %}", "<im>assistant\n<think>\n{% endif %}")
GEMMA = (
    "{{ bos_token }}{% for m in messages %}<turn>{{ 'model' if m['role'] == 'assistant' else m['role'] }}\n"
    "{{ m['content'] | trim }}<turn_end>\n{% endfor %}{% if add_generation_prompt %}<turn>model\n{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}<ask> {{ m['content'] }} <answer>"
    "{% else %} {{ m['content'] }}{{ eos_token }}{% endif %}{% endfor %}"
)
PHI = (
    "{% for m in messages %}<turn>{{ m['role'] }}\n{{ m['content'] }}<end>\n{% endfor %}"
    "{% if add_generation_prompt %}<turn>assistant\n{% else %}<doc_end>{% endif %}"
)
# Opens thinking when it asks, and takes all thinking out of what was answered.
DEEPSEEK = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}<ask>{{ m['content'] }}"
    "{% else %}<answer>{{ m['content'].split('</think>')[-1] }}{{ eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<answer><think>\n{% endif %}"
)
MARKED = (
    "{% for m in messages %}<turn>{{ m['role'] }}\n{% if m['role'] == 'assistant' %}"
    "{% generation %}{{ m['content'] }}<eot>\n{% endgeneration %}{% if not loop.last %}<!-- seen -->{% endif %}"
    "{% else %}{{ m['content'] }}<eot>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<turn>assistant\n{% endif %}"
)
TOOLS = (
    "{% if tools %}tools {{ tools | tojson }}\n{% endif %}"
    "{% for m in messages %}<im>{{ m['role'] }}\n{{ m['content'] }}"
    "{% for c in m['tool_calls'] or [] %}call {{ c['function']['name'] }} {{ c['function']['arguments'] | tojson }}"
    "{% endfor %}<im_end>\n{% endfor %}{% if add_generation_prompt %}<im>assistant\n{% endif %}"
)
DATED = (
    "{% macro day(format) %}{{ strftime_now(format) }}{% endmacro %}"
    "{% if strftime_now is defined %}{% set today = day('%d %b %Y, %-d, 100%%') %}{% endif %}Today {{ today }}\n"
    + LLAMA
)
FAMILIES = {
    "llama": (LLAMA, "</s>"),
    "qwen": (QWEN, "<im_end>"),
    "qwen thinking": (QWEN_THINKING, "<im_end>"),
    "qwen always thinking": (QWEN_ALWAYS_THINKING, "<im_end>"),
    "gemma": (GEMMA, "</s>"),
    "mistral": (MISTRAL, "</s>"),
    "phi": (PHI, "<doc_end>"),
    "deepseek": (DEEPSEEK, "</s>"),
    "marked": (MARKED, "<eot>"),
    "none": (None, "</s>"),
}
TURN_ENDS = {
    "llama": "<eot>",
    "gemma": "<turn_end>",
    "phi": "<end>",
}


def make_tokenizer(template, eos="</s>", *, adds_begin=True, adds_end=False):
    """Bytes and special tokens; like Llama's it can put the begin token, and the end token, around a text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: n for n, token in enumerate([*MARKS, *letters])}
    backend = Tokenizer(models.BPE(vocabulary, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    around = ("<s> " if adds_begin else "") + "$A" + (f" {eos}" if adds_end else "")
    used = [("<s>", 0), (eos, vocabulary[eos])]
    backend.post_processor = processors.TemplateProcessing(single=around, special_tokens=used)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token=MARKS[0],
        eos_token=eos,
        additional_special_tokens=[mark for mark in MARKS if mark not in ("<s>", eos)],
        chat_template=template,
    )


def talk(*contents, system=""):
    """A conversation of questions and answers in turn."""
    roles = ("user", "assistant")
    said = tuple(Message(roles[at % 2], content) for at, content in enumerate(contents))
    return Example((Message("system", system), *said) if system else said, where="d.jsonl, line 1")


def tokenized(tokenizer, *examples, **options):
    rows = Splits("mine", examples, examples[:1], examples[:1])
    return tokenize(rows, tokenizer, options.pop("max_length", 1000), **options)


def parts(tokenizer, example, **options):
    """The row as text, cut where it begins and ends to be learned: given, learned, given, learned, ..."""
    tokens = tokenized(tokenizer, example, **options).train
    learned = tokens.learned(0)
    cuts = np.flatnonzero(np.diff(learned.astype(int))) + 1
    assert not learned[0]
    assert tokens.completion_lengths.tolist() == [learned.sum()]
    return [tokenizer.decode(part) for part in np.split(tokens.input_ids[0], cuts)]


@pytest.mark.parametrize(
    ("family", "given", "learned"),
    [
        ("llama", "<s><turn>user\n\nq<eot><turn>assistant\n\n", "a<eot>"),
        ("qwen", "<im>system\nhelp<im_end>\n<im>user\nq<im_end>\n<im>assistant\n", "a<im_end>"),
        ("qwen thinking", "<im>user\nq<im_end>\n<im>assistant\n", "<think>\n\n</think>\n\na<im_end>"),
        ("qwen always thinking", "<im>user\nq<im_end>\n<im>assistant\n<think>\n", "\n</think>\n\na<im_end>"),
        ("gemma", "<s><turn>user\nq<turn_end>\n<turn>model\n", "a<turn_end>"),
        ("mistral", "<s><ask> q <answer>", " a</s>"),
        ("phi", "<turn>user\nq<end>\n<turn>assistant\n", "a<end>"),
        ("deepseek", "<s><ask>q<answer><think>\n", "\n</think>\n\na</s>"),
        ("marked", "<turn>user\nq<eot>\n<turn>assistant\n", "a<eot>"),
        ("none", "<s>q", " a</s>"),
    ],
)
def test_what_is_given_and_what_is_learned(family, given, learned):
    template, eos = FAMILIES[family]
    end = TURN_ENDS.get(family, eos)
    for adds_end in (False, True):
        tokenizer = make_tokenizer(template, eos, adds_end=adds_end)
        assert parts(tokenizer, talk("q", "a")) == [given, learned]
        # Marks that the data has already are not written again.
        for question, answer in [
            ("q", f"a{end}"),
            ("<s>q", f"a {eos}\n"),
            ("<s> q", " a"),
            (f"q{end}", f" a{eos}{end}"),
        ]:
            assert parts(tokenizer, talk(question, answer)) == [given, learned], (question, answer)


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        (
            "llama",
            [
                "<s><turn>user\n\nq<eot><turn>assistant\n\n",
                "a<eot>",
                "<turn>user\n\nr<eot><turn>assistant\n\n",
                "b<eot>",
            ],
        ),
        (
            "gemma",
            [
                "<s><turn>user\nq<turn_end>\n<turn>model\n",
                "a<turn_end>",
                "\n<turn>user\nr<turn_end>\n<turn>model\n",
                "b<turn_end>",
            ],
        ),
        ("mistral", ["<s><ask> q <answer>", " a</s>", "<ask> r <answer>", " b</s>"]),
        (
            "phi",
            ["<turn>user\nq<end>\n<turn>assistant\n", "a<end>", "\n<turn>user\nr<end>\n<turn>assistant\n", "b<end>"],
        ),
        (
            "marked",
            [
                "<turn>user\nq<eot>\n<turn>assistant\n",
                "a<eot>",
                "\n<!-- seen --><turn>user\nr<eot>\n<turn>assistant\n",
                "b<eot>",
            ],
        ),
        ("none", ["<s>q", " a</s>", "\nr", " b</s>"]),
        (
            "qwen thinking",
            [
                "<im>user\nq<im_end>\n<im>assistant\na<im_end>\n<im>user\nr<im_end>\n<im>assistant\n",
                "<think>\n\n</think>\n\nb<im_end>",
            ],
        ),
        ("deepseek", ["<s><ask>q<answer>a</s><ask>r<answer><think>\n", "\n</think>\n\nb</s>"]),
    ],
)
def test_every_answer_of_a_conversation_is_learned_in_its_place(family, expected):
    tokenizer = make_tokenizer(*FAMILIES[family])
    assert parts(tokenizer, talk("q", "a", "r", "b")) == expected
    last = parts(tokenizer, talk("q", "a", "r", "b").last_turn_only())
    assert last == ["".join(expected[:-1]), expected[-1]]
    notes = tokenized(tokenizer, talk("q", "a", "r", "b"), talk("q", "a")).notes
    changes = len(expected) == 2
    assert [note for note in notes if "only the last answer is learned" in note] == changes * [
        "of 3 of 4 conversations only the last answer is learned, since the model's chat template writes earlier "
        "answers in another way than the last one; to learn all, give a row for each answer"
    ]


@pytest.mark.parametrize(
    ("family", "learned"),
    [
        ("deepseek", "r</think>a</s>"),
        ("qwen always thinking", "r\n</think>\n\na<im_end>"),
        ("qwen thinking", "<think>\nr\n</think>\n\na<im_end>"),
        ("llama", "<think>\nr</think>a<eot>"),
    ],
)
def test_thinking_is_opened_once(family, learned):
    tokenizer = make_tokenizer(*FAMILIES[family])
    assert parts(tokenizer, talk("q", "<think>\nr</think>a"))[1] == learned
    opened = "<s><ask>q<answer><think>\n"
    twice = make_tokenizer(
        "{{ bos_token }}<ask>q<answer><think>\n{% if messages[-1]['role'] == 'assistant' %}"
        "{{ messages[-1]['content'] }}</s>{% endif %}"
    )
    assert parts(twice, talk("q", "<think>\nr</think>a")) == [opened, "r</think>a</s>"]
    # Data without thinking closes it, or the answer would stand among the thoughts.
    assert parts(twice, talk("q", "a")) == [opened, "\n</think>\n\na</s>"]


def test_marks_of_a_template_around_answers_are_completed_by_the_end_of_the_turn():
    outside = MARKED.replace("<eot>\n{% endgeneration %}", "{% endgeneration %}<eot>\n")
    assert outside != MARKED
    for template in (MARKED, outside):
        pieces = parts(make_tokenizer(template, "<eot>"), talk("q", "a", "r", "b"))
        assert pieces[1::2] == ["a<eot>", "b<eot>"]


def test_marks_that_take_in_the_beginning_of_an_answer_are_cut_to_what_is_generated():
    wide = (
        MARKED.replace("<turn>{{ m['role'] }}\n{% if", "{% if")
        .replace("{% generation %}", "{% generation %}<turn>assistant\n")
        .replace("{% else %}{{ m['content'] }}", "{% else %}<turn>{{ m['role'] }}\n{{ m['content'] }}")
    )
    for template in (MARKED, wide):
        assert parts(make_tokenizer(template, "<eot>"), talk("q", "a", "r", "b")) == [
            "<turn>user\nq<eot>\n<turn>assistant\n",
            "a<eot>",
            "\n<!-- seen --><turn>user\nr<eot>\n<turn>assistant\n",
            "b<eot>",
        ]


def test_special_tokens_side_by_side_end_a_turn_together():
    template = QWEN.replace("<im_end>\n{% endfor %}", "<end><im_end>\n{% endfor %}")
    assert parts(make_tokenizer(template, "<im_end>"), talk("q", "a"))[1] == "a<end><im_end>"


def test_templates_that_want_parts_get_parts():
    template = LLAMA.replace("{{ m['content'] | trim }}", "{% for c in m['content'] %}{{ c.get('text') }}{% endfor %}")
    silent = LLAMA.replace("{{ m['content'] | trim }}", "{% for c in m['content'] %}{{ c['text'] }}{% endfor %}")
    for wanting in (template, silent):
        assert parts(make_tokenizer(wanting), talk("q", "a", system="s")) == [
            "<s><turn>system\n\ns<eot><turn>user\n\nq<eot><turn>assistant\n\n",
            "a<eot>",
        ]


@pytest.mark.parametrize("adds_begin", [True, False])
def test_raw_text_has_one_begin_and_one_end(adds_begin):
    tokenizer = make_tokenizer(LLAMA, adds_begin=adds_begin)
    for text in ("<s>once</s>", "<s><s> once</s></s>\n", "<s>once"):
        assert parts(tokenizer, Example(text=text)) == ["<s>", "once</s>"]
    assert "".join(parts(tokenizer, Example(text="once"))) == ("<s>once</s>" if adds_begin else "once</s>")
    # What is inside stays: several documents in one row.
    assert "".join(parts(tokenizer, Example(text="<s>a</s><s>b</s>"))) == "<s>a</s><s>b</s>"


@pytest.mark.parametrize(
    ("prompt", "answer", "text"),
    [
        ("q:", "a", "q: a"),
        ("q:", " a", "q: a"),
        ("q: ", "a", "q: a"),
        ("q: ", " a", "q: a"),
        ("q:\n", "a", "q:\na"),
        ("def f():\n", "    pass", "def f():\n    pass"),
        ("q:", "\na", "q:\na"),
    ],
)
def test_one_space_is_between_a_prompt_and_its_completion(prompt, answer, text):
    assert "".join(parts(make_tokenizer(None), talk(prompt, answer))) == f"<s>{text}</s>"


def test_what_was_dropped_is_said():
    notes = tokenized(make_tokenizer(LLAMA), talk("<s>q", "a"), talk("q", "a")).notes
    assert (
        "3 of 4 rows have begin or end tokens as text, or a space before an answer, that are written anyway"
        in (notes[0])
    )
    assert not tokenized(make_tokenizer(None), talk("q", " a")).notes


WORDS = st.text("ab \n", min_size=1, max_size=5).filter(str.strip)
BEFORE = st.sampled_from(["", "<s>", "<s> ", " "])
AFTER = st.sampled_from(["", "</s>", "<eot>", " </s>\n"])


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["llama", "gemma", "mistral", "phi", "qwen", "none"]),
    st.lists(st.tuples(BEFORE, WORDS, AFTER), min_size=2, max_size=6).filter(lambda turns: len(turns) % 2 == 0),
)
def test_one_begin_and_one_end_for_each_turn(family, turns):
    template, eos = FAMILIES[family]
    end = TURN_ENDS.get(family, eos)
    marked = [before + word + after.replace("</s>", eos).replace("<eot>", end) for before, word, after in turns]
    tokenizer = make_tokenizer(template, eos)
    pieces = parts(tokenizer, talk(*marked))
    assert len(pieces) == len(turns)
    begins = 0 if family in ("phi", "qwen") else 1
    assert "".join(pieces).count("<s>") == begins
    for learned, (_, word, _) in zip(pieces[1::2], turns[1::2], strict=True):
        assert learned.endswith(end)
        assert learned.count(end) == 1
        assert word.strip() in learned


def test_tools_are_written_by_the_template_and_calls_are_learned():
    call = {"tool_calls": [{"type": "function", "function": {"name": "add", "arguments": {"a": 2}}}]}
    messages = (
        Message("user", "2+2?"),
        Message("assistant", "", json.dumps(call)),
        Message("tool", "4"),
        Message("assistant", "4"),
    )
    example = Example(messages, tools='[{"name": "add"}]', where="d.jsonl, line 1")
    assert parts(make_tokenizer(TOOLS, "<im_end>"), example) == [
        'tools [{"name": "add"}]\n<im>user\n2+2?<im_end>\n<im>assistant\n',
        'call add {"a": 2}<im_end>',
        "\n<im>tool\n4<im_end>\n<im>assistant\n",
        "4<im_end>",
    ]
    assert not tokenized(make_tokenizer(TOOLS, "<im_end>"), example).notes
    as_they_are = TOOLS.replace("{{ c['function']['arguments'] | tojson }}", "{{ '' + c['function']['arguments'] }}")
    assert parts(make_tokenizer(as_they_are, "<im_end>"), example)[1] == 'call add {"a": 2}<im_end>'
    unused = Example((Message("user", "q"), Message("assistant", "a")), tools='[{"name": "add"}]')
    assert tokenized(make_tokenizer(LLAMA), unused).notes == (
        "the tools of 3 rows are left aside, since the model's chat template does not write tools",
    )
    asked = Example(messages[:2], where="d.jsonl, line 1")
    with pytest.raises(DataError, match=r"line 1: the model's chat template does not write tool calls, .* 'add'"):
        tokenized(make_tokenizer(LLAMA), asked)
    with pytest.raises(DataError, match="line 1: the row has tools, and the model has no chat template"):
        tokenized(make_tokenizer(None), asked)


def test_long_conversations_lose_their_last_turns_first():
    tokenizer = make_tokenizer(None, adds_begin=False)
    long = talk("q", "a", "r", "b" * 20)
    assert parts(tokenizer, long) == ["q", " a</s>", "\nr", " " + "b" * 20 + "</s>"]
    rows = tokenized(tokenizer, talk("q", "a"), long, talk("q" * 20, "a"), max_length=12)
    assert [tokenizer.decode(ids) for ids in rows.train.input_ids] == ["q a</s>", "q a</s>", "q" * 9 + " a</s>"]
    assert rows.notes == (
        "train: 2 of 3 rows are longer than 12 tokens and were cut: 1 lost their last turns, and prompts from the left",
    )


def test_rows_that_a_template_rejects_are_all_counted():
    rejecting = make_tokenizer(
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}" + QWEN
    )
    bad = talk("q", "a", system="s")
    splits = Splits("mine", (bad, talk("q", "a"), bad), (talk("v", "a"),), (talk("t", "a"),))
    with pytest.raises(
        DataError, match=r"^2 of 3 rows of train cannot be used; .*--skip-bad-rows\n .*1, line 1: .*no system"
    ):
        tokenize(splits, rejecting, 100)
    kept = tokenize(Splits("mine", splits.train, splits.validation, splits.test, skip_bad_rows=True), rejecting, 100)
    assert len(kept.train) == 1
    assert kept.notes[0].startswith("train: 2 of 3 rows were left out, since they cannot be used:\n  d.jsonl, line 1")


def test_a_template_is_told_the_day_of_the_run():
    tokenizer = make_tokenizer(DATED)
    given = parts(tokenizer, talk("q", "a"), today=date(2024, 2, 3))[0]
    assert given == "Today 03 Feb 2024, 3, 100%\n<s><turn>user\n\nq<eot><turn>assistant\n\n"
    plain = tokenizer.apply_chat_template(
        [{"role": "user", "content": "q"}], tokenize=False, add_generation_prompt=True
    )
    assert parts(tokenizer, talk("q", "a"), today=date.today())[0] == plain


def test_texts_without_a_date_are_those_of_transformers():
    for family, (template, eos) in FAMILIES.items():
        if template:
            tokenizer = make_tokenizer(template, eos)
            turns = [
                {"role": "user", "content": "q"},
                {"role": "assistant", "content": "a"},
                {"role": "user", "content": "r"},
            ]
            prompt = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
            assert "".join(parts(tokenizer, talk("q", "a", "r", "b"))[:-1]) == prompt, family
