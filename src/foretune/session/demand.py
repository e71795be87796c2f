"""How large a base model and a dataset are, from as much of both as is on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from foretune.finetuning.data import Splits, TokenizedSplits
    from foretune.metadata.shape import ModelShape
    from foretune.recommendation import Demand
    from foretune.recommendation.workload import Workload


@dataclass(frozen=True)
class BaseModel:
    """What is known of the base model that was asked about.

    Attributes:
        name: as it was given.
        source: folder with its `config.json`; None if that is not on this machine.
        shape: of the model.
        billions: of its parameters.
        targets: `target_modules` that it has layers for; None where that is not known.
        model_type: that its `config.json` states; None where that is not known.
        notes: on what had to be assumed, and on layers that adapters do not reach.
    """

    name: str
    source: str | None
    shape: ModelShape
    billions: float
    targets: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    model_type: str | None = None


def find_model(name: str) -> BaseModel:
    """The base model by its folder, by what was downloaded of it earlier, or by its name. Nothing is downloaded.

    Raises:
        ModelError: the name is that of a folder which is not there, or almost that of one which is.
    """
    from foretune.finetuning.shape import read_without_weights, shape_of
    from foretune.finetuning.targets import available_targets, target_notes
    from foretune.recommendation.names import billions_of, guess_model

    source = _source(name)
    if source is None:
        guess = guess_model(name)
        return BaseModel(name, None, guess.shape, guess.billions, notes=(guess.note,))
    built = read_without_weights(source)
    shape, targets = shape_of(built), available_targets(built)
    billions = billions_of(name) or shape.parameters / 1e9
    return BaseModel(name, source, shape, billions, targets, target_notes(built), built.config.model_type)


def _source(name: str) -> str | None:
    from foretune.errors import ModelError
    from foretune.finetuning.model import SHIPPED, resolve_model

    if name == SHIPPED or Path(name).expanduser().is_dir():
        return name
    if near := _near(Path(name).expanduser()):
        raise ModelError(f"there is no model folder {name}; did you mean {near}?")
    return downloaded(resolve_model(name, weights=False))


def _near(path: Path) -> Path | None:
    """A model folder beside the one that is meant, of nearly the same name."""
    if not path.parent.is_dir():
        return None
    folders = [one.name for one in path.parent.iterdir() if (one / "config.json").is_file()]
    found = get_close_matches(path.name, folders, n=1, cutoff=0.7)
    return path.parent / found[0] if found else None


def find_demand(model: BaseModel, splits: Splits) -> tuple[Demand, tuple[str, ...]]:
    """What a run has to compute and to hold, and notes on what had to be guessed of the data."""
    from foretune.recommendation import Demand

    workload, notes = _workload(model, splits)
    return Demand(model.shape, workload), notes


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
    from foretune.finetuning.data import tokenize
    from foretune.finetuning.task import longest_input

    end = tokenizer.eos_token_id
    closing = end if not tokenizer.chat_template and isinstance(end, int) else None
    return tokenize(splits, tokenizer, longest_input(shape), end_token_id=closing)


def _workload(model: BaseModel, splits: Splits) -> tuple[Workload, tuple[str, ...]]:
    from foretune.errors import ModelError
    from foretune.finetuning.model import load_tokenizer
    from foretune.finetuning.task import longest_input
    from foretune.recommendation.workload import CHARACTERS_PER_TOKEN, count_tokens, guess_tokens

    try:
        tokenizer = load_tokenizer(model.source, weights=False) if model.source is not None else None
    except ModelError:
        tokenizer = None
    if tokenizer is not None:
        return count_tokens(tokenize_without_weights(splits, tokenizer, model.shape)), ()
    note = f"without the model's tokenizer, {CHARACTERS_PER_TOKEN} characters are taken to be a token"
    return guess_tokens(splits, longest_input(model.shape)), (note,)
