"""The adapter of a run, merged into its base model: a folder that needs transformers alone."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from foretune.errors import DataError, JournalError, ModelError
from foretune.request import DataRequest
from foretune.session.checks import check_output
from foretune.session.recipe import request_of

if TYPE_CHECKING:
    from foretune.finetuning.data import Tokens
    from foretune.finetuning.merge import Merged

_KEPT_LOGITS = 2**27
"""Logits of all learned tokens that are compared, half a gigabyte."""


def merge(
    run: Path, out: Path, *, model: str | None = None, data: str | None = None, device: str = "auto"
) -> tuple[Merged, tuple[str, ...]]:
    """Write the model that a run's adapter makes of its base model, if it answers as the adapter does.

    Args:
        run: folder of a search or a run.
        out: a new folder.
        model: the base model, where it has moved.
        data: the dataset of the run, where it has moved.
        device: where to compute.

    Returns:
        How the written model compares with the adapter on validation rows of the run, and notes.

    Raises:
        JournalError: there is no adapter, or the folder is taken.
        ModelError: it cannot be merged, or the result differs from the adapter; nothing is left at `out` then.
    """
    from foretune.execution.run_folder import base_of, find_finetuned, is_model

    adapter = find_finetuned(run)
    _check(adapter, out, whole=is_model(adapter))
    import torch

    from foretune.finetuning.merge import merge_adapter
    from foretune.finetuning.model import choose_device

    base = model or base_of(adapter)
    tokens = _rows(adapter, base, data)
    fresh = out.absolute().with_name(f".{out.absolute().name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        merge_into = partial(merge_adapter, base, adapter, fresh, tokens, device=choose_device(device))
        first = merged = merge_into()
        if first.fault and first.dtype != torch.float32:
            merged = merge_into(dtype=torch.float32)
        if merged.fault:
            raise ModelError(f"the merged model is not what the adapter is: {merged.fault}; use the adapter as it is")
        _complete(fresh, adapter, base)
        fresh.rename(out)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return merged, (*_notes(adapter), *(_rounded_away(first) if merged is not first else ()))


def _check(adapter: Path, out: Path, *, whole: bool) -> None:
    if whole:
        message = f"{adapter} is a whole model after full finetuning: there is nothing to merge, use it as it is"
        raise ModelError(message)
    check_output(out, "--out")
    if out.exists():
        raise JournalError(f"{out} already exists; give another folder to --out")


def _complete(folder: Path, adapter: Path, base: str) -> None:
    """The tokenizer with its chat template, and where answers end, as beside the adapter, or else as of the base."""
    from foretune.execution.finetuned import tokenizer_of

    tokenizer_of(adapter, base).save_pretrained(folder)
    if (adapter / "generation_config.json").is_file():
        shutil.copyfile(adapter / "generation_config.json", folder / "generation_config.json")


def _rows(adapter: Path, base: str, data: str | None) -> Tokens:
    """A few rows of the validation split, as the run read them."""
    from foretune.execution.run_folder import stops_of
    from foretune.finetuning.data import Tokens, read_tokens
    from foretune.finetuning.model import load_tokenizer
    from foretune.finetuning.shape import read_shape
    from foretune.finetuning.task import longest_input

    shape, request = read_shape(base), request_of_run(adapter.parent, data)
    end = next(iter(stops_of(adapter)), None)
    request = replace(request, max_length=request.max_length or longest_input(shape), end=end)
    validation = read_tokens(request, load_tokenizer(base, weights=False))[1].validation
    counts = validation.completion_lengths.cumsum() * shape.vocabulary
    rows = range(max(1, int((counts <= _KEPT_LOGITS).sum())))
    between = {row: places for row, places in validation.between.items() if row in rows}
    return Tokens(validation.input_ids[: len(rows)], validation.completion_starts[: len(rows)], between)


def request_of_run(home: Path, data: str | None) -> DataRequest:
    """How a run has read its dataset: as `best.yaml` says, or the report of a run without one.

    Args:
        home: of the run.
        data: the dataset, where it has moved.

    Raises:
        DataError: neither names a dataset, and none is given.
    """
    from foretune.report.run_report import read_run_report
    from foretune.session.recipe import read_configuration

    if (home / "best.yaml").is_file():
        return request_of(read_configuration(home / "best.yaml"), home / "best.yaml", data)
    if (home / "report.json").is_file():
        report = read_run_report(home / "report.json")
        return DataRequest(data or report.data, report.seed, today=date.today().isoformat())
    if data is None:
        raise DataError(f"{home} does not say what data it was trained on, which the check reads; name it with --data")
    return DataRequest(data, today=date.today().isoformat())


def _rounded_away(merged: Merged) -> tuple[str, ...]:
    return (
        f"rounded to {merged.dtype}, as the base model is, the weights would lose part of what the adapter learned "
        f"({merged.fault}); so they are in float32, and whatever rounds them loses it, too: there keep the adapter",
    )


def _notes(adapter: Path) -> tuple[str, ...]:
    from foretune.finetuning.weights_file import in_four_bits

    if not in_four_bits(adapter):
        return ()
    return (
        "the adapter was trained and scored on the base model in 4 bits; it was merged into the base model as it is on "
        "disk, whose answers differ a little: score the result on your data before you use it",
    )
