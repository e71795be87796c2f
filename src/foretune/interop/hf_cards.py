"""Validation losses that model cards on a public hub report: JSON files, each a list of finetunings.

A finetuning has `url`, `model`, `dataset`, and the losses `eval_loss` at the epochs `epoch`. Where a card states them,
it has `samples` (rows), `lr`, `batch`, `epochs_planned` and `scheduler` (`cosine, warmup 0.1`). Cards tell no times: a
slice, from one evaluation to the next, costs its epochs. A run that ended before its planned epochs is *stopped*: such
runs keep their slices as they are, and a complete run has as many slices as the planned epochs would have.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from foretune.errors import InteropError
from foretune.interop.documents import needed, read_text
from foretune.interop.options import ImportOptions
from foretune.interop.origin import figures_of, provenance, stated_size
from foretune.interop.recorded import ImportedTask, RecordedRun, finite_slices
from foretune.interop.resample import ImportedSlice
from foretune.interop.rows import tables
from foretune.metadata import MetaDataset
from foretune.metadata.schema import STOPPED
from foretune.parsing import parse_json
from foretune.types import Status, Value

_UNKNOWN = "unknown"
_NUMBER = (int, float)
_ROWS = re.compile(rf"{_UNKNOWN} \((\d+)\)")
_SCHEDULE = re.compile(r"(\w+)(?:, warmup ([\d.]+))?")
_NEARLY = 1e-3
_NOTE = "model cards tell no method; their rows are the samples that they name, of which validation rows may be a part"


def import_hf_cards(paths: Sequence[str], options: ImportOptions) -> MetaDataset:
    """Finetunings from model cards, from JSON files or folders of them."""
    runs, notes = hf_card_runs(paths, options)
    return tables(runs, provenance("hf-cards", paths, options), notes)


def hf_card_runs(paths: Sequence[str], options: ImportOptions) -> tuple[list[RecordedRun], list[str]]:
    """One run a card, in the order of the files; and what cards do not tell.

    Raises:
        InteropError: naming the file, the number of the card and the expectation.
    """
    runs = [
        _run(card, f"{file}, card {number}", figures_of(file.parent, options), options)
        for path in paths
        for file in _files(Path(path))
        for number, card in enumerate(_cards(file), start=1)
    ]
    return runs, [_NOTE]


def _files(path: Path) -> list[Path]:
    files = [path] if path.is_file() else sorted(file for file in path.glob("*.json") if file.name != "card.json")
    if not files:
        message = f"no JSON file at {path}; give a list of finetunings with url, model, dataset, epoch and eval_loss"
        raise InteropError(message)
    return files


def _cards(file: Path) -> list[dict[str, Any]]:
    try:
        found = parse_json(read_text(file))
    except ValueError as error:
        message = f"{file} is not JSON ({error}); correct that place"
        raise InteropError(message) from error
    if not isinstance(found, list) or not all(isinstance(card, dict) for card in found):
        message = f"{file} is not a list of objects; expected one object a card, with url, model, epoch and eval_loss"
        raise InteropError(message)
    return found


def _run(card: Mapping[str, Any], where: str, figures: Mapping[str, str], options: ImportOptions) -> RecordedRun:
    url = str(needed(card, "url", str, where))
    slices, status, message = finite_slices(_slices(card, where))
    planned = card.get("epochs_planned")
    reached = slices[-1].epochs if slices else None
    if status == Status.OK and planned and reached is not None and reached < planned - _NEARLY:
        status, message = STOPPED, f"stopped after {reached:g} of {planned:g} epochs"
    return RecordedRun(
        url.rpartition("/")[2],
        _task(card, url, where, options),
        _settings(card, where),
        slices,
        status=status,
        message=message,
        facts={**figures, "source": url},
        planned=planned,
    )


def _slices(card: Mapping[str, Any], where: str) -> list[ImportedSlice]:
    epochs, losses = (needed(card, name, list, where) for name in ("epoch", "eval_loss"))
    numbers = all(isinstance(value, _NUMBER) for value in (*epochs, *losses))
    if len(epochs) != len(losses) or not numbers or not all(b > a for a, b in pairwise([0.0, *epochs])):
        message = f"{where}: expected equally many epochs, which grow, and losses; got {epochs} and {losses}"
        raise InteropError(message)
    pairs = zip(pairwise([0.0, *epochs]), losses, strict=True)
    return [ImportedSlice(float(loss), after - before, epochs=float(after)) for (before, after), loss in pairs]


def _task(card: Mapping[str, Any], url: str, where: str, options: ImportOptions) -> ImportedTask:
    model, said = (str(needed(card, name, str, where)) for name in ("model", "dataset"))
    rows, name, family = card.get("samples"), said.rpartition("/")[2], "chat"
    if said.startswith(_UNKNOWN):  # named after the owner of the card, for no two are the same dataset
        stated = _ROWS.fullmatch(said)
        rows = int(stated[1]) if stated else rows
        name = family = f"{_UNKNOWN} ({url.split('/')[-2]})"
    model = options.named("model", {}, model)
    return ImportedTask(
        options.named("dataset", {}, name),
        model,
        "eval_loss",
        "minimize",
        cost_unit="epochs",
        rows=options.rows or rows,
        family=options.family or family,
        source=said,
        features=stated_size(model),
    )


def _settings(card: Mapping[str, Any], where: str) -> dict[str, Value]:
    scheduler = _SCHEDULE.fullmatch(str(card.get("scheduler", "")))
    found: dict[str, Any] = {
        "learning_rate": float(needed(card, "lr", _NUMBER, where)),
        "batch_size": card.get("batch"),
        "epochs": card.get("epochs_planned"),
        "schedule": scheduler and scheduler[1],
        "warmup": float(scheduler[2]) if scheduler and scheduler[2] else None,
    }
    return {name: value for name, value in found.items() if value is not None}
