"""`foretune predict`: answers of a finetuned model, to prompts or to a file of them."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foretune.cli.answer import answering
from foretune.cli.options import (
    CompletionPrice,
    Device,
    Judge,
    JudgeModel,
    KeyVariable,
    PromptPrice,
    Rubric,
    metric_request,
)
from foretune.session.saying import remark, say

if TYPE_CHECKING:
    from rich.console import Console

    from foretune.execution.finetuned import Finetuned
    from foretune.execution.questions import Question
    from foretune.session.scoring import MetricRequest

_SECONDS_BETWEEN_LINES = 10.0
_UNSCORED: Mapping[str, object] = {"answered": None, "judged": None}


@answering
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
    metric: Annotated[
        str, typer.Option(help="Score of answers to --data: exact_match, token_f1, rouge_l or judge.")
    ] = "exact_match",
    judge: Judge = "",
    judge_model: JudgeModel = "",
    rubric: Rubric = None,
    key_variable: KeyVariable = "OPENAI_API_KEY",
    prompt_price: PromptPrice = None,
    completion_price: CompletionPrice = None,
    device: Device = "auto",
) -> Mapping[str, object]:
    """Answer prompts with the model that RUN finetuned, greedily.

    If --data has completions, the share of answers that equal them is printed, too, and the --metric.
    """
    from rich.console import Console

    from foretune.errors import DataError
    from foretune.execution.questions import Question, read_questions
    from foretune.execution.run_folder import find_finetuned

    _check(prompt, data, out)
    request = metric_request(metric, judge, judge_model, rubric, key_variable, prompt_price, completion_price)
    _check_metric(request, find_finetuned(run).parent)
    questions = [Question.of(text) for text in prompt or ()] + (read_questions(data, columns) if data else [])
    if request.name != "exact_match" and not any(question.completion for question in questions):
        raise DataError(f"there are no completions that {request.name} could compare answers with; give --data FILE")
    console = Console(stderr=True)
    with console.status("loading the model ..."):
        from foretune.execution.finetuned import open_finetuned
        from foretune.finetuning.model import choose_device

        finetuned = open_finetuned(run, model=model, device=choose_device(device))
    if finetuned.note:
        remark(console, finetuned.note)
    answers = _answers(finetuned, questions, max_new_tokens, console)
    if out is not None or data is not None:
        scores: list[float | None] = []
        found: Mapping[str, object] = {}
        try:
            scores, found = _scored(request, run, device, questions, answers, console)
        finally:  # no answer is lost if the judge fails
            _write(questions, answers, out, scores)
            _tell_matches(questions, answers, out, console)
        return {"answers": _rows(questions, answers, scores), "out": out, **_matches(questions, answers), **found}
    for question, text in zip(questions, answers, strict=True):
        typer.echo(f"> {question.text}\n{text}\n" if len(questions) > 1 else text)
    return {"answers": _rows(questions, answers), "out": None, **_matches(questions, answers), **_UNSCORED}


def _check(prompt: list[str] | None, data: str | None, out: Path | None) -> None:
    from foretune.errors import DataError

    if not prompt and data is None:
        raise DataError("nothing to answer; give --prompt TEXT (several times, if you like) or --data FILE")
    if out is not None and (out.exists() or not out.parent.is_dir()):
        state = "already exists" if out.exists() else "is in a folder that does not exist"
        raise DataError(f"{out} {state}; give another file to --out")


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


def _check_metric(request: MetricRequest, folder: Path) -> None:
    from foretune.errors import ConfigurationError, JournalError
    from foretune.session.scoring import REPLIES, check_metric

    check_metric(request)
    if not request.writes:
        message = f"{request.name} is no score of written answers; choose exact_match, token_f1, rouge_l or judge"
        raise ConfigurationError(message)
    if request.judge and not os.access(folder, os.W_OK):
        raise JournalError(f"{folder} may not be written to, so {REPLIES} cannot be kept there; copy the run elsewhere")


def _scored(
    request: MetricRequest, run: Path, device: str, questions: list[Question], answers: list[str], console: Console
) -> tuple[list[float | None], Mapping[str, object]]:
    """The scores of all answers, and what they say together; nothing for exact match, which is always said."""
    from foretune.execution.run_folder import find_finetuned
    from foretune.metrics.summary import Answered
    from foretune.report.final_scores import Judged
    from foretune.report.tables import describe_agreement, describe_answered, describe_cost
    from foretune.session.scoring import open_scorer

    if request.name == "exact_match":
        return [], _UNSCORED
    with console.status(f"scoring by {request.name} ..."):
        scorer = open_scorer(request, find_finetuned(run).parent, device=device)
        pairs = [(one.asked, text) for one, text in zip(questions, answers, strict=True) if one.completion]
        asked, texts = [one for one, _ in pairs], [text for _, text in pairs]
        found = scorer.scores(asked, texts)
    answered = Answered.of(request.name, asked, texts, found)
    lines, judged = [describe_answered(answered)], None
    if (tokens := scorer.tokens) and answered.agreement:
        judged = Judged.of(tokens, request.price, answered.agreement)
        lines += [describe_agreement(answered.agreement), describe_cost(judged, answers=len(texts))]
    for line in lines:
        say(console, line)
    scores = iter(found)
    return [next(scores) if one.completion else None for one in questions], {"answered": answered, "judged": judged}


def _write(
    questions: list[Question], answers: list[str], out: Path | None, scores: Sequence[float | None] = ()
) -> None:
    """One JSON object a line, into the file or to standard output."""
    import json

    lines = [json.dumps(row, ensure_ascii=False) for row in _rows(questions, answers, scores)]
    if out is None:
        typer.echo("\n".join(lines))
    else:
        out.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _rows(
    questions: list[Question], answers: list[str], scores: Sequence[float | None] = ()
) -> list[Mapping[str, object]]:
    rows = [question.with_answer(text) for question, text in zip(questions, answers, strict=True)]
    return [{**row, "score": score} for row, score in zip(rows, scores, strict=True)] if scores else rows


def _matches(questions: list[Question], answers: list[str]) -> Mapping[str, int]:
    """Answers that equal the completion in the data, and how many questions have one."""
    known = [(question, text) for question, text in zip(questions, answers, strict=True) if question.completion]
    return {"right": sum(question.matches(text) for question, text in known), "known": len(known)}


def _tell_matches(questions: list[Question], answers: list[str], out: Path | None, console: Console) -> None:
    right, known = _matches(questions, answers).values()
    where = f"; the answers are in {out}" if out else ""
    said = f"exact match: {right} of {known} ({right / known:.1%})" if known else f"{len(answers)} answers"
    say(console, f"{said}{where}")
