"""`foretune synthesize`: a question-answer dataset from documents, or from facts."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from foretune.cli.options import CompletionPrice, Device, KeyVariable, PromptPrice
from foretune.errors import DataError
from foretune.session.checks import check_device, check_output
from foretune.session.teachers import check_teacher, is_local, open_teacher

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rich.console import Console

    from foretune.synthesis.questions.make import Made
    from foretune.synthesis.questions.pairs import Pair
    from foretune.synthesis.questions.passages import Material
    from foretune.teacher.price import Price, Tokens
    from foretune.teacher.protocol import Teacher

REPLIES = ".replies.jsonl"
"""Answers of the teacher in the output folder; hidden, so that `tune` does not take it for rows."""

_LIBRARIES = ("openai", "pypdf", "docx", "lxml", "datasketch", "py3langid", "llguidance")


def register(commands: typer.Typer) -> None:
    """Add the verb."""
    commands.command("synthesize")(synthesize)


def synthesize(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="Folder that gets the dataset.")],
    docs: Annotated[
        list[Path] | None, typer.Argument(metavar="DOCS...", help="Files or folders: PDF, HTML, MD, DOCX, text.")
    ] = None,
    teacher: Annotated[str, typer.Option(metavar="URL|local:MODEL", help="Writes the questions and answers.")] = "",
    source: Annotated[
        str,
        typer.Option(
            "--from", metavar="facts:NAME", help="Instead of DOCS: facts of installed libraries, facts:all for all."
        ),
    ] = "",
    model: Annotated[str, typer.Option(help="Name of the model at the URL.")] = "",
    rows: Annotated[int, typer.Option(min=10, help="Questions with answers, all splits together.")] = 300,
    resume: Annotated[bool, typer.Option("--resume", help="Go on in OUT; no answer is asked for twice.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the order of passages and the splits.")] = 0,
    concurrency: Annotated[int, typer.Option(min=1, help="Requests under way at a time.")] = 8,
    key_variable: KeyVariable = "OPENAI_API_KEY",
    prompt_price: PromptPrice = None,
    completion_price: CompletionPrice = None,
    yes: Annotated[bool, typer.Option("--yes", help="With a price: do not ask before anything is spent.")] = False,
    device: Device = "auto",
) -> None:
    """Have a chat model write questions and answers about documents, or take facts: a dataset for `foretune tune`."""
    if source:
        from foretune.cli.synthesize_facts import synthesize_facts

        synthesize_facts(context, source, out, seed)
        return
    if not docs or not teacher:
        missing = (
            "a --teacher to ask about the documents" if docs else "documents and a --teacher, or --from facts:NAME"
        )
        raise DataError(f"synthesize needs {missing}; see foretune synthesize --help")
    check_device(device)
    _check(teacher, model, out, resume=resume)
    from rich.console import Console

    from foretune.session.interruption import Interruption
    from foretune.synthesis.questions.card import Facts, write_dataset
    from foretune.synthesis.questions.cost import estimate
    from foretune.synthesis.questions.passages import gather
    from foretune.synthesis.questions.split import split_by_section
    from foretune.teacher.cache import Remembered
    from foretune.teacher.price import Price, count

    console = Console()
    material = gather(docs, seed=seed)
    price, estimated = Price(prompt_price, completion_price), estimate(material.passages, rows)
    _tell(console, material, estimated, price)
    if price.known and not yes:
        typer.confirm("Go on?", abort=True)
    out.mkdir(parents=True, exist_ok=True)
    opened = open_teacher(teacher, model, key_variable=key_variable, concurrency=concurrency, device=device)
    remembered = Remembered(opened, out / REPLIES)
    with Interruption() as interruption:
        made = _make(console, material, remembered, rows, interruption.asked)
    if made.stopped:
        console.print(f"Stopped after {len(made.pairs)} pairs. Every answer is kept; go on with --resume.")
        raise typer.Exit(130)
    splits, paid = split_by_section(made.pairs, seed), count(remembered.replies)
    facts = Facts(_named(teacher, remembered.name), rows, material, estimated, paid, price, seed)
    write_dataset(splits, made, facts, out)
    _report(console, made, splits, paid, price)
    if len(made.pairs) < rows:
        note = f"note: {len(made.pairs)} of {rows} pairs; the documents gave no more. Give more documents"
        console.print(note, style="yellow", highlight=False, soft_wrap=True)
    console.print(f"Wrote {out}. Next: foretune tune {out} --budget 10m --output run", highlight=False, soft_wrap=True)


def _check(teacher: str, model: str, out: Path, *, resume: bool) -> None:
    """What can be said before anything heavy is imported."""
    check_output(out, "--out")
    if missing := [name for name in _LIBRARIES if find_spec(name) is None]:
        raise DataError(f"synthesize needs {', '.join(missing)}; install with: pip install 'foretune[synthesize]'")
    begun = (out / REPLIES).exists()
    if out.is_dir() and any(out.iterdir()) and not (resume and begun):
        advice = "go on with --resume" if begun else "it is not of a run of synthesize; give another folder to --out"
        raise DataError(f"{out} is not empty; {advice}")
    check_teacher(teacher, model)


def _named(teacher: str, model: str) -> str:
    return f"{model}, on this machine" if is_local(teacher) else f"{model} at {urlsplit(teacher).hostname}"


def _make(console: Console, material: Material, teacher: Teacher, rows: int, stop: Callable[[], bool]) -> Made:
    """Ask until there are enough pairs, and show how many there are."""
    from foretune.session.waiting import waiting
    from foretune.synthesis.questions.make import make_pairs

    with waiting(console, f"0 of {rows} pairs") as say:

        def observe(made: Made) -> None:
            """Say how far it is."""
            ending = ", ending after the requests under way" if stop() else ""
            say(f"{len(made.pairs)} of {rows} pairs{ending}")

        return make_pairs(material.passages, teacher, rows, observe=observe, stop=stop)


def _tell(console: Console, material: Material, estimated: Tokens, price: Price) -> None:
    """What there is, and what it will cost."""
    from rich.text import Text

    for one in material.documents:
        if one.problem:
            console.print(Text(f"note: {one.source} {one.problem}", style="yellow"), soft_wrap=True)
    read = sum(not one.problem for one in material.documents)
    console.print(f"{read} documents, {len(material.passages)} passages to ask about", highlight=False)
    dollars = f", {price.of(estimated):.2f} dollars" if price.known else ""
    console.print(
        f"about {estimated.requests:,} requests, {estimated.prompt:,} prompt tokens, "
        f"{estimated.completion:,} tokens of answers{dollars}",
        highlight=False,
        soft_wrap=True,
    )


def _report(console: Console, made: Made, splits: Mapping[str, Sequence[Pair]], paid: Tokens, price: Price) -> None:
    """Where pairs were left out, what is in the dataset, and what it has cost."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from foretune.synthesis.questions.ask import UNREADABLE
    from foretune.synthesis.questions.card import filter_rows

    table = Table("pairs", box=SIMPLE_HEAD)
    table.add_column("", justify="right")
    for what, number in filter_rows(made.counts):
        table.add_row(what, str(number))
    console.print(table)
    sizes = ", ".join(f"{len(pairs)} {split}" for split, pairs in splits.items())
    dollars = f", {price.of(paid):.2f} dollars" if price.known else ""
    console.print(f"{sizes}; no section in two splits", highlight=False)
    console.print(
        f"{paid.requests:,} answers ({made.counts[UNREADABLE]} not readable), {paid.prompt:,} prompt tokens, "
        f"{paid.completion:,} tokens of answers{dollars}; {made.failures} passages without an answer",
        highlight=False,
        soft_wrap=True,
    )
