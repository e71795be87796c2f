"""`foretune metadata verify`: check meta-datasets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from foretune.cli.answer import answering
from foretune.cli.metadata.arguments import Folders
from foretune.session.checks import check_meta_dataset
from foretune.session.waiting import waiting

if TYPE_CHECKING:
    from pathlib import Path

    from rich.table import Table

    from foretune.metadata.verify import Passed


@answering
def verify(folders: Folders) -> Mapping[str, object]:
    """Check everything about one or more meta-datasets; the first fault ends it with the exit status 2."""
    for folder in folders:
        check_meta_dataset(folder)
    from rich.console import Console

    from foretune.metadata.verify import verify

    console = Console()
    verified: list[Mapping[str, object]] = []
    for folder in folders:
        with waiting(console, f"checking {folder}"):
            passed = verify(folder)
        console.print(_checks_table(folder, passed))
        console.print(f"All {len(passed)} checks passed.", highlight=False)
        verified.append({"meta_dataset": folder, "checks": passed})
    return {"verified": verified}


def _checks_table(folder: Path, passed: list[Passed]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=folder.resolve().name, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("check")
    table.add_column("rows", justify="right")
    for one in passed:
        table.add_row(one.name, f"{one.rows:,}")
    return table
