"""`foretune predict`: answers of a finetuned model, to prompts or to a file of them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foretune.cli.options import Device

if TYPE_CHECKING:
    from rich.console import Console

    from foretune.execution.finetuned import Finetuned
    from foretune.execution.questions import Question

_SECONDS_BETWEEN_LINES = 10.0


def register(commands: typer.Typer) -> None:
    """Add the verb."""
    commands.command("predict")(predict)


def predict(
    run: Annotated[Path, typer.Argument(help="Output folder of tune or finetune, or the adapter folder in it.")],
    prompt: Annotated[list[str] | None, typer.Option(help="Prompt to answer; may be given several times.")] = None,
    data: Annotated[
        str | None, typer.Option(help="File of prompts, in any format that is trained on; completions may be missing.")
    ] = None,
    columns: Annotated[
        str | None, typer.Option(help="Which columns of --data to take, such as prompt=Q,completion=A.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="JSONL file for the answers; else they are printed.")] = None,
    max_new_tokens: Annotated[
        int | None, typer.Option(min=1, help="Tokens of an answer; by default those of the longest completion.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Base model, if it has moved.")] = None,
    device: Device = "auto",
) -> None:
    """Answer prompts with the model that RUN finetuned, greedily.

    If --data has completions, the share of answers that equal them is printed, too.
    """
    from rich.console import Console

    from foretune.execution.questions import Question, read_questions
    from foretune.execution.run_folder import find_finetuned

    _check(prompt, data, out)
    find_finetuned(run)
    questions = [Question.of(text) for text in prompt or ()] + (read_questions(data, columns) if data else [])
    console = Console(stderr=True)
    with console.status("loading the model ..."):
        from foretune.execution.finetuned import open_finetuned
        from foretune.finetuning.model import choose_device

        finetuned = open_finetuned(run, model=model, device=choose_device(device))
    answers = _answers(finetuned, questions, max_new_tokens, console)
    if out is not None or data is not None:
        _write(questions, answers, out)
        _tell_matches(questions, answers, out, console)
        return
    for question, text in zip(questions, answers, strict=True):
        typer.echo(f"> {question.text}\n{text}\n" if len(questions) > 1 else text)


def _check(prompt: list[str] | None, data: str | None, out: Path | None) -> None:
    from foretune.errors import DataError

    if not prompt and data is None:
        message = "nothing to answer; give --prompt TEXT (several times, if you like) or --data FILE"
        raise DataError(message)
    if out is not None and (out.exists() or not out.parent.is_dir()):
        state = "already exists" if out.exists() else "is in a folder that does not exist"
        message = f"{out} {state}; give another file to --out"
        raise DataError(message)


def _answers(
    finetuned: Finetuned, questions: list[Question], max_new_tokens: int | None, console: Console
) -> list[str]:
    from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("answering"), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("", total=len(questions))
        told = time.monotonic()

        def observe(done: int) -> None:
            """Move the bar, or, where there is no terminal, print a line now and then."""
            nonlocal told
            progress.update(bar, completed=done)
            if not console.is_terminal and time.monotonic() > told + _SECONDS_BETWEEN_LINES:
                told = time.monotonic()
                console.print(f"answered {done} of {len(questions)}", highlight=False)

        return finetuned.answers(
            [question.example for question in questions], max_new_tokens=max_new_tokens, observe=observe
        )


def _write(questions: list[Question], answers: list[str], out: Path | None) -> None:
    """One JSON object a line, into the file or to standard output."""
    import json

    rows = [question.with_answer(text) for question, text in zip(questions, answers, strict=True)]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    if out is None:
        typer.echo("\n".join(lines))
    else:
        out.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _tell_matches(questions: list[Question], answers: list[str], out: Path | None, console: Console) -> None:
    known = [(question, text) for question, text in zip(questions, answers, strict=True) if question.completion]
    right = sum(question.matches(text) for question, text in known)
    where = f"; the answers are in {out}" if out else ""
    said = f"exact match: {right} of {len(known)} ({right / len(known):.1%})" if known else f"{len(answers)} answers"
    console.print(f"{said}{where}", highlight=False, markup=False, soft_wrap=True)
