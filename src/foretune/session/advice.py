"""What to do next, as commands that can be pasted as they stand."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from foretune.session.options import TuneOptions

_OPTIONS = {"surrogate": "--surrogates"}


def resume_command(options: TuneOptions, output: Path, budget: str) -> str:
    """`foretune tune ... --resume` of this search, whatever verb has begun it."""
    defaults = type(options).of("", "").to_json() | {"device": "auto"}
    words = ["foretune", "tune", str(options.data.source), "--output", str(output), "--budget", budget, "--resume"]
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
