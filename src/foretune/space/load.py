"""Search spaces on disk: ConfigSpace's YAML, shipped with the package or the user's own."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import cast

import ConfigSpace

from foretune.errors import ConfigurationError
from foretune.parsing import parse_yaml
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
        return _read(path, hidden_size)
    if str(name_or_path) in shipped_spaces():
        with as_file(files("foretune") / "data" / "spaces" / f"{name_or_path}.yaml") as shipped:
            return _read(shipped, hidden_size)
    raise ConfigurationError(
        f"no search space {str(name_or_path)!r}; name a .yaml file or one of {', '.join(shipped_spaces())}"
    )


def write_space(space: SearchSpace, path: Path) -> None:
    """Write a file that `load_space` reads back as an equal space."""
    space.space.to_yaml(path)


def _read(path: Path, hidden_size: int | None) -> SearchSpace:
    try:
        description: object = parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read the search space {path}: {error}; check the path") from error
    except ValueError as error:
        raise ConfigurationError(f"search space {path} is not YAML: {error}; compare it with a shipped one") from error
    if not isinstance(description, dict) or "hyperparameters" not in description:
        raise ConfigurationError(
            f"search space {path} has no list of hyperparameters; start from a copy of a shipped one"
        )
    try:
        known = ConfigSpace.ConfigurationSpace.from_serialized_dict(cast("dict[str, object]", description))
        space = SearchSpace(str(known.name or path.stem), known)
        return space if hidden_size is None else space.at(hidden_size)
    except ConfigurationError:
        raise
    except Exception as error:  # of ConfigSpace, whatever its code comes across in an entry that it does not expect
        raise ConfigurationError(
            f"ConfigSpace cannot build the search space {path}: {error!r}; correct the entry that it names"
        ) from error
