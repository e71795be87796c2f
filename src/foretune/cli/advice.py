"""Recommendations for the terminal: the table, the reasons, and the file for `foretune finetune`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foretune.errors import ConfigurationError
from foretune.session.durations import format_seconds
from foretune.session.saying import remark, say

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from foretune.recommendation import Advice, Recommendation
    from foretune.recommendation.split import AtOnce

_SCORES = {"validation_nll": "validation loss", "percent over the best loss": "% over best"}
_UNKNOWN = "-"


def show(advice: Advice, model: str, console: Console, *, on_hardware: bool) -> None:
    """Print notes, the table, the reasons for each pick, and how to read them.

    Args:
        advice: to show.
        model: that it is for.
        console: where to.
        on_hardware: whether an accelerator was named.
    """
    remark(console, *advice.warnings)
    if advice.recommendations:
        console.print(_table(advice, model))
        if advice.facts.get("cards"):
            console.print(_cards(advice.facts["cards"]))
    else:
        console.print(f"Nothing can be recommended for {model} as asked; the notes say why.", markup=False)
    lines = [_details(number, one) for number, one in enumerate(advice.recommendations, start=1)]
    for line in (*lines, *_reading(advice, on_hardware=on_hardware)):
        say(console, line)


def _reading(advice: Advice, *, on_hardware: bool) -> list[str]:
    from foretune.recommendation.ties import tied

    lines: list[str] = []
    picks = advice.recommendations
    if tied(picks):
        order = "; quicker ones come first, if by a fifth or more" if _any_time(advice) and not advice.is_guess else ""
        lines.append(f"Earlier runs can't tell picks of the same rank (=) apart{order}.")
    if advice.basis != "surrogates" and picks and not on_hardware:
        lines.append("Times need --hardware, such as rtx-4090, a100-80gb or h100.")
    elif any(one.seconds is None for one in picks):
        unknown = sorted({str(one.configuration.values["method"]) for one in picks if not one.seconds})
        lines.append(f"Times of {' and '.join(unknown)} are not predicted.")
    within: dict[str, tuple[float, float]] = advice.facts.get("four_of_five_within", {})
    if within:
        ranges = " and ".join(f"x{low} to x{high} of the predicted {what}" for what, (low, high) in within.items())
        lines.append(f"Four of five public runs, on an A100 or an A10G, took {ranges}.")
    zero_shot: dict[str, Any] | None = advice.facts.get("zero_shot")
    if zero_shot:
        error = zero_shot["nll_error"]
        exact = "" if error is None else f", standard error {error:.2g}"
        rows = f"{zero_shot['rows']} of {zero_shot['of_rows']} validation rows"
        lines.append(f"zero-shot: validation loss {zero_shot['nll']:.4f}{exact}, on {rows}")
    # The warning of a rule already has the distance.
    lines += [advice.distance] if advice.distance and advice.basis != "rule" else []
    if "lora_or_full" in advice.facts:
        lines.append(advice.facts["lora_or_full"])
    return [*lines, *advice.facts.get("outlook", {}).get("in_words", [])]


def _any_time(advice: Advice) -> bool:
    return any(one.seconds is not None for one in advice.recommendations)


def _table(advice: Advice, model: str) -> Table:
    from rich.table import Table

    from foretune.report.tables import describe

    table = Table(title=f"For {model}, by {advice.basis}", title_justify="left", header_style="bold")
    scored_by = _SCORES.get(advice.scored_by, advice.scored_by)
    digits = ".2f" if scored_by.startswith("%") else ".3g"
    cells = [_cells(one, digits) for one in advice.recommendations]
    predicted = ("steps", scored_by, "4 of 5 within", "time", "dollars", "memory", "at once")
    known = [at for at in range(len(predicted)) if any(row[at] != _UNKNOWN for row in cells)]
    columns = ("pick", "rank", "finetune with", *(predicted[at] for at in known))
    for column in columns:
        table.add_column(column, justify="left" if column in {"finetune with", "at once"} else "right")
    ranks = [one.rank for one in advice.recommendations]
    for number, one in enumerate(advice.recommendations, start=1):
        rank = f"{one.rank} =" if ranks.count(one.rank) > 1 else f"{one.rank}  "
        said = describe(one.configuration.values, short=True)
        table.add_row(str(number), rank, said, *(cells[number - 1][at] for at in known))
    return table


def _cells(one: Recommendation, digits: str) -> tuple[str, ...]:
    score = one.score
    return (
        _UNKNOWN if one.steps is None else f"{one.steps:,}",
        f"{score.middle:{digits}}" if score else _UNKNOWN,
        f"{score.low:.2g} to {score.high:.2g}" if score else _UNKNOWN,
        format_seconds(one.seconds) if one.seconds is not None else _UNKNOWN,
        _dollars(one.dollars),
        _gib(one.memory_bytes),
        str(one.at_once or _UNKNOWN),
    )


def _cards(cards: Sequence[Mapping[str, Any]]) -> Table:
    """On which cards the first pick fits, and how it is computed there."""
    from rich.table import Table

    table = Table(title="Pick 1, by the memory of the card", title_justify="left", header_style="bold")
    for column in ("card", "at once", "memory"):
        table.add_column(column, justify="left" if column == "at once" else "right")
    for card in cards:
        words = card["at_once"]["in_words"] if card["at_once"] else "does not fit"
        table.add_row(f"{card['gigabytes']} GB", words, _gib(card["memory_bytes"]))
    return table


def _dollars(count: float | None) -> str:
    return _UNKNOWN if count is None else f"{count:.2f}" if count >= 1 else f"{count:.2g}"


def _gib(count: float | None) -> str:
    return _UNKNOWN if count is None else f"{count / 2**30:.1f} GiB"


def _details(number: int, one: Recommendation) -> str:
    """The details that do not fit into the table."""
    shown = ("method", "rank", "learning_rate", "batch_size", "epochs")
    rest = {name: value for name, value in one.configuration.values.items() if name not in shown}
    said = ", ".join(
        f"{name.replace('_', ' ')} {value:.3g}" if isinstance(value, float) else f"{name.replace('_', ' ')} {value}"
        for name, value in rest.items()
    )
    line = f"{number}: {one.reason} ({said})"
    return line if one.at_once is None or one.at_once.is_plain else f"{line}; other trainers: {_elsewhere(one.at_once)}"


def _elsewhere(part: AtOnce) -> str:
    return ", ".join(f"{name}: {str(value).lower()}" for name, value in part.to_trainer().items())


def check_target(path: Path | None, pick: int) -> None:
    """Whether a file can be exported to, if that was asked for.

    Raises:
        ConfigurationError: it is there already, its folder is not, or only the pick was given.
    """
    if path is None and pick != 1:
        raise ConfigurationError(f"--pick {pick} is of no use without --export; give the file to write it to")
    if path is None:
        return
    if path.exists():
        raise ConfigurationError(f"{path} is there already and will not be overwritten; give another file to --export")
    if not path.absolute().parent.is_dir():
        raise ConfigurationError(f"there is no folder {path.parent}; make it, or give another file to --export")


def picked(advice: Advice, pick: int) -> Recommendation:
    """A recommendation by its number, from 1.

    Raises:
        ConfigurationError: there is no such pick.
    """
    count = len(advice.recommendations)
    if not 1 <= pick <= count:
        message = (
            f"there is no pick {pick} to export, {count} were recommended; give --pick 1 to {count}, or a larger --top"
        )
        raise ConfigurationError(message if count else "nothing was recommended, so there is nothing to export")
    return advice.recommendations[pick - 1]


def recipe(
    chosen: Recommendation, *, model: str, data: str, seed: int, reading: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """One recommendation as `foretune finetune --config` reads it.

    Args:
        chosen: the recommendation.
        model: the base model.
        data: that it was recommended for.
        seed: of the splits.
        reading: how the rows are read, and how many of them, where that was asked for.
    """
    content = {"configuration": dict(chosen.configuration.values), "model": model, "data": data, "seed": seed}
    return content | {name: value for name, value in (reading or {}).items() if value}


def export(chosen: Recommendation, path: Path, *, hardware: str | None = None, **facts: Any) -> None:
    """Write one recommendation for `foretune finetune --config`.

    Args:
        chosen: the recommendation.
        path: a new file.
        hardware: accelerator that the pick was fitted to; a comment says how its batches are computed there.
        facts: see `recipe`.
    """
    import yaml

    with path.open("x", encoding="utf-8") as file:
        yaml.safe_dump(recipe(chosen, **facts), file, sort_keys=False, allow_unicode=True)
        if (part := chosen.at_once) is not None:
            file.write(f"# computed at once on {hardware}: {part}; other trainers: {_elsewhere(part)}\n")
