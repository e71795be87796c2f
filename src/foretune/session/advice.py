"""What to do next, as commands that can be pasted as they stand."""

from __future__ import annotations

import shlex
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from foretune.session.search import Settings

_OPTIONS = {"surrogate": "--surrogates"}


def resume_command(settings: Settings, output: Path, budget: str) -> str:
    """`foretune tune ... --resume` of this search, whatever verb has begun it."""
    defaults = {field.name: field.default for field in fields(settings)} | {"device": "auto"}
    words = ["foretune", "tune", settings.data, "--output", str(output), "--budget", budget, "--resume"]
    for name, value in asdict(settings).items():
        if name != "data" and value != defaults[name]:
            words.append(_OPTIONS.get(name, "--" + name.replace("_", "-")))
            words += [] if isinstance(value, bool) else [str(value)]
    return shlex.join(words)


def finetune_command(settings: Settings, recipe: Path, output: Path) -> str:
    """`foretune finetune` with the found configuration."""
    return shlex.join(["foretune", "finetune", settings.data, "--config", str(recipe), "--output", str(output)])
