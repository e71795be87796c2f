"""A shipped search space as a test changes it, and the file with the changes."""

from pathlib import Path

import yaml

import foretune

Description = dict[str, list[dict[str, object]]]


def described(name: str = "peft") -> Description:
    path = Path(foretune.__file__).parent / "data" / "spaces" / f"{name}.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def entry(description: Description, name: str) -> dict[str, object]:
    return next(one for one in description["hyperparameters"] if one["name"] == name)


def written(folder: Path, description: object) -> Path:
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(description), encoding="utf-8")
    return path
