"""`foretune finetune`: one whole run of one configuration."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from foretune.cli.tune import INTERRUPTED
from foretune.types import Configuration, Report, Status, Trial

if TYPE_CHECKING:
    from rich.console import Console

    from foretune.session.ground import Ground
    from foretune.session.search import Settings


def register(commands: typer.Typer) -> None:
    """Add the verb."""
    commands.command("finetune")(finetune)


def finetune(
    data: Annotated[str, typer.Argument(help="A JSONL, JSON, CSV or Parquet file, a folder of splits, or a hub name.")],
    config: Annotated[Path, typer.Option(help="YAML with the configuration: the best.yaml of a search, or your own.")],
    output: Annotated[Path, typer.Option(help="Folder for the run; one that was begun is gone on with.")],
    model: Annotated[str | None, typer.Option(help="Base model; by default the one that the file names.")] = None,
    seed: Annotated[int | None, typer.Option(help="By default the one in the file, or 0.")] = None,
    max_length: Annotated[int | None, typer.Option(min=2, help="Tokens that an example may have.")] = None,
    device: Annotated[str, typer.Option(help="auto (a GPU if there is one), cpu, cuda, cuda:1, ...")] = "auto",
) -> None:
    """Finetune MODEL on DATA with one configuration, keep the best slice, and score it on the test split."""
    from rich.console import Console

    from foretune.finetune.model import choose_device
    from foretune.session.search import Settings

    written = read_configuration(config)
    settings = Settings(
        data=data,
        model=model or str(written.get("model", "foretune-tiny")),
        seed=int(written.get("seed", 0)) if seed is None else seed,
        max_length=max_length,
        device=choose_device(device),
    )
    console = Console()
    try:
        _run(settings, Configuration(written["configuration"]), output, console)
    except KeyboardInterrupt:
        console.print("\nInterrupted; nothing is lost. The same command goes on where it was.")
        raise typer.Exit(INTERRUPTED) from None


def read_configuration(path: Path) -> dict[str, Any]:
    """The content of a YAML file with a `configuration`, or whose whole content is one.

    Raises:
        ConfigurationError: if it is neither.
    """
    import yaml

    from foretune.errors import ConfigurationError

    try:
        content: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        message = f"cannot read {path} as YAML ({error}); give the best.yaml of a search, or write one like it"
        raise ConfigurationError(message) from error
    if isinstance(content, dict):
        values = cast("dict[str, Any]", content)
        written = values if isinstance(values.get("configuration"), dict) else {"configuration": values}
        if "method" in written["configuration"]:
            return written
    message = f"{path} holds no configuration: expected a mapping with `method`, `learning_rate` and so on"
    raise ConfigurationError(message)


def _run(settings: Settings, configuration: Configuration, output: Path, console: Console) -> None:
    from foretune.errors import ForetuneError, JournalError
    from foretune.report.tables import describe, scores_table
    from foretune.session.closing import ADAPTER, measure_finetuned, measure_untouched
    from foretune.session.ground import prepare

    if (output / ADAPTER).exists():
        message = f"{output} already holds a finished run; give another folder to --output"
        raise JournalError(message)
    with console.status("loading the model, the data and the base model's scores ..."):
        ground = prepare(settings, None)
    for note in ground.notes:
        console.print(f"note: {note}", style="yellow", highlight=False, soft_wrap=True)
    console.print(f"finetuning with {describe(configuration.values)}", highlight=False, soft_wrap=True)
    report = _train(settings, ground, configuration, output, console)
    if not len(report.curve):
        message = f"the run {report.status.replace('_', ' ')} before its first slice: {report.message}"
        raise ForetuneError(message)
    if report.status is not Status.OK:
        console.print(f"{report.status.replace('_', ' ')}: {report.message}", style="yellow")
    (output / "best").rename(output / ADAPTER)
    shutil.rmtree(output / "state", ignore_errors=True)
    fidelity = int(report.curve.scores.argmax()) + 1
    row = measure_finetuned("finetuned", output / ADAPTER, ground, settings, configuration, fidelity)
    console.print(scores_table([measure_untouched(ground), row]))
    console.print(f"The adapter of slice {fidelity} of {ground.task.max_fidelity} is in {output / ADAPTER}.")


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
