"""From examples to tokens: what is learned, how it ends, what is cut."""

from pathlib import Path

import pytest
from rows_of_data import example as _example
from rows_of_data import splits as _splits

from foretune.errors import DataError
from foretune.finetuning.data import Example, Message, load_splits, tokenize, tokenize_alone
from foretune.request import DataRequest

SHARED = Path(__file__).parents[5] / "shared" / "models"


def _texts(tokens, tokenizer):
    """The row before and from its completion on, as text."""
    rows = zip(tokens.input_ids, tokens.completion_starts, strict=True)
    return [(tokenizer.decode(ids[:start]), tokenizer.decode(ids[start:])) for ids, start in rows]


def test_the_chat_template_is_applied_and_the_completion_ends_with_the_end_token(chat_tokenizer):
    tokens = tokenize(_splits(_example(), _example(system="s")), chat_tokenizer, 100)
    assert _texts(tokens.train, chat_tokenizer) == [
        ("<|user|>\nhi<|end|>\n<|assistant|>\n", "yes<|end|>"),
        ("<|system|>\ns<|end|>\n<|user|>\nhi<|end|>\n<|assistant|>\n", "yes<|end|>"),
    ]
    assert tokens.notes == ("made",)
    assert tokens.name == "mine"


def test_without_a_template_the_end_token_is_added(plain_tokenizer):
    tokens = tokenize(_splits(_example(), _example("hi\n"), _example("")), plain_tokenizer, 100)
    assert _texts(tokens.train, plain_tokenizer)[:2] == [("hi", " yes<|end|>"), ("hi\n", "yes<|end|>")]
    # There is nothing before the completion, so its first token cannot be learned.
    assert _texts(tokens.train, plain_tokenizer)[2] == ("y", "es<|end|>")


def test_another_end_token_can_be_given(plain_tokenizer, chat_tokenizer):
    begin = plain_tokenizer.bos_token_id
    tokens = tokenize(_splits(_example()), plain_tokenizer, 100, end_token_id=begin)
    assert _texts(tokens.train, plain_tokenizer) == [("hi", " yes<|begin|>")]
    # It takes the place of a template's own in what is learned; what comes after it is never generated.
    tokens = tokenize(_splits(_example()), chat_tokenizer, 100, end_token_id=begin)
    assert _texts(tokens.train, chat_tokenizer) == [("<|user|>\nhi<|end|>\n<|assistant|>\n", "yes<|begin|>")]


def test_all_of_a_text_is_learned(chat_tokenizer):
    tokens = tokenize(_splits(Example(text="once upon")), chat_tokenizer, 100)
    assert _texts(tokens.train, chat_tokenizer) == [("o", "nce upon<|end|>")]


def _with_template(tokenizer, template):
    import copy

    changed = copy.deepcopy(tokenizer)
    changed.chat_template = template
    return changed


def test_a_prompt_that_is_no_prefix_of_the_conversation(chat_tokenizer):
    thinking = _with_template(
        chat_tokenizer,
        "{% for m in messages %}{{ m['content'] }}|{% endfor %}{% if add_generation_prompt %}<think>{% endif %}",
    )
    tokens = tokenize(_splits(_example()), thinking, 100)
    # The thinking that the template opens is closed; its end mark is no token, so the end token follows.
    assert _texts(tokens.train, thinking) == [("hi|<think>", "</think>yes|<|end|>")]
    merging = _with_template(chat_tokenizer, "{% for m in messages %}{{ m['content'] }}{% endfor %}")
    tokens = tokenize(_splits(_example("z", "z")), merging, 100)
    assert _texts(tokens.train, merging) == [("z", "z<|end|>")]
    # "zz" is one token, which no generation from the prompt "z" can begin with: z, z, end.
    assert len(tokens.train.input_ids[0]) == 3


def test_a_template_that_rejects_a_conversation(chat_tokenizer):
    rows = Example((Message("user", "q"), Message("system", "s"), Message("assistant", "a")), where="d.jsonl, line 4")
    with pytest.raises(
        DataError, match=r"d\.jsonl, line 4: .*rejects a conversation with the roles user, system .system first"
    ):
        tokenize(_splits(rows), chat_tokenizer, 100)


def test_prompts_are_cut_from_the_left_before_completions_at_their_end(plain_tokenizer):
    rows = (_example("0123456789", "ab"), _example("0123456789", "abcdefgh"), _example("0", "a"))
    tokens = tokenize(_splits(*rows, validation=(_example("0"),), test=(_example("0", "a"),)), plain_tokenizer, 7)
    assert _texts(tokens.train, plain_tokenizer) == [("789", " ab<|end|>"), ("9", " abcde"), ("0", " a<|end|>")]
    assert tokens.notes == (
        "made",
        "train: 2 of 3 rows are longer than 7 tokens and were cut: prompts from the left, "
        "and 1 completions at their end",
    )


def test_long_texts_lose_their_end(plain_tokenizer):
    short = _example("0", "a")
    splits = _splits(Example(text="0123456789"), short, validation=(short,), test=(short,))
    assert _texts(tokenize(splits, plain_tokenizer, 5).train, plain_tokenizer)[0] == ("0", "1234")


def test_all_rows_too_long(plain_tokenizer):
    splits = _splits(_example("x" * 50), _example("x" * 40))
    with pytest.raises(
        DataError, match=r"all 2 rows of train are longer than max_length=30 .*line 4, has 45\. Raise max_length"
    ):
        tokenize(splits, plain_tokenizer, 30)
    with pytest.raises(DataError, match="max_length is 1; a row needs at least 2"):
        tokenize(splits, plain_tokenizer, 1)


def test_rows_longer_than_the_tokenizer_likes_make_no_noise(plain_tokenizer, caplog):
    assert plain_tokenizer.model_max_length == 64
    tokens = tokenize(_splits(_example("x" * 500)), plain_tokenizer, 1000)
    assert tokens.train.total == 505
    assert not caplog.records


@pytest.mark.parametrize("name", ["stories260K", "babyllama-tok105-940K"])
def test_models_of_others(name, write, pairs):
    if not (SHARED / name).exists():
        pytest.skip(f"{name} is not beside the repository")
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast.from_pretrained(SHARED / name)
    tokens = tokenize(load_splits(write("all.jsonl", pairs(40))), tokenizer, 100)
    before, learned = _texts(tokens.train, tokenizer)[0]
    assert before.startswith("<s> question ")
    assert learned.strip().startswith("answer ")
    assert learned.endswith("</s>")
    ended = tokenize(load_splits(write("all.jsonl", pairs(40))), tokenizer, 100, end_token_id=tokenizer.bos_token_id)
    assert ended.train.input_ids[0][-1] == tokenizer.bos_token_id
    odd = _splits(_example("what\x07", "yes"))
    if name.startswith("babyllama"):
        assert (
            "train: 1 of 1 rows hold characters that the tokenizer does not know" in tokenize(odd, tokenizer, 100).notes
        )


def test_rows_alone_are_tokenized_as_those_of_a_split(chat_tokenizer):
    rows = (_example(), _example(system="s"), _example("a longer question " * 4))
    whole = tokenize(_splits(*rows), chat_tokenizer, 30)
    alone, notes = tokenize_alone(rows, chat_tokenizer, DataRequest("x", max_length=30), "the guard")
    assert _texts(alone, chat_tokenizer) == _texts(whole.train, chat_tokenizer)
    assert notes == ["the guard: 1 of 3 rows are longer than 30 tokens and were cut: prompts from the left"]
