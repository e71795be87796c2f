"""`foretune recommend`: which configurations to finetune with, before anything is trained."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foretune.cli.answer import answering
from foretune.cli.options import Columns, LastTurnOnly, SkipBadRows
from foretune.errors import InteropError
from foretune.session.checks import TRAINERS, check_accelerator, check_name
from foretune.session.durations import parse_seconds
from foretune.session.prices import parse_price
from foretune.session.saying import say
from foretune.session.waiting import waiting

if TYPE_CHECKING:
    from rich.console import Console

    from foretune.recommendation import Advice

_PLAIN_WIDTH = 160
"""Of the table where there is no terminal, so that no row is broken."""
_LEAST_LETTERS = 2
"""Of the name of a trainer; a single one before a colon is a drive."""


@answering
def recommend(
    data: Annotated[str, typer.Argument(help="A JSONL, JSON, CSV or Parquet file, a folder of splits, or a hub name.")],
    model: Annotated[
        str, typer.Option(help="Base model: foretune-tiny, a folder with config.json and tokenizer, or a hub name.")
    ] = "foretune-tiny",
    top: Annotated[int, typer.Option(min=1, help="Number of configurations.")] = 5,
    budget: Annotated[str | None, typer.Option(help="Leave out runs that are predicted to take longer.")] = None,
    hardware: Annotated[
        str | None, typer.Option(help="Accelerator to train a real LLM on, such as rtx-4090, a100-80gb or h100.")
    ] = None,
    price_per_hour: Annotated[
        str | None, typer.Option(metavar="DOLLARS", help="Price of the accelerator; tells what each run costs.")
    ] = None,
    space: Annotated[
        str | None, typer.Option(help="Only configurations of this search space: a shipped name or a YAML file.")
    ] = None,
    candidates: Annotated[int, typer.Option(min=1, help="Configurations to sample from it.")] = 256,
    surrogates: Annotated[
        Path | None, typer.Option("--surrogate", "--surrogates", help="Folder written by `foretune fit`.")
    ] = None,
    learned_from: Annotated[
        Path | None, typer.Option(metavar="META", help="Meta-dataset that the surrogates were fitted on.")
    ] = None,
    train_rows: Annotated[int | None, typer.Option(min=1, help="Train on only so many rows.")] = None,
    columns: Columns = None,
    last_turn_only: LastTurnOnly = False,
    skip_bad_rows: SkipBadRows = False,
    seed: Annotated[int, typer.Option(help="Of splits, candidates and the rows that are scored.")] = 0,
    export: Annotated[
        str | None,
        typer.Option(
            metavar="[TO:]FILE",
            help="Write a pick for `foretune finetune --config`, or as trl:FILE for a trainer.",
        ),
    ] = None,
    pick: Annotated[int, typer.Option(min=1, help="Which one to write.")] = 1,
) -> Mapping[str, object]:
    """Rank configurations for finetuning MODEL on DATA by predicted results, without training a step.

    For base models of a size that the surrogates learned from, they predict; for larger ones published sweeps over real
    models give learning rate and rank; otherwise the usual rule does. The model's weights need not be on this machine.
    """
    from rich.console import Console

    from foretune.cli.advice import check_target, show
    from foretune.session.advising import RecommendRequest

    seconds = math.inf if budget is None else parse_seconds(budget)
    trainer, file = _target(export)
    check_target(file, pick)
    check_accelerator(hardware)
    price = None if price_per_hour is None else parse_price(price_per_hour, hardware)
    reading = {"columns": columns, "last_turn_only": last_turn_only, "skip_bad_rows": skip_bad_rows}
    question = RecommendRequest(
        data=data,
        model=model,
        top=top,
        seconds=seconds,
        price=price,
        space=space,
        candidates=candidates,
        surrogates=surrogates,
        learned_from=learned_from,
        train_rows=train_rows,
        seed=seed,
        reading=reading,
    )
    question.check()

    from foretune.recommendation.accelerators import find_accelerator

    card = None if hardware is None else find_accelerator(hardware)
    aside = Console(stderr=True)
    with waiting(aside, "reading what is known", first=1.0, then=5.0) as step:
        advice = replace(question, card=card).advice(step)
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, _PLAIN_WIDTH)
    show(advice, model, console, on_hardware=card is not None)
    if file is None:
        return {**advice.to_json(), "exported": None}
    facts = {"model": model, "data": data, "seed": seed, "reading": {**reading, "train_rows": train_rows}}
    written = _write(advice, pick, trainer, file, aside, hardware=hardware, **facts)
    return {**advice.to_json(), "exported": written}


def _write(
    advice: Advice, pick: int, trainer: str, file: Path, console: Console, *, hardware: str | None, **facts: Any
) -> Mapping[str, object]:
    """Write a pick for foretune or for another trainer, and say what to do with it; see `Exported`."""
    from foretune.cli.advice import export, picked, recipe

    chosen = picked(advice, pick)
    if trainer:
        from foretune.cli.export import tell
        from foretune.session.exporting import export_pick

        split = chosen.at_once.to_trainer() if chosen.at_once else {}
        written = export_pick(recipe(chosen, **facts), trainer, file, split)
        tell(written, console)
        return vars(written)
    export(chosen, file, hardware=hardware, **facts)
    command = shlex.join(["foretune", "finetune", facts["data"], "--config", str(file), "--output", "RUN"])
    say(console, f"Pick {pick} is in {file}: {command}")
    return {"files": (file,), "data": None, "commands": (command,), "notes": ()}


def _target(export: str | None) -> tuple[str, Path | None]:
    """The trainer that a pick is written for, empty for foretune itself, and the file.

    Raises:
        ForetuneError: no trainer is called so, or the file or the folder of its rows cannot be written.
    """
    trainer, colon, rest = (export or "").partition(":")
    if not colon or len(trainer) < _LEAST_LETTERS or set(trainer) & set("/\\"):
        return "", None if export is None else Path(export)
    check_name("trainer", trainer, TRAINERS, InteropError)
    from foretune.session.exporting import check_free

    check_free([Path(rest)], "--export")
    return trainer, Path(rest)
