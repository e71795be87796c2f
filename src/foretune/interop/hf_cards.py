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
from foretune.interop.documents import files_in, needed, read_text
from foretune.interop.options import ImportOptions
from foretune.interop.origin import figures_of
from foretune.interop.recorded import Imported, ImportedTask, RecordedRun, finite_slices, task_of
from foretune.interop.resample import ImportedSlice
from foretune.metadata.schema import STOPPED
from foretune.parsing import parse_json
from foretune.types import Status, Value

_UNKNOWN = "unknown"
_NUMBER = (int, float)
_ROWS = re.compile(rf"{_UNKNOWN} \((\d+)\)")
_SCHEDULE = re.compile(r"(\w+)(?:, warmup ([\d.]+))?")
_NEARLY = 1e-3
_ABSENT = "no JSON file at {}; give a list of finetunings with url, model, dataset, epoch and eval_loss"
_NOTE = "model cards tell no method; their rows are the samples that they name, of which validation rows may be a part"


def hf_card_runs(paths: Sequence[str], options: ImportOptions) -> Imported:
    """Finetunings from model cards, from JSON files or folders of them: a run a card.

    Raises:
        InteropError: naming the file, the number of the card and the expectation.
    """
    runs = [
        _run(card, f"{file}, card {number}", figures_of(file.parent, options), options)
        for file in files_in(paths, "*.json", _ABSENT)
        for number, card in enumerate(_cards(file), start=1)
    ]
    return Imported(runs, [_NOTE])


def _cards(file: Path) -> list[dict[str, Any]]:
    try:
        found = parse_json(read_text(file))
    except ValueError as error:
        raise InteropError(f"{file} is not JSON ({error}); correct that place") from error
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
        raise InteropError(f"{where}: expected equally many epochs, which grow, and losses; got {epochs} and {losses}")
    pairs = zip(pairwise([0.0, *epochs]), losses, strict=True)
    return [ImportedSlice(float(loss), after - before, epochs=float(after)) for (before, after), loss in pairs]


def _task(card: Mapping[str, Any], url: str, where: str, options: ImportOptions) -> ImportedTask:
    model, said = (str(needed(card, name, str, where)) for name in ("model", "dataset"))
    rows, name, family = card.get("samples"), said.rpartition("/")[2], "chat"
    if said.startswith(_UNKNOWN):  # named after the owner of the card, for no two are the same dataset
        stated = _ROWS.fullmatch(said)
        rows = int(stated[1]) if stated else rows
        name = family = f"{_UNKNOWN} ({url.split('/')[-2]})"
    facts: dict[str, Any] = {"rows": rows, "family": family, "cost_unit": "epochs", "source": said}
    return task_of(options, {}, name, model, "eval_loss", "minimize", sized=True, **facts)


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
