"""`foretune demo`: the whole path on real facts, in a few minutes, with answers before and after."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foretune.cli.answer import answering
from foretune.session.checks import check_output
from foretune.session.durations import parse_seconds
from foretune.session.saying import say

if TYPE_CHECKING:
    from rich.console import Console

    from foretune.run import Run
    from foretune.session.search import Found

QUESTIONS = 5
PREDICTED_SECONDS = 180.0
"""Of training, as predicted for the machine of the recorded runs."""


@answering
def demo(
    output: Annotated[Path, typer.Option(help="Folder of the demo; an earlier demo in it is replaced.")] = Path(
        "demo_run"
    ),
    budget: Annotated[
        str | None,
        typer.Option(
            help="Time that the search may take, such as 90s or 3m. By default it trains for 180 predicted seconds, "
            "so that slow machines find the same, later."
        ),
    ] = None,
    max_slices: Annotated[int | None, typer.Option(min=1, help="Train no more slices than this.")] = None,
    model: Annotated[str, typer.Option(help="Base model: foretune-tiny, a folder, or a hub name.")] = "foretune-tiny",
    optimizer: Annotated[
        str, typer.Option(help="Method that chooses the trials: transfer-in-context, transfer, random, ...")
    ] = "transfer-in-context",
    train_rows: Annotated[int | None, typer.Option(min=1, help="Train on only so many rows.")] = None,
) -> Run:
    """Make a dataset of real facts, tune the shipped model on it, and show answers before and after."""
    from rich.console import Console

    from foretune.run import Run
    from foretune.session.closing import close
    from foretune.session.folder import ADAPTER
    from foretune.session.options import TuneOptions
    from foretune.session.search import check_settings, search
    from foretune.synthesis.facts import make_facts
    from foretune.tuner import Budget, Clock

    limits = Budget(PREDICTED_SECONDS if budget is None else parse_seconds(budget), max_slices)
    check_output(output)
    facts = output / "facts"
    options = TuneOptions.of(facts, model, optimizer=optimizer, train_rows=train_rows, device="cpu")
    check_settings(options, data=False)
    console = Console()
    _clear(output)
    make_facts(facts)
    say(console, f"Made a dataset of real facts: {facts}")
    if budget is None:
        say(
            console,
            "The search trains for 3 minutes, as predicted for a free core; a busy or slower machine takes "
            "longer and finds the same. To end by the clock: --budget 3m",
        )
    try:
        found = search(options, limits, output / "search", console, as_predicted=budget is None, clock=Clock())
        report = close(found, console)
        _print_answers(found, console)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("\nInterrupted; the same command begins the demo anew.") from None
    return Run(found.output, found.output / ADAPTER, report)


def _clear(output: Path) -> None:
    """Remove an earlier demo, and nothing else."""
    from foretune.errors import JournalError

    if output.exists() and not (output / "facts" / "card.json").is_file():
        if output.is_dir() and not any(output.iterdir()):
            return
        raise JournalError(f"{output} exists and is no earlier demo; move it away, or give another folder to --output")
    shutil.rmtree(output, ignore_errors=True)


def _print_answers(found: Found, console: Console) -> None:
    from rich.table import Table

    from foretune.execution.finetuned import load_finetuned
    from foretune.finetuning.data import prompt_and_completion, read_splits
    from foretune.finetuning.generate import answer
    from foretune.finetuning.model import load_model
    from foretune.metrics.protocol import Asked
    from foretune.session.folder import ADAPTER
    from foretune.session.reporting import keep_answers, write_final_page

    splits = read_splits(found.options.data)
    pairs = [prompt_and_completion(example) for example in splits.test[:QUESTIONS]]
    questions = [question for question, _ in pairs]
    before = answer(load_model(found.options.model), found.setup.tokenizer, questions, 24)
    tuned = load_finetuned(found.output / ADAPTER, found.options.model)
    after = answer(tuned, found.setup.tokenizer, questions, 24)
    keep_answers(found.output, [Asked(*pair) for pair in pairs], before, after)
    write_final_page(found.output, console)
    table = Table(title="Questions of the test split, never seen in training", title_justify="left", show_lines=True)
    for heading in ("question", "base model", "finetuned", "in the dataset"):
        table.add_column(heading, overflow="fold")
    for (question, expected), first, second in zip(pairs, before, after, strict=True):
        mark = "[green]✓[/] " if second == expected else "[red]✗[/] "
        table.add_row(_plain(question), _plain(first), mark + _plain(second), _plain(expected))
    console.print()
    console.print(table)


def _plain(text: str) -> str:
    """One line of text that rich does not read as markup."""
    from rich.markup import escape

    return escape(" ".join(text.split()))
