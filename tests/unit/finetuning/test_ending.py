import shutil
from pathlib import Path

import pytest
import torch

from foretune.errors import ModelError
from foretune.finetuning.data import Example, Message, Splits, tokenize
from foretune.finetuning.ending import find_ending, template_end
from foretune.finetuning.evaluate import evaluate
from foretune.finetuning.model import embedding_rows, load_model, load_tokenizer
from foretune.finetuning.train import finetune
from foretune.types import Trial

SHARED = Path(__file__).resolve().parents[4] / "shared" / "models"


def untrained(model, token):
    """The row of a token that `resize_token_embeddings` has added: the mean of the others, with a little noise."""
    rows = embedding_rows(model)
    rows[token] = rows.mean(0) + 1e-4 * torch.randn(rows.shape[1], generator=torch.Generator().manual_seed(0))


@pytest.fixture
def loaded(tiny_model):
    """The tiny model with a begin token that can be written; random weights leave its padding row at zero."""
    model, tokenizer = load_model(tiny_model), load_tokenizer(tiny_model)
    embedding_rows(model)[tokenizer.bos_token_id] = 0.2 * torch.cos(torch.arange(32.0))
    model.generation_config.eos_token_id = None
    return model, tokenizer


def test_the_end_is_what_the_template_writes(loaded):
    model, tokenizer = loaded
    tokenizer.eos_token = tokenizer.bos_token  # the template ends turns with <|end|>, which plain `generate` runs over
    end, eos = tokenizer.convert_tokens_to_ids(["<|end|>", "<|endoftext|>"])
    ending = find_ending(model, tokenizer)
    assert (ending.token, ending.stops, ending.note) == (end, (end, eos), "")


@pytest.mark.parametrize("kind", ["mean", "twins"])
def test_an_end_that_no_hidden_state_leads_to_is_replaced(loaded, kind):
    model, tokenizer = loaded
    end = tokenizer.convert_tokens_to_ids("<|end|>")
    if kind == "mean":
        untrained(model, end)
    else:
        embedding_rows(model)[100:120] = embedding_rows(model)[end]  # all pushed along one direction
    ending = find_ending(model, tokenizer)
    assert ending.token == tokenizer.bos_token_id
    assert ending.stops == (tokenizer.bos_token_id, end)
    assert ending.note == (
        "an adapter cannot make the model write <|end|>, the end token of the model's chat template, which was never "
        "trained; completions end with <|endoftext|> instead"
    )


def test_where_no_end_can_be_written_a_note_says_so(loaded):
    model, tokenizer = loaded
    end = tokenizer.convert_tokens_to_ids("<|end|>")
    untrained(model, end)
    untrained(model, tokenizer.bos_token_id)
    ending = find_ending(model, tokenizer)
    assert (ending.token, ending.stops) == (end, (end,))
    assert ending.note.endswith(
        "nor another end token: answers will not stop by themselves, unless after full finetuning"
    )


def test_every_end_token_of_the_generation_config_is_a_stop(loaded):
    model, tokenizer = loaded
    tokenizer.chat_template = None
    model.generation_config.eos_token_id = [7, 4]
    assert find_ending(model, tokenizer).stops == (4, 7)
    tokenizer.bos_token = tokenizer.eos_token = None
    assert find_ending(model, tokenizer).stops == (7, 4)
    model.generation_config.eos_token_id = None
    with pytest.raises(ModelError, match="neither an end nor a begin token; set `eos_token`"):
        find_ending(model, tokenizer)


def test_the_end_of_a_template_is_a_special_token_after_the_answer(loaded):
    _, tokenizer = loaded
    assert template_end(tokenizer) == tokenizer.convert_tokens_to_ids("<|end|>")
    tokenizer.chat_template = "{% for m in messages %}<|user|>{{ m['content'] }}\n### done{% endfor %}"
    assert template_end(tokenizer) is None
    tokenizer.chat_template = "{{ raise_exception('no conversations') }}"
    assert template_end(tokenizer) is None
    tokenizer.chat_template = None
    assert template_end(tokenizer) is None


def test_only_the_end_of_what_is_learned_is_replaced(loaded):
    _, tokenizer = loaded
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}<|end|>\n{% endfor %}"
    row = (Example((Message("user", "red"), Message("assistant", "blue"))),)
    other = tokenizer.convert_tokens_to_ids("<|system|>")
    ids = tokenize(Splits("mine", row, row, row), tokenizer, 64, end_token_id=other).train.input_ids[0]
    assert tokenizer.decode(ids) == "red<|end|>\nblue<|system|>"


@pytest.mark.parametrize("method", ["lora", "ia3"])
def test_completions_can_be_learned_to_their_end(tiny_splits, configuration, tmp_path, method):
    """Foretune-tiny with an end token as if added today: with it no completion is ever right, whatever is learned."""
    model, tokenizer = load_model("foretune-tiny"), load_tokenizer("foretune-tiny")
    untrained(model, template_end(tokenizer))
    model.save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    assert find_ending(model, tokenizer).token == tokenizer.bos_token_id
    from foretune.execution.finetuned import load_finetuned

    right = {}
    for name, end in (("named", template_end(tokenizer)), ("found", tokenizer.bos_token_id)):
        data = tokenize(tiny_splits, tokenizer, 64, end_token_id=end)
        chosen = configuration(method, learning_rate=0.02 if method == "ia3" else 0.005, epochs=8, weight_decay=0.0)
        finetune(Trial(0, chosen, 8), data, str(tmp_path / "model"), tmp_path / name, test=False)
        right[name] = evaluate(
            load_finetuned(tmp_path / name / "best", str(tmp_path / "model")), data.train
        ).exact_match
        shutil.rmtree(tmp_path / name)
    assert right["named"] == 0.0
    assert right["found"] > 0.3


@pytest.mark.parametrize(("name", "end"), [("stories260K", "<s>"), ("babyllama-tok105-940K", "</s>")])
def test_shared_models_end_with_a_token_that_can_be_written(name, end):
    if not (SHARED / name).is_dir():
        pytest.skip(f"no {SHARED / name}")
    model, tokenizer = load_model(SHARED / name), load_tokenizer(SHARED / name)
    assert tokenizer.convert_ids_to_tokens(find_ending(model, tokenizer).token) == end
