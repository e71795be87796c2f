"""Configurations in files: one in YAML, alone or with what it was found on, as `tune` and `recommend --export` write
it, or several in JSON lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from foretune.errors import ConfigurationError
from foretune.parsing import parse_json, parse_yaml
from foretune.request import DataRequest, Reading
from foretune.session.checks import check_name, check_recipe
from foretune.types import CONTINUES, VALIDATION_NLL, Configuration

if TYPE_CHECKING:
    from foretune.session.ground import SearchSetup
    from foretune.session.options import TuneOptions
    from foretune.tuner import Incumbent

_WRITTEN = (
    *("configuration", "after", "model", "data", "seed", "train_rows", "max_length"),
    *("columns", "last_turn_only", "skip_bad_rows", "today"),
    *("slices", "slices_planned", "validation_nll"),
)
"""What a search or a run writes into `best.yaml`."""
_KINDS: Mapping[str, tuple[type, str]] = {
    **dict.fromkeys(("model", "data", "columns"), (str, "text")),
    **dict.fromkeys(("seed", "train_rows", "max_length"), (int, "a whole number")),
    **dict.fromkeys(("last_turn_only", "skip_bad_rows"), (bool, "true or false")),
}


def write_recipe(
    folder: Path, options: TuneOptions, setup: SearchSetup, runs: Sequence[Configuration], best: Incumbent
) -> None:
    """Write `best.yaml`, which `foretune finetune --config` takes.

    Args:
        folder: of the search or the run.
        options: of the same.
        setup: of the same.
        runs: that led to what is kept, first to last.
        best: the checkpoint that is kept, of the last of them.
    """
    *before, last = (dict(one.without(CONTINUES).values) for one in runs)
    content: dict[str, Any] = {
        "configuration": last,
        **({"after": before} if before else {}),
        "model": options.model,
        "data": options.data.source,
        "seed": options.seed,
        **{name: value for name in ("train_rows", "max_length") if (value := getattr(options.data, name))},
        "slices": best.fidelity,
        "slices_planned": setup.task.max_fidelity,
        "validation_nll": VALIDATION_NLL.score(best.score),
        "today": setup.as_read.today,
        **options.data.reading.unusual(),
    }
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    (folder / "best.yaml").write_text(text, encoding="utf-8")


def read_configuration(path: Path) -> dict[str, Any]:
    """The content of a YAML file with a `configuration`, or whose whole content is one.

    Raises:
        ConfigurationError: if it is neither, or a name or value in it is not known.
    """
    try:
        content: object = parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        message = f"cannot read {path} as YAML ({error}); give the best.yaml of a search, or write one like it"
        raise ConfigurationError(message) from error
    if not isinstance(content, dict) or not ("configuration" in content or "method" in content):
        message = f"{path} holds no configuration: expected a mapping with `method`, `learning_rate` and so on"
        raise ConfigurationError(message)
    values = cast("dict[str, Any]", content)
    written = values if "configuration" in values else {"configuration": values}
    written = {name: value for name, value in written.items() if value is not None}
    for name in written:
        check_name(f"key of {path}", str(name), _WRITTEN)
    if not isinstance(written.get("configuration"), dict):
        raise ConfigurationError(f"{path}: `configuration` must be a mapping with `method`, `learning_rate` and so on")
    check_recipe(written["configuration"], str(path))
    _check_earlier(written.get("after", []), path)
    _check_kinds(written, path)
    return written


def _check_earlier(after: object, path: Path) -> None:
    """Whether these are configurations, too."""
    if not isinstance(after, list) or not all(isinstance(one, dict) for one in cast("list[object]", after)):
        raise ConfigurationError(f"{path}: `after` must be a list of the configurations of earlier runs, first to last")
    for number, one in enumerate(cast("list[dict[str, Any]]", after), start=1):
        check_recipe(one, f"{path}, run {number} of `after`")


def _check_kinds(written: Mapping[str, Any], path: Path) -> None:
    """Whether all that is beside the configuration can be what it is called."""
    for name, (kind, words) in _KINDS.items():
        value = written.get(name)
        if value is not None and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)):
            raise ConfigurationError(f"{path}: {name} is {value!r}, expected {words}; correct it or remove the line")
    try:
        date.fromisoformat(str(written.get("today") or date.min))
    except ValueError as error:
        message = f"{path}: today is {written['today']!r}, expected a day such as 2026-02-27; remove the line"
        raise ConfigurationError(message) from error


def request_of(written: Mapping[str, Any], path: Path, data: str | None = None) -> DataRequest:
    """The dataset that a configuration was found on, read in the same way.

    Args:
        written: by `read_configuration`.
        path: that it was read from.
        data: the dataset, where it is not the one that is named.

    Raises:
        ConfigurationError: none is named.
    """
    source = data or written.get("data")
    if source is None:
        raise ConfigurationError(f"{path} does not say what data it is for; name it with --data")
    turns, bad = (bool(written.get(name)) for name in ("last_turn_only", "skip_bad_rows"))
    return DataRequest(
        str(source),
        int(written.get("seed", 0)),
        written.get("train_rows"),
        max_length=written.get("max_length"),
        today=str(written.get("today") or date.today().isoformat()),
        reading=Reading(written.get("columns"), turns, bad),
    )


def read_configurations(path: Path) -> tuple[Configuration, ...]:
    """The configurations of a JSONL file, one a line; the same one twice counts once.

    Raises:
        ConfigurationError: if there is none, a line is no JSON object, or a name or value in it is not known.
    """
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        rows: list[object] = [parse_json(line) for line in lines]
    except (OSError, ValueError) as error:
        message = f"cannot read {path} as JSON lines ({error}); give a file with one configuration a line"
        raise ConfigurationError(message) from error
    if not rows:
        raise ConfigurationError(f"{path} is empty; give a file with one configuration a line")
    for number, row in enumerate(rows, start=1):
        where = f"{path}, line {number}"
        if not isinstance(row, dict):
            raise ConfigurationError(f"{where}: expected an object with `method`, `learning_rate` and so on")
        check_recipe(cast("dict[str, Any]", row), where)
    return tuple(dict.fromkeys(Configuration(cast("dict[str, Any]", row)) for row in rows))
