"""Where figures come from: the card beside a table, the facts from its owner, and the command that read it."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from foretune.interop.documents import read_object
from foretune.interop.options import ImportOptions
from foretune.metadata.source import stated_parameters


def provenance(kind: str, paths: Sequence[str], options: ImportOptions) -> dict[str, Any]:
    """How a table was imported, with the names of files in the place of their paths."""
    flags = {
        "metric": options.metric,
        "test-metric": options.test_metric,
        "direction": options.direction,
        "cost-unit": options.cost_unit,
        "dataset": options.dataset,
        "model": options.model,
        "rows": options.rows,
        "family": options.family,
        "source": options.source,
        "license": options.license,
        "settings": options.settings and options.settings.name,
        "mapping": options.mapping and options.mapping.name,
    }
    words = ["foretune", "metadata", "import", kind, *(file_name(path) for path in paths)]
    words += [word for name, value in flags.items() if value for word in (f"--{name}", str(value))]
    words += [word for part in options.parts for word in ("--part", part)]
    words += [word for theirs, ours in options.parameters.items() for word in ("--parameter", f"{theirs}={ours}")]
    words += ["--file-times"] if options.file_times else []
    return {"how": f"imported from {kind}", "command": shlex.join(words)}


def file_name(path: str) -> str:
    """The last part of a path or of an address, without its place on a machine."""
    return Path(path.split("?", 1)[0]).name or path


def figures_of(folder: Path | None, options: ImportOptions) -> dict[str, str]:
    """`source` and `license` of runs: from the options, else from `card.json` in their folder, else unknown."""
    found = read_object(folder / "card.json") if folder and (folder / "card.json").is_file() else {}
    commit = f"@{found['commit']}" if found.get("commit") else ""
    where = "/".join(str(found[name]) for name in ("source_repo", "path") if found.get(name)) or found.get("source", "")
    said = {"source": options.source or where + commit, "license": options.license or str(found.get("license", ""))}
    return {name: text for name, text in said.items() if text}


def stated_size(model: str) -> dict[str, float]:
    """`model_log_parameters` as the model's own name states it: log10 of all parameters (`-8B` is 8 billion)."""
    parameters = stated_parameters(model)
    return {"model_log_parameters": math.log10(parameters)} if parameters else {}
