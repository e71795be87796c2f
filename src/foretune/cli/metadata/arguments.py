"""Arguments that several of the verbs take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[Path, typer.Argument(metavar="META", help="folder of a meta-dataset, or a shipped name")]
Folders = Annotated[list[Path], typer.Argument(metavar="META...", help="folders of meta-datasets, or shipped names")]
