"""`foretune synthesize`: a question-answer dataset from documents, or from facts."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foretune.cli.answer import answering
from foretune.cli.options import CompletionPrice, Device, KeyVariable, PromptPrice
from foretune.errors import DataError
from foretune.session.saying import say

if TYPE_CHECKING:
    from foretune.teacher.price import Price


@answering
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
) -> Mapping[str, object]:
    """Have a chat model write questions and answers about documents, or take facts: a dataset for `foretune tune`."""
    if source:
        from foretune.cli.synthesize_facts import synthesize_facts

        return synthesize_facts(context, source, out, seed)
    if not docs or not teacher:
        missing = (
            "a --teacher to ask about the documents" if docs else "documents and a --teacher, or --from facts:NAME"
        )
        raise DataError(f"synthesize needs {missing}; see foretune synthesize --help")
    from rich.console import Console

    from foretune.session.synthesizing import synthesize as make

    def ask(price: Price) -> None:
        """Whether to go on, now that the cost is known."""
        if price.known and not yes:
            typer.confirm("Go on?", abort=True)

    console = Console()
    try:
        made = make(
            docs,
            out,
            teacher=teacher,
            model=model,
            rows=rows,
            resume=resume,
            seed=seed,
            concurrency=concurrency,
            key_variable=key_variable,
            prompt_price=prompt_price,
            completion_price=completion_price,
            device=device,
            console=console,
            agreed=ask,
        )
    except KeyboardInterrupt as stopped:
        if not stopped.args:  # at once, by a second Ctrl-C or before the first request
            raise
        raise KeyboardInterrupt(f"Stopped after {stopped}. Every answer is kept; go on with --resume.") from None
    say(console, f"Wrote {out}. Next: foretune tune {shlex.quote(str(out))} --budget 10m --output run")
    return {"datasets": [made]}
