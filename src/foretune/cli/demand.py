"""How large a base model and a dataset are, from as much of both as is on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from foretune.finetune.data import Splits, TokenizedSplits
    from foretune.metadata.shape import ModelShape
    from foretune.recommend import Demand
    from foretune.recommend.workload import Workload


def find_demand(model: str, shape: ModelShape | None, splits: Splits) -> tuple[Demand, tuple[str, ...]]:
    """What a run has to compute and to hold, and notes on what had to be guessed. Nothing is downloaded.

    Args:
        model: a folder, or a hub name.
        shape: of it; None if its `config.json` has to be looked for among what was downloaded earlier.
        splits: the dataset.

    Raises:
        ModelError: if the model is neither a folder nor a hub name.
    """
    from foretune.finetune.model import resolve_model
    from foretune.finetune.shape import read_shape
    from foretune.recommend import Demand

    source = model if shape is not None else downloaded(resolve_model(model, weights=False))
    if shape is None and source is not None:
        shape = read_shape(source)
    likely, about_shape = (shape, []) if shape is not None else _likely_shape(model)
    workload, about_tokens = _workload(source, shape, splits)
    return Demand(likely, workload), (*about_shape, *about_tokens)


def downloaded(name: str) -> str | None:
    """The folder of a hub model's files in the cache of downloads, if its `config.json` is among them."""
    from transformers.utils.hub import cached_file

    try:
        found = cached_file(name, "config.json", local_files_only=True)
    except (OSError, ValueError):
        return None
    return str(Path(found).parent) if found else None


def tokenize_without_weights(splits: Splits, tokenizer: PreTrainedTokenizerBase, shape: ModelShape) -> TokenizedSplits:
    """The tokens of a dataset as a model would be finetuned on them, as far as that is known without its weights."""
    from foretune.finetune.data import tokenize
    from foretune.finetune.task import longest_input

    end = tokenizer.eos_token_id
    closing = end if not tokenizer.chat_template and isinstance(end, int) else None
    return tokenize(splits, tokenizer, longest_input(shape), end_token_id=closing)


def _likely_shape(model: str) -> tuple[ModelShape, list[str]]:
    from foretune.recommend.published import billions_of
    from foretune.recommend.shape import shape_of_size

    billions = billions_of(model)
    if billions is None:
        raise ValueError("a model without config.json is one whose name says its size")
    note = (
        f"the config.json of {model} is not on this machine, so it is taken to have the usual shape of {billions:g} "
        f"billion parameters; `hf download {model} config.json tokenizer.json tokenizer_config.json` makes time and "
        "memory more exact"
    )
    return shape_of_size(model, billions), [note]


def _workload(source: str | None, shape: ModelShape | None, splits: Splits) -> tuple[Workload, list[str]]:
    from foretune.errors import ModelError
    from foretune.finetune.model import load_tokenizer
    from foretune.finetune.task import longest_input
    from foretune.recommend.workload import CHARACTERS_PER_TOKEN, count_tokens, guess_tokens

    try:
        tokenizer = load_tokenizer(source, weights=False) if source is not None else None
    except ModelError:
        tokenizer = None
    if tokenizer is not None and shape is not None:
        return count_tokens(tokenize_without_weights(splits, tokenizer, shape)), []
    note = f"without the model's tokenizer, {CHARACTERS_PER_TOKEN} characters are taken to be a token"
    return guess_tokens(splits, longest_input(shape)), [note]
