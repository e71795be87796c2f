"""The runs of a search, added to a team's meta-dataset."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from foretune.session.checks import check_meta_dataset, check_output
from foretune.session.folder import JOURNAL, TRIALS
from foretune.session.saying import say

if TYPE_CHECKING:
    from rich.console import Console

    from foretune.session.search import Found


def check_team(folder: Path) -> None:
    """Whether a search could leave its runs there.

    Raises:
        MetaDatasetError, OutputError: the folder holds something else, or is none.
    """
    check_output(folder, "--learn-into")
    if folder.is_dir() and any(folder.iterdir()):
        check_meta_dataset(folder)


def teach(found: Found, folder: Path, family: str | None, console: Console) -> None:
    """Append the runs of a search to a team's meta-dataset.

    Args:
        found: the search.
        folder: of the meta-dataset; made if absent.
        family: kind of dataset; None for the name of the dataset.
        console: where it is said.
    """
    from foretune.learn import learn_into, meta_dataset_of_search

    name = found.setup.data.name
    runs = meta_dataset_of_search(
        found.output / JOURNAL,
        found.output / TRIALS,
        dataset=name,
        family=family or name,
        default=found.setup.default.values,
    )
    whole = learn_into(folder, runs)
    say(
        console,
        f"\n{folder} has {len(whole.runs)} runs of {len(whole.tasks)} tasks now, {len(runs.runs)} of them from here. "
        f"To search with them: foretune fit {shlex.quote(str(folder))} foretune-tiny-v1 --out SURROGATES",
    )
