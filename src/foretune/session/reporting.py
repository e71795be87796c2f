"""The page of a run or of a comparison, made from its folder: at its end, and whenever somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from foretune.errors import JournalError
from foretune.metrics.protocol import Asked
from foretune.report.comparison import COMPARISON, read_comparison
from foretune.report.page import PAGE, home_of, read_record, write_page
from foretune.report.page.comparison import comparison_page
from foretune.report.page.record import REPORT
from foretune.report.page.render import write_html
from foretune.report.run_report import read_run_report, write_run_report
from foretune.session.folder import is_locked
from foretune.session.saying import say

if TYPE_CHECKING:
    from rich.console import Console


_SEARCHES = ("replays.jsonl", "peers.jsonl")


def report(run: Path, out: Path | None = None) -> Path:
    """Write the page of a run, whether it has ended or not, or of a comparison.

    Args:
        run: output folder of a search, a single run or the demo, or the adapter in it; or that of `foretune replay`.
        out: the file; by default `report.html` in the folder.

    Returns:
        The file.

    Raises:
        JournalError: there is no run and no comparison, a file of it is damaged, or the page cannot be written.
    """
    if (run / COMPARISON).is_file():
        return report_comparison(run, out)
    if any((run / name).is_file() for name in _SEARCHES):
        raise JournalError(
            f"{run} holds the searches of a comparison, but no {COMPARISON}: it has not ended, or an older version "
            "made it; give the command of the comparison again, which repeats no search"
        )
    home = home_of(run)
    path = out or home / PAGE
    write_page(read_record(home, running=is_locked(home)), path)
    return path


def report_comparison(folder: Path, out: Path | None = None) -> Path:
    """Write the page of a comparison, see `report`."""
    path = out or folder / PAGE
    write_html(comparison_page(read_comparison(folder)), path)
    return path


def write_final_page(home: Path, console: Console) -> None:
    """Write the page of a run that ends now; the end of the run does not fail with it."""
    _noted(lambda: write_page(read_record(home), home / PAGE), "run", console)


def write_final_comparison(folder: Path, console: Console) -> None:
    """Write the page of a comparison that ends now, which does not fail with it."""
    _noted(lambda: report_comparison(folder), "comparison", console)


def _noted(write: Callable[[], object], about: str, console: Console) -> None:
    try:
        write()
    except JournalError as error:
        said = f"note: the page about the {about} is missing: {error}"
        say(console, said, "yellow")


def answer_questions(
    run: Path, count: int, *, model: str | None = None, data: str | None = None, device: str = "auto"
) -> None:
    """Have the base model and the returned one answer questions of the test split, and keep the answers.

    Args:
        run: see `report`; it must have ended.
        count: how many of the first questions.
        model: the base model, where it has moved.
        data: the dataset of the run, where it has moved.
        device: where to compute.

    Raises:
        JournalError: it has not ended.
        DataError: the rows cannot be read, or are no questions.
    """
    from foretune.execution.run_folder import base_of, find_finetuned, is_model
    from foretune.session.merging import request_of_run

    home = home_of(run)
    if not (home / REPORT).is_file():
        raise JournalError(f"the run in {home} has not ended, and has no model to ask; leave --answers out")
    folder = find_finetuned(home)
    saved, request = read_run_report(home / REPORT), request_of_run(home, data)
    from foretune.execution.finetuned import open_finetuned
    from foretune.execution.questions import Question
    from foretune.finetuning.data import read_splits
    from foretune.finetuning.generate import answer
    from foretune.finetuning.model import choose_device, load_model
    from foretune.session.answering import check_questions

    examples = read_splits(request).test[:count]
    check_questions(examples, "--answers")
    questions, device = [Question.of_example(one) for one in examples], choose_device(device)
    prompts = [one.example for one in questions]
    finetuned = open_finetuned(home, model=model, device=device)
    after = finetuned.answers(prompts)
    tokenizer, stops, longest = finetuned.tokenizer, finetuned.stops, finetuned.max_new_tokens
    del finetuned  # there may be no room for two
    base = load_model(model or (saved.model if is_model(folder) else base_of(folder)), device=device)
    before = answer(base, tokenizer, prompts, longest, stops=stops)
    keep_answers(home, [one.asked for one in questions], before, after)


def keep_answers(home: Path, asked: Sequence[Asked], before: Sequence[str], after: Sequence[str]) -> None:
    """Add answers of the base model and of the returned one to a run's report, in the place of earlier ones."""
    path = home / REPORT
    saved = read_run_report(path)
    first, *others, last = (replace(row, answers=()) for row in saved.scores)
    rows = (replace(first, answers=tuple(before)), *others, replace(last, answers=tuple(after)))
    write_run_report(replace(saved, scores=rows, asked=tuple(asked)), path)
