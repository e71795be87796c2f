import pytest
import torch

from foretune.finetuning import generate
from foretune.finetuning.data import Example, Message, Splits, prompt_ids, tokenize
from foretune.finetuning.evaluate import evaluate
from foretune.finetuning.generate import _write, answer, seconds_per_answer
from foretune.finetuning.model import load_model, load_tokenizer
from foretune.finetuning.train import finetune
from foretune.types import Trial


@pytest.fixture(scope="module")
def memorized(tiny_model, tiny_data, configuration, tmp_path_factory):
    """The tiny model, trained until it knows its training rows."""
    directory = tmp_path_factory.mktemp("run")
    chosen = configuration("full", learning_rate=0.02, epochs=12, weight_decay=0.0)
    finetune(Trial(0, chosen, 8), tiny_data, str(tiny_model), directory, test=False)
    return load_model(directory / "best")


def test_answers_are_what_exact_match_counts(memorized, tiny_model, tiny_data, tiny_splits) -> None:
    tokenizer = load_tokenizer(tiny_model)
    prompts = [example.messages[0].content for example in tiny_splits.train]
    expected = [example.messages[1].content for example in tiny_splits.train]
    answers = answer(memorized, tokenizer, prompts, max_new_tokens=12)
    right = sum(a == b for a, b in zip(answers, expected, strict=True)) / len(prompts)
    assert right == pytest.approx(evaluate(memorized, tiny_data.train).exact_match)
    assert right > 0.5


def test_prompts_in_a_batch_do_not_disturb_each_other(memorized, tiny_model) -> None:
    tokenizer = load_tokenizer(tiny_model)
    prompts = ["Currency of Japan?", "What is the currency of France, please?"]
    with torch.random.fork_rng():
        assert answer(memorized, tokenizer, prompts) == [answer(memorized, tokenizer, [one])[0] for one in prompts]
    assert answer(memorized, tokenizer, []) == []


@pytest.mark.parametrize("template", [True, False])
def test_prompts_are_those_of_training(tiny_model, tiny_splits, template) -> None:
    tokenizer = load_tokenizer(tiny_model)
    if not template:
        tokenizer.chat_template = None
    rows = tokenize(tiny_splits, tokenizer, 64, end_token_id=4).train
    for example, ids, start in zip(tiny_splits.train, rows.input_ids, rows.completion_starts, strict=True):
        assert prompt_ids(example, tokenizer, end=4) == ids[:start].tolist()


def test_an_answer_ends_at_the_stops_and_a_batch_keeps_the_order(memorized, tiny_model, tiny_splits) -> None:
    tokenizer = load_tokenizer(tiny_model)
    prompts = [example.messages[0].content for example in tiny_splits.train][::-1]
    told: list[int] = []
    answers = answer(memorized, tokenizer, prompts * 4, max_new_tokens=12, observe=told.append)
    assert answers == 4 * [answer(memorized, tokenizer, [prompt], max_new_tokens=12)[0] for prompt in prompts]
    assert told == [32, 64, 72]
    (ids,) = _write(memorized, [prompt_ids(tiny_splits.train[-1], tokenizer, end=4)], [4], 12, None)
    assert ids[-1] == 4
    stop = ids[1]  # an ordinary token
    cut = answer(memorized, tokenizer, [prompts[0]], max_new_tokens=12, stops=[stop])
    assert cut == [tokenizer.decode(ids[:1]).strip()]


def test_a_prompt_longer_than_the_model_reads_loses_its_beginning(memorized, tiny_model) -> None:
    tokenizer = load_tokenizer(tiny_model)
    tokenizer.chat_template = None
    short = answer(memorized, tokenizer, ["a" * 246], max_new_tokens=10)
    assert answer(memorized, tokenizer, ["b" + "a" * 246], max_new_tokens=10) == short


@pytest.mark.parametrize("end", [4, 7])
def test_a_conversation_is_asked_as_it_is_learned(tiny_model, end) -> None:
    tokenizer = load_tokenizer(tiny_model)
    if end == 7:
        tokenizer.chat_template = None
    turns = (Message("user", "red"), Message("assistant", "green"), Message("user", "blue"), Message("assistant", "0"))
    rows = (Example(turns),)
    data = tokenize(Splits("mine", rows, rows, rows), tokenizer, 64, end_token_id=end).train
    last = data.input_ids[0].tolist()
    asked = prompt_ids(rows[0], tokenizer, end=end)
    assert last[: len(asked)] == asked
    assert tokenizer.decode(last[len(asked) :]).strip() == "0" + tokenizer.decode([end])
    assert asked.count(end) == (1 if end == 7 else 3)


@pytest.mark.parametrize(("prompts", "tokens", "seconds"), [(4, 101, 21.0 / 4), (4, 1, 1.0 / 4), (50, 101, 21.0 / 32)])
def test_answers_are_timed_by_their_beginning(monkeypatch, prompts, tokens, seconds) -> None:
    """The clock of a model that reads a batch in one second and writes five tokens a second."""
    clock, asked = [0.0], []

    def answer(_model, _tokenizer, batch, new_tokens, *, stops):
        asked.append((len(batch), new_tokens))
        clock[0] += 9.0 if len(asked) == 1 else 1.0 + (new_tokens - 1) / 5

    monkeypatch.setattr(generate, "answer", answer)
    monkeypatch.setattr(generate.time, "perf_counter", lambda: clock[0])
    found = seconds_per_answer(None, None, ["a"] * prompts, tokens, stops=(4,))
    assert found == pytest.approx(seconds)
    assert asked == [(1, 1), (min(prompts, 32), 1), (min(prompts, 32), 9)]
