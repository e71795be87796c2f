"""`foretune finetune`: one whole run of one configuration."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from foretune.cli.tune import INTERRUPTED
from foretune.errors import ConfigurationError, ForetuneError, JournalError
from foretune.session.checks import check_name, check_output, check_recipe
from foretune.types import Configuration, Report, Status, Trial

if TYPE_CHECKING:
    from rich.console import Console

    from foretune.session.ground import Ground
    from foretune.session.search import Settings

BEGUN = "begun.jsonl"
"""What was known when a run was begun, until it has ended."""
_WRITTEN = (
    *("configuration", "model", "data", "seed", "train_rows", "max_length"),
    *("columns", "last_turn_only", "skip_bad_rows", "today"),
    *("slices", "slices_planned", "validation_nll"),
)
"""What a search writes into `best.yaml`."""


def register(commands: typer.Typer) -> None:
    """Add the verb."""
    commands.command("finetune")(finetune)


def finetune(
    data: Annotated[str, typer.Argument(help="A JSONL, JSON, CSV or Parquet file, a folder of splits, or a hub name.")],
    config: Annotated[Path, typer.Option(help="YAML with the configuration: the best.yaml of a search, or your own.")],
    output: Annotated[Path, typer.Option(help="Folder for the run; one that was begun is gone on with.")],
    model: Annotated[str | None, typer.Option(help="Base model; by default the one that the file names.")] = None,
    seed: Annotated[int | None, typer.Option(help="By default the one in the file, or 0.")] = None,
    train_rows: Annotated[
        int | None, typer.Option(min=1, help="Train on only so many rows; by default as the file says, or all.")
    ] = None,
    max_length: Annotated[
        int | None, typer.Option(min=2, help="Tokens that an example may have; by default as the file says.")
    ] = None,
    columns: Annotated[
        str | None, typer.Option(metavar="NAME=COLUMN,...", help="Columns to take, such as prompt=Q,completion=A.")
    ] = None,
    last_turn_only: Annotated[
        bool, typer.Option("--last-turn-only", help="Learn the last answer of a conversation alone.")
    ] = False,
    skip_bad_rows: Annotated[
        bool, typer.Option("--skip-bad-rows", help="Leave out rows that cannot be used, and say how many.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto (a GPU if there is one), cpu, cuda, cuda:1, ...")] = "auto",
) -> None:
    """Finetune MODEL on DATA with one configuration, keep the best slice, and score it on the test split."""
    from rich.console import Console

    from foretune.session.search import Settings, check_settings

    written = read_configuration(config)
    if (output / "adapter").exists():
        message = f"{output} already holds a finished run; give another folder to --output"
        raise JournalError(message)
    check_output(output)
    settings = Settings(
        data=data,
        model=model or str(written.get("model", "foretune-tiny")),
        seed=int(written.get("seed", 0)) if seed is None else seed,
        max_length=max_length or written.get("max_length"),
        train_rows=train_rows or written.get("train_rows"),
        device=device,
        columns=columns or written.get("columns"),
        last_turn_only=last_turn_only or bool(written.get("last_turn_only")),
        skip_bad_rows=skip_bad_rows or bool(written.get("skip_bad_rows")),
    )
    check_settings(settings)
    console = Console()
    try:
        _run(settings, Configuration(written["configuration"]), output, console, str(written.get("today") or ""))
    except KeyboardInterrupt:
        console.print("\nInterrupted; nothing is lost. The same command goes on where it was.")
        raise typer.Exit(INTERRUPTED) from None


def read_configuration(path: Path) -> dict[str, Any]:
    """The content of a YAML file with a `configuration`, or whose whole content is one.

    Raises:
        ConfigurationError: if it is neither, or a name or value in it is not known.
    """
    import yaml

    try:
        content: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        message = f"cannot read {path} as YAML ({reason}); give the best.yaml of a search, or write one like it"
        raise ConfigurationError(message) from error
    if not isinstance(content, dict) or not ("configuration" in content or "method" in content):
        message = f"{path} holds no configuration: expected a mapping with `method`, `learning_rate` and so on"
        raise ConfigurationError(message)
    values = cast("dict[str, Any]", content)
    written = values if "configuration" in values else {"configuration": values}
    for name in written:
        check_name(f"key of {path}", str(name), _WRITTEN)
    if not isinstance(written["configuration"], dict):
        message = f"{path}: `configuration` must be a mapping with `method`, `learning_rate` and so on"
        raise ConfigurationError(message)
    check_recipe(written["configuration"], str(path))
    return written


def _run(settings: Settings, configuration: Configuration, output: Path, console: Console, today: str) -> None:
    from foretune.report.tables import describe, scores_table
    from foretune.session.closing import (
        ADAPTER,
        complete_adapter,
        describe_adapter,
        measure_finetuned,
        measure_untouched,
    )
    from foretune.session.search import on_this_machine
    from foretune.session.waiting import waiting

    with waiting(console, "loading libraries") as step:
        settings = on_this_machine(settings)
        ground = _prepared(settings, configuration, output, today, step)
    for note in ground.notes:
        console.print(f"note: {note}", style="yellow", highlight=False, markup=False, soft_wrap=True)
    console.print(f"finetuning with {describe(configuration.values)}", highlight=False, soft_wrap=True)
    report = _train(settings, ground, configuration, output, console)
    if not len(report.curve):
        message = f"the run {report.status.replace('_', ' ')} before its first slice: {report.message}"
        raise ForetuneError(message)
    if report.status is not Status.OK:
        console.print(f"{report.status.replace('_', ' ')}: {report.message}", style="yellow")
    complete_adapter(output / "best", ground)
    (output / "best").rename(output / ADAPTER)
    shutil.rmtree(output / "state", ignore_errors=True)
    (output / BEGUN).unlink()
    fidelity = int(report.curve.scores.argmax()) + 1
    with waiting(console, "scoring the adapter"):
        row = measure_finetuned("finetuned", output / ADAPTER, ground, settings, configuration, fidelity)
        scores = [measure_untouched(ground, settings), row]
    describe_adapter(output / ADAPTER, ground, settings, configuration, scores)
    console.print(scores_table(scores))
    console.print(f"The adapter of slice {fidelity} of {ground.task.max_fidelity} is in {output / ADAPTER}.")
    console.print(f'Ask it: foretune predict {output} --prompt "..."', highlight=False, markup=False, soft_wrap=True)


def _prepared(
    settings: Settings, configuration: Configuration, output: Path, today: str, step: Callable[[str], None]
) -> Ground:
    """What the run stands on; one that goes on takes over what was known when it was begun.

    `today` is the day that chat templates were told by the search that the configuration is from; empty if none.
    """
    from foretune.journal import create_journal, read_journal
    from foretune.session.ground import prepare
    from foretune.session.search import header_of
    from foretune.tuner import Clock

    begun = output / BEGUN
    known = read_journal(begun).header if begun.exists() else None
    if known is not None and known["settings"] == asdict(settings):
        return prepare(settings, known, step=step)
    clock = Clock()
    day = date.fromisoformat(today) if today else None
    ground = prepare(settings, None, configuration=configuration, step=step, today=day)
    output.mkdir(parents=True, exist_ok=True)
    create_journal(begun, header_of(settings, ground, clock))
    return ground


def _train(settings: Settings, ground: Ground, configuration: Configuration, output: Path, console: Console) -> Report:
    from foretune.finetune.train import finetune as train

    trial = Trial(0, configuration, ground.task.max_fidelity)
    with _following(output / "slices.jsonl", trial.fidelity, console):
        return train(trial, ground.data, settings.model, output, seed=settings.seed, device=settings.device, test=False)


@contextmanager
def _following(slices: Path, planned: int, console: Console) -> Generator[None]:
    """Print a line for each slice that a run writes down."""
    ended = threading.Event()

    def follow() -> None:
        """Look at the file until the run has ended, and once more after it."""
        shown, last = 0, False
        while not last:
            last = ended.wait(0.2)
            lines = slices.read_text(encoding="utf-8").split("\n")[:-1] if slices.exists() else []
            for line in lines[shown:]:
                values = json.loads(line)
                console.print(
                    f"slice {values['fidelity']} of {planned}: validation loss {values['validation_nll']:.4f}"
                )
            shown = len(lines)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
