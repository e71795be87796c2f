"""Facts that come with the package, as YAML files that state their version."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from foretune.errors import ConfigurationError


def shipped_facts(name: str, schema_version: int) -> dict[str, Any]:
    """The content of a file of `foretune/data`.

    Args:
        name: of the file.
        schema_version: that the caller reads.

    Raises:
        ConfigurationError: if the file is of another version.
    """
    path = Path(str(resources.files("foretune"))) / "data" / name
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    if content["schema_version"] != schema_version:
        message = f"{path} has schema version {content['schema_version']}, this foretune reads {schema_version}"
        raise ConfigurationError(message)
    return content
