"""A run's page, made from its folder: at the end of a search or a run, and whenever somebody asks."""

from __future__ import annotations

from pathlib import Path

from foretune.report.page import PAGE, home_of, read_record, write_page
from foretune.session.folder import is_locked


def report(run: Path, out: Path | None = None) -> Path:
    """Write the page of a run, whether it has ended or not.

    Args:
        run: output folder of a search, a single run or the demo, or the adapter in it.
        out: the file; by default `report.html` in the folder.

    Returns:
        The file.

    Raises:
        JournalError: there is no run, a file of it is damaged, or the page cannot be written.
    """
    home = home_of(run)
    path = out or home / PAGE
    write_page(read_record(home, running=is_locked(home)), path)
    return path


def write_final_page(home: Path) -> None:
    """Write the page of a run that ends now."""
    write_page(read_record(home), home / PAGE)
