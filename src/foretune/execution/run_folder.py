"""The folder of a run's finetuned model, and its base model; without torch, to be quick."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from foretune.errors import JournalError, ModelError
from foretune.parsing import parse_json

_SHIPPED = "foretune-tiny"


def find_finetuned(run: Path) -> Path:
    """The folder of weights that a run left.

    Args:
        run: the output folder of a search, of one run or of the demo, or the folder of weights itself.

    Raises:
        JournalError: the folder does not exist, or has no weights (yet).
    """
    for folder in (run, run / "adapter", run / "search" / "adapter"):
        if (folder / "adapter_config.json").is_file() or is_model(folder):
            return folder
    if not run.is_dir():
        message = f"there is no run at {run}; give the folder that was the --output of `foretune tune` or `finetune`"
        raise JournalError(message)
    if (run / "journal.jsonl").is_file():
        message = f"the search in {run} has no adapter yet; give its command again, with --resume, and let it end"
        raise JournalError(message)
    if (run / "slices.jsonl").is_file() or (run / "begun.jsonl").is_file():
        message = f"the run in {run} has not ended; the same `foretune finetune` command goes on with it"
        raise JournalError(message)
    message = f"{run} holds no adapter; give the folder that was the --output of `foretune tune` or `finetune`"
    raise JournalError(message)


def is_model(folder: Path) -> bool:
    """Whether a whole model lies there."""
    return (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))


def base_of(folder: Path) -> str:
    """The base model as `adapter_config.json` names it; the shipped one wherever it is installed now.

    Raises:
        ModelError: it names none, or a folder that is gone.
    """
    path = folder / "adapter_config.json"
    try:
        name: object = parse_json(path.read_bytes())["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError):
        name = None
    if not isinstance(name, str):
        message = f"{path} does not name a base model; name it with --model"
        raise ModelError(message)
    if not Path(name).is_absolute() or Path(name).is_dir():
        return name
    if Path(name).name == _SHIPPED:
        return _SHIPPED
    message = f"the base model of {folder} was at {name} and is gone; say with --model where it is now"
    raise ModelError(message)


def stops_of(folder: Path) -> tuple[int, ...]:
    """The tokens that end answers, as `generation_config.json` says; none where it, or that in it, is missing.

    Raises:
        ModelError: it cannot be read.
    """
    path = folder / "generation_config.json"
    if not path.is_file():
        return ()
    try:
        ends: object = parse_json(path.read_bytes()).get("eos_token_id")
    except (OSError, ValueError, AttributeError) as error:
        message = f"cannot read {path} as a JSON object ({error}); remove it, or take it from the base model"
        raise ModelError(message) from error
    found = cast("list[object]", ends) if isinstance(ends, list) else [ends]
    return tuple(one for one in found if isinstance(one, int))
