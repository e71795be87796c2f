"""A finetuned model, read back from disk as a user would."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from peft import PeftModel
from transformers import AutoTokenizer, GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

from foretune.errors import ModelError
from foretune.execution.run_folder import base_of, find_finetuned, is_model, stops_of
from foretune.finetuning.base import fresh_model, release
from foretune.finetuning.data import Example, Message
from foretune.finetuning.ending import find_ending
from foretune.finetuning.fast_layers import use_fast_layers
from foretune.finetuning.generate import answer
from foretune.finetuning.model import check_four_bit, load_model, load_tokenizer
from foretune.finetuning.weights_file import in_four_bits

if TYPE_CHECKING:
    from transformers.generation.streamers import BaseStreamer

_MAX_NEW_TOKENS = 256
"""Limit of an answer if the folder has none."""


def load_finetuned(
    folder: Path, model: str, *, device: str = "cpu", shared: bool = False
) -> PreTrainedModel | PeftModel:
    """A base model, in 4 bits if the adapter was trained on that, with its adapter; or a whole finetuned model.

    Args:
        folder: `best/` of a run: an adapter or, after full finetuning, a model.
        model: name or folder of the base model.
        device: where to.
        shared: use the base model that this process holds for its runs; the process keeps it.

    Raises:
        ModelError: the adapter wants the base model in 4 bits, and those cannot be had here; or nothing loadable.
    """
    if not (folder / "adapter_config.json").is_file():
        if shared:
            release()  # there may be no room for two
        return load_model(folder, device=device)
    load = partial(fresh_model, changes_weights=False) if shared else load_model
    return _with_adapter(load(model, device=device, quantized=in_four_bits(folder)), folder, device)


def _with_adapter(base: PreTrainedModel, folder: Path, device: str) -> PeftModel:
    with warnings.catch_warnings():
        # PEFT 0.21 asks transformers 5 for an attribute by its old name.
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
        finetuned = PeftModel.from_pretrained(base, str(folder)).eval()
    if device == "cpu":
        use_fast_layers(finetuned)  # as it was trained and scored
    return finetuned


@dataclass(frozen=True)
class Finetuned:
    """A finetuned model that answers.

    Attributes:
        model: with its adapter.
        tokenizer: with the chat template of its training, if there was one.
        stops: tokens that end an answer.
        max_new_tokens: at which an answer that does not end is cut.
        note: where the base model is not as in training; else empty.
    """

    model: PreTrainedModel | PeftModel
    tokenizer: PreTrainedTokenizerBase
    stops: tuple[int, ...]
    max_new_tokens: int
    note: str = ""

    def answers(
        self,
        prompts: Sequence[str | Sequence[Message] | Example],
        *,
        max_new_tokens: int | None = None,
        observe: Callable[[int], None] = lambda _: None,
        streamer: BaseStreamer | None = None,
    ) -> list[str]:
        """See `foretune.finetuning.generate.answer`."""
        longest = max_new_tokens or self.max_new_tokens
        return answer(
            self.model, self.tokenizer, prompts, longest, stops=self.stops, observe=observe, streamer=streamer
        )


def open_finetuned(run: Path, *, model: str | None = None, device: str = "cpu") -> Finetuned:
    """Load the finetuned model of a run, ready to answer.

    An adapter of QLoRA answers on the base model as it is where 4 bits cannot be had, and a note says so.

    Args:
        run: see `find_finetuned`.
        model: the base model, where it is no longer where the adapter says.
        device: where to.

    Raises:
        JournalError: see `find_finetuned`.
        ModelError: the adapter or its base model cannot be loaded.
    """
    folder = find_finetuned(run)
    base = str(folder) if is_model(folder) else model or base_of(folder)
    note = _note(folder, device)
    if note:
        loaded = _with_adapter(load_model(base, device=device), folder, device)
    else:
        loaded = load_finetuned(folder, base, device=device)
    tokenizer = tokenizer_of(folder, base)
    if not (folder / "generation_config.json").is_file():
        inner = loaded.get_base_model() if isinstance(loaded, PeftModel) else loaded
        stops = find_ending(cast("PreTrainedModel", inner), tokenizer).stops
        return Finetuned(loaded, tokenizer, stops, _MAX_NEW_TOKENS, note)
    settings = GenerationConfig.from_pretrained(folder)
    return Finetuned(loaded, tokenizer, stops_of(folder), settings.max_new_tokens or _MAX_NEW_TOKENS, note)


def _note(folder: Path, device: str) -> str:
    try:
        if in_four_bits(folder):
            check_four_bit(device)
    except ModelError:
        return (
            "the adapter was trained and scored on the base model in 4 bits, which need a CUDA device and "
            "`pip install 'foretune[qlora]'`; here it answers on the base model as it is on disk, a little differently"
        )
    return ""


def tokenizer_of(folder: Path, base: str) -> PreTrainedTokenizerBase:
    """The tokenizer beside the weights of a run; that of the base model where there is none."""
    if not (folder / "tokenizer_config.json").is_file():
        return load_tokenizer(base)
    return AutoTokenizer.from_pretrained(folder)
