"""Base models and tokenizers: by folder, by hub name, or the shipped `foretune-tiny`; safetensors only."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from foretune.errors import ModelError

SHIPPED = "foretune-tiny"


def shipped_model() -> Path:
    """Folder of the base model that comes with the package.

    Raises:
        ModelError: the package was installed without its data.
    """
    folder = Path(str(resources.files("foretune"))) / "data" / "models" / SHIPPED
    if not (folder / "config.json").is_file():
        raise ModelError(f"the shipped model {SHIPPED!r} is missing from {folder}; reinstall foretune")
    return folder


def resolve_model(name: str | Path, *, weights: bool = True) -> str:
    """The name to give to transformers: an absolute folder for the shipped model and local folders, else a hub name.

    Args:
        name: `foretune-tiny`, a folder, or a hub name such as `org/model`.
        weights: whether a folder needs to have them.

    Raises:
        ModelError: the name is neither, or the folder lacks files or has pickled weights only.
    """
    folder = shipped_model() if str(name) == SHIPPED else Path(name).expanduser()
    if folder.is_dir():
        _check_folder(folder, weights=weights)
        return str(folder.resolve())
    if isinstance(name, Path) or folder.is_absolute() or str(name).startswith((".", "~")) or str(name).count("/") > 1:
        raise ModelError(f"no model folder at {name}; give a folder with config.json, a hub name, or {SHIPPED!r}")
    return str(name)


def _check_folder(folder: Path, *, weights: bool) -> None:
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder} has no config.json; give a folder written by `save_pretrained`")
    try:
        json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{folder / 'config.json'} is not JSON ({error}); copy the model again") from error
    if not weights or has_weights(folder):
        return
    if any(folder.glob("*.bin")) or any(folder.glob("*.pt")) or any(folder.glob("*.pth")):
        raise ModelError(
            f"{folder} has pickled weights only, which can run code when read; convert them with "
            "`model.save_pretrained(folder, safe_serialization=True)` where you trust the source"
        )
    raise ModelError(f"{folder} has no *.safetensors file; copy the model's weights there")


def has_weights(name: str | Path) -> bool:
    """Whether this is the shipped model, or a folder with weights that can be read."""
    return str(name) == SHIPPED or any(Path(name).expanduser().glob("*.safetensors"))


def choose_device(name: str = "auto") -> str:
    """The device that is meant: `auto` is a CUDA device where torch sees one, else the CPU.

    Raises:
        ModelError: this machine does not have it.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:  # torch without CUDA asserts
        reason = str(error).strip().splitlines()[0]
        raise ModelError(f"cannot use the device {name!r}: {reason}; give auto, cpu, cuda or cuda:1, ...") from error
    return name


def default_dtype(device: str) -> torch.dtype:
    """Bfloat16 where the device computes in it fast, else float32 (on these sizes CPUs are no faster in bfloat16)."""
    return torch.bfloat16 if device.startswith("cuda") and torch.cuda.is_bf16_supported() else torch.float32


def autocast(device: str) -> torch.autocast:
    """Products in bfloat16 on accelerators that have it; on CPUs see `foretune.finetuning.fast_layers`.

    Leave it before weights are changed: it goes on with the copies of them that it has made.
    """
    reduced = default_dtype(device) is torch.bfloat16
    return torch.autocast(device.partition(":")[0], dtype=torch.bfloat16, enabled=reduced)


def load_model(
    model: str | Path,
    *,
    trust_remote_code: bool = False,
    device: str | None = None,
    dtype: torch.dtype | None = None,
    quantized: bool = False,
) -> PreTrainedModel:
    """Read a causal language model for inference or as the base of an adapter.

    Args:
        model: see `resolve_model`.
        trust_remote_code: run Python code that the model brings; off unless you trust its author.
        device: `cpu` (default) or for instance `cuda:0`.
        dtype: of the weights in memory; default `default_dtype(device)`.
        quantized: 4-bit NF4 weights, for QLoRA (needs bitsandbytes and a CUDA device).

    Returns:
        The model in evaluation mode, every parameter frozen.

    Raises:
        ModelError: nothing loadable there; the message says why.
    """
    device = device or "cpu"
    dtype = dtype or default_dtype(device)
    placement: dict[str, Any] = _four_bit(device, dtype) if quantized else {}
    name = resolve_model(model)
    try:
        with no_progress_bars():
            loaded = AutoModelForCausalLM.from_pretrained(
                name, use_safetensors=True, trust_remote_code=trust_remote_code, dtype=dtype, **placement
            )
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:  # whatever an architecture makes of values that do not suit it
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"cannot load {model} as a causal language model: {reason}; it needs config.json and *.safetensors of an "
            "architecture that transformers knows (`trust_remote_code` allows others)"
        ) from error
    loaded.requires_grad_(False)
    if not quantized:  # quantized weights are on their device already
        cast("nn.Module", loaded).to(device)
    return loaded.eval()


def check_four_bit(device: str) -> None:
    """Whether this device can hold a base model in 4 bits, which QLoRA needs.

    Raises:
        ModelError: it is no CUDA device, or bitsandbytes is missing.
    """
    if not device.startswith("cuda"):
        raise ModelError(f"qlora needs a CUDA device, got {device!r}; choose another method or pass device='cuda'")
    if find_spec("bitsandbytes") is None:
        raise ModelError("qlora needs bitsandbytes; install it with `pip install 'foretune[qlora]'`")


def _four_bit(device: str, dtype: torch.dtype) -> dict[str, Any]:
    check_four_bit(device)
    four_bit = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=dtype,
        bnb_4bit_use_double_quant=True,
    )
    return {"quantization_config": four_bit, "device_map": {"": device}}


@contextmanager
def no_progress_bars() -> Generator[None]:
    """Transformers without its bars, which would drown the live display; the caller's setting comes back afterwards."""
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()


def load_tokenizer(
    model: str | Path, *, trust_remote_code: bool = False, weights: bool = True
) -> PreTrainedTokenizerBase:
    """The tokenizer of a base model, with a padding token; unless `weights`, those need not be there.

    Raises:
        ModelError: there is none.
    """
    name = resolve_model(model, weights=weights)
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=trust_remote_code)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(f"cannot load the tokenizer of {model}: {reason}; it needs tokenizer.json") from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.bos_token
    return tokenizer


def embedding_rows(model: PreTrainedModel) -> torch.Tensor:
    """The input embedding (vocabulary, hidden size)."""
    return model.get_input_embeddings().get_parameter("weight").detach()


def check_token(token: int, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Whether a token of the tokenizer has a row in the model's embedding.

    Raises:
        ModelError: it has none.
    """
    rows = len(embedding_rows(model))
    if token >= rows:
        raise ModelError(
            f"token {token} of the tokenizer's {len(tokenizer)} is used, but the model's embedding has {rows} rows; "
            "give the tokenizer that belongs to the model, or resize with `model.resize_token_embeddings`"
        )


def vocabulary_size(model: nn.Module) -> int:
    """Tokens that the output head of a causal language model, adapted or not, chooses from."""
    head: nn.Module = getattr(model, "get_output_embeddings")()  # noqa: B009 - nn.Module takes it for a tensor
    return len(head.get_parameter("weight"))
