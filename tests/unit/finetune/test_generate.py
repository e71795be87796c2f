import pytest
import torch

from foretune.finetune.evaluate import evaluate
from foretune.finetune.generate import answer
from foretune.finetune.model import load_model, load_tokenizer
from foretune.finetune.train import finetune
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
