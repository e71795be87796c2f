"""What to do next, as commands that can be pasted as they stand."""

from __future__ import annotations

import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from foretune.session.options import TuneOptions
    from foretune.tuner import Budget

_OPTIONS = {"surrogate": "--surrogates"}


def resume_command(options: TuneOptions, output: Path, budget: str) -> str:
    """`foretune tune ... --resume` of this search, whatever verb has begun it."""
    return _tune_command(options, output, budget, "--resume")


def repeat_command(options: TuneOptions, output: Path, budget: Budget) -> str:
    """`foretune tune` of a search in a new folder; where its time had no limit, an hour is one."""
    seconds = "1h" if math.isinf(budget.seconds) else f"{budget.seconds:g}s"
    slices = () if budget.slices is None else ("--max-slices", str(budget.slices))
    return _tune_command(options, again(output), seconds, *slices)


def again(output: Path) -> Path:
    """Where a repetition goes."""
    return output.with_name(output.name + "-again")


def _tune_command(options: TuneOptions, output: Path, budget: str, *others: str) -> str:
    defaults = type(options).of("", "").to_json() | {"device": "auto"}
    words = ["foretune", "tune", str(options.data.source), "--output", str(output), "--budget", budget, *others]
    for name, value in options.to_json().items():
        if name != "data" and value != defaults[name]:
            words.append(_OPTIONS.get(name, "--" + name.replace("_", "-")))
            words += [] if isinstance(value, bool) else [str(value)]
    words += [] if options.average else ["--no-average"]
    words += [] if options.max_rank is None else ["--max-rank", str(options.max_rank)]
    words += [] if options.guard is None else ["--guard", options.guard]
    words += [] if options.guard_limit is None else ["--guard-limit", f"{100 * options.guard_limit:g}%"]
    return shlex.join([*words, *options.metric.words])


def finetune_command(options: TuneOptions, recipe: Path, output: Path) -> str:
    """`foretune finetune` with the found configuration."""
    words = ["foretune", "finetune", str(options.data.source), "--config", str(recipe), "--output", str(output)]
    return shlex.join([*words, *([] if options.guard is None else ["--guard", options.guard])])
