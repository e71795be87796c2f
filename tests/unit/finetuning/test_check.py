"""What is asked of a base model before anything is trained on it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from transformers import AutoModelForCausalLM, BertConfig, GPT2Config, LlamaConfig, MambaConfig, MixtralConfig

from foretune.errors import ModelError
from foretune.finetuning.check import check_causal, check_sizes
from foretune.finetuning.data import Tokens
from foretune.finetuning.ending import find_ending
from foretune.finetuning.model import load_model, load_tokenizer

SMALL = {"vocab_size": 300, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}


@pytest.mark.parametrize(
    "config",
    [
        LlamaConfig(**SMALL, intermediate_size=64),
        MixtralConfig(**SMALL, intermediate_size=64, num_local_experts=4, num_key_value_heads=4),
        MambaConfig(vocab_size=300, hidden_size=32, num_hidden_layers=2),
        BertConfig(**SMALL, intermediate_size=64, is_decoder=True),
    ],
    ids=["llama", "mixtral", "mamba", "bert-decoder"],
)
def test_models_that_see_only_what_came_before_are_accepted(config) -> None:
    check_causal(AutoModelForCausalLM.from_config(config).eval())


def test_a_model_that_sees_the_answer_is_refused() -> None:
    model = AutoModelForCausalLM.from_config(BertConfig(**SMALL, intermediate_size=64)).eval()
    with pytest.raises(ModelError, match="BertLMHeadModel is not causal: its predictions change with later tokens"):
        check_causal(model)


def test_a_model_that_needs_more_than_tokens_is_refused(tiny_model, monkeypatch) -> None:
    model = load_model(tiny_model)

    def forward(**_: object) -> None:
        raise ValueError("You must give pixel_values\nas well")

    monkeypatch.setattr(model, "forward", forward)
    with pytest.raises(ModelError, match="does not predict tokens from tokens alone: You must give pixel_values; give"):
        check_causal(model)


def with_row(data, row: np.ndarray):
    return replace(data, test=Tokens((row,), np.array([1])))


def test_rows_longer_than_the_positions_are_named_with_the_remedy(tiny_model, tiny_data) -> None:
    model = AutoModelForCausalLM.from_config(GPT2Config(vocab_size=300, n_embd=16, n_layer=1, n_head=2, n_positions=64))
    tokenizer = load_tokenizer(tiny_model)
    check_sizes(model, tokenizer, with_row(tiny_data, np.ones(64, dtype=np.int32)))
    message = "the longest row has 65 tokens, the model has 64 positions; give --max-length 64 or less"
    with pytest.raises(ModelError, match=message):
        check_sizes(model, tokenizer, with_row(tiny_data, np.ones(65, dtype=np.int32)))


def test_tokens_without_an_embedding_are_named_with_the_remedy(tiny_model, tiny_data) -> None:
    model = load_model(tiny_model)
    tokenizer = load_tokenizer(tiny_model)
    check_sizes(model, tokenizer, with_row(tiny_data, np.full(4, 299, dtype=np.int32)))
    message = r"token 300 of the tokenizer's \d+ is used, but the model's embedding has 300 rows; give the"
    with pytest.raises(ModelError, match=message):
        check_sizes(model, tokenizer, with_row(tiny_data, np.full(4, 300, dtype=np.int32)))


def test_an_end_token_without_an_embedding_is_named_too(tiny_model) -> None:
    model, tokenizer = load_model(tiny_model), load_tokenizer(tiny_model)
    tokenizer.add_special_tokens({"eos_token": "<|new|>"})
    number = tokenizer.eos_token_id
    with pytest.raises(ModelError, match=f"token {number} of the tokenizer's {number + 1} is used"):
        find_ending(model, tokenizer)
