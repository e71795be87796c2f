"""A question-answer dataset from documents, written by a teacher: what `foretune synthesize` does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from foretune.errors import ConfigurationError, DataError
from foretune.session.checks import check_device, check_output
from foretune.session.folder import LOCK, locked
from foretune.session.saying import say
from foretune.session.teachers import check_teacher, is_local, open_teacher

if TYPE_CHECKING:
    from rich.console import Console

    from foretune.synthesis.questions.make import Made
    from foretune.synthesis.questions.pairs import Pair
    from foretune.synthesis.questions.passages import Material
    from foretune.teacher.price import Price, Tokens
    from foretune.teacher.protocol import Teacher

REPLIES = ".replies.jsonl"
"""Answers of the teacher in the output folder; hidden, so that `tune` does not take it for rows."""

_LIBRARIES = ("openai", "pypdf", "docx", "lxml", "datasketch", "py3langid", "llguidance")


@dataclass(frozen=True)
class Synthesized:
    """A dataset that a teacher has written.

    Attributes:
        folder: that `tune` takes; its `card.json` says what it was made of.
        rows: of each split.
        counts: pairs written, left out for each reason, and kept.
    """

    folder: Path
    rows: Mapping[str, int]
    counts: Mapping[str, int]


def synthesize(
    docs: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    teacher: str,
    model: str = "",
    rows: int = 300,
    resume: bool = False,
    seed: int = 0,
    concurrency: int = 8,
    key_variable: str = "OPENAI_API_KEY",
    prompt_price: float | None = None,
    completion_price: float | None = None,
    device: str = "auto",
    console: Console | None = None,
    agreed: Callable[[Price], object] = lambda _: None,
) -> Synthesized:
    """Have a chat model write questions and answers about documents: a dataset for `tune`.

    Args:
        docs: files or folders: PDF, HTML, Markdown, DOCX, text.
        out: folder that gets the dataset.
        teacher: writes the questions and answers: the URL of a server of the chat completions API, or `local:MODEL`.
        model: its name at the URL.
        rows: questions with answers, all splits together.
        resume: go on in `out`; no answer is asked for twice.
        seed: of the order of passages and the splits.
        concurrency: requests under way at a time.
        key_variable: environment variable with the key.
        prompt_price: dollars per million prompt tokens, for the card.
        completion_price: likewise, of the answers.
        device: of a local teacher: `auto` (a GPU if there is one), `cpu`, `cuda`, ...
        console: where progress is shown; None for nowhere.
        agreed: is called when the cost is known and before anything is spent; raises where that is not wanted.

    Raises:
        ForetuneError: whatever is wrong with the input, or with the teacher.
        KeyboardInterrupt: Ctrl-C, after the requests under way; every answer is kept.
    """
    output = Path(out)
    for name, given, least in (("rows", rows, 10), ("concurrency", concurrency, 1), ("seed", seed, 0)):
        if given < least:
            raise ConfigurationError(f"{name} is {given}, expected at least {least}")
    check_device(device)
    _check(teacher, model, output, resume=resume)
    from foretune.session.interruption import Interruption
    from foretune.session.waiting import nowhere
    from foretune.synthesis.questions.card import Facts, write_dataset
    from foretune.synthesis.questions.cost import estimate
    from foretune.synthesis.questions.passages import gather
    from foretune.synthesis.questions.split import split_by_section
    from foretune.teacher.cache import Remembered
    from foretune.teacher.price import Price, count

    shown = console or nowhere()
    material = gather([Path(docs)] if isinstance(docs, str | Path) else [Path(one) for one in docs], seed=seed)
    price, estimated = Price(prompt_price, completion_price), estimate(material.passages, rows)
    _tell(shown, material, estimated, price)
    agreed(price)
    with locked(output, "foretune synthesize", "--out"):
        _check_unused(output, resume=resume)  # another run may have been quicker
        opened = open_teacher(teacher, model, key_variable=key_variable, concurrency=concurrency, device=device)
        remembered = Remembered(opened, output / REPLIES)
        with Interruption() as interruption:
            made = _make(shown, material, remembered, rows, interruption.asked)
        if made.stopped:
            raise KeyboardInterrupt(f"{len(made.pairs)} pairs")
        splits, paid = split_by_section(made.pairs, seed), count(remembered.replies)
        facts = Facts(_named(teacher, remembered.name), rows, material, estimated, paid, price, seed)
        write_dataset(splits, made, facts, output)
    _report(shown, made, splits, paid, price)
    if len(made.pairs) < rows:
        note = f"note: {len(made.pairs)} of {rows} pairs; the documents gave no more. Give more documents"
        say(shown, note, "yellow")
    return Synthesized(output, {split: len(pairs) for split, pairs in splits.items()}, dict(made.counts))


def _check(teacher: str, model: str, out: Path, *, resume: bool) -> None:
    """What can be said before anything heavy is imported."""
    check_output(out, "--out")
    if missing := [name for name in _LIBRARIES if find_spec(name) is None]:
        raise DataError(f"synthesize needs {', '.join(missing)}; install with: pip install 'foretune[synthesize]'")
    _check_unused(out, resume=resume)
    check_teacher(teacher, model)


def _check_unused(out: Path, *, resume: bool) -> None:
    begun = (out / REPLIES).exists()
    if out.is_dir() and {path.name for path in out.iterdir()} - {LOCK} and not (resume and begun):
        advice = "go on with --resume" if begun else "it is not of a run of synthesize; give another folder to --out"
        raise DataError(f"{out} is not empty; {advice}")


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
    say(
        console,
        f"about {estimated.requests:,} requests, {estimated.prompt:,} prompt tokens, "
        f"{estimated.completion:,} tokens of answers{dollars}",
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
    say(
        console,
        f"{paid.requests:,} answers ({made.counts[UNREADABLE]} not readable), {paid.prompt:,} prompt tokens, "
        f"{paid.completion:,} tokens of answers{dollars}; {made.failures} passages without an answer",
    )
