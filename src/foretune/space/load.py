"""Search spaces on disk: ConfigSpace's YAML, shipped with the package or the user's own."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import cast

import ConfigSpace
import yaml

from foretune.errors import ConfigurationError
from foretune.space.space import SearchSpace

SUFFIXES = (".yaml", ".yml")


def shipped_spaces() -> tuple[str, ...]:
    """Names of the search spaces that come with the package."""
    with as_file(files("foretune") / "data" / "spaces") as folder:
        return tuple(sorted(path.stem for path in folder.glob("*.yaml")))


def load_space(name_or_path: str | Path, *, hidden_size: int | None = None) -> SearchSpace:
    """A search space by name or from a file.

    Args:
        name_or_path: a shipped space, such as `peft`, or a YAML file as ConfigSpace's `to_yaml` writes it.
        hidden_size: width of the base model, to which learning rates are scaled; None keeps them as written.

    Raises:
        ConfigurationError: there is no such space, or it cannot be used.
    """
    path = Path(name_or_path)
    if path.suffix in SUFFIXES:
        space = _read(path)
    elif str(name_or_path) in shipped_spaces():
        with as_file(files("foretune") / "data" / "spaces" / f"{name_or_path}.yaml") as shipped:
            space = _read(shipped)
    else:
        raise ConfigurationError(
            f"no search space {str(name_or_path)!r}; name a .yaml file or one of {', '.join(shipped_spaces())}"
        )
    return space if hidden_size is None else space.at(hidden_size)


def write_space(space: SearchSpace, path: Path) -> None:
    """Write a file that `load_space` reads back as an equal space."""
    space.space.to_yaml(path)


def _read(path: Path) -> SearchSpace:
    try:
        description: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read the search space {path}: {error}; check the path") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"search space {path} is not YAML: {error}; compare it with a shipped one") from error
    if not isinstance(description, dict) or "hyperparameters" not in description:
        raise ConfigurationError(
            f"search space {path} has no list of hyperparameters; start from a copy of a shipped one"
        )
    try:
        space = ConfigSpace.ConfigurationSpace.from_serialized_dict(cast("dict[str, object]", description))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigurationError(
            f"ConfigSpace cannot build the search space {path}: {error}; correct the entry that it names"
        ) from error
    return SearchSpace(space.name or path.stem, space)
