"""`foretune metadata ...`: look into meta-datasets, check and join them; one small file per verb."""

from __future__ import annotations

import typer

from foretune.cli.verbs import add_verbs

metadata = typer.Typer(help="Look into meta-datasets, check and join them.", no_args_is_help=True)
add_verbs(metadata, __name__, ("describe", "gate", "import_", "verify", "merge", "export"))
