"""The folder of a search: one at a time, never two mixed, nothing overwritten, nothing left by a false start."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foretune.errors import JournalError
from foretune.journal import read_journal
from foretune.session.checks import check_output

if TYPE_CHECKING:
    from foretune.session.options import TuneOptions

JOURNAL = "journal.jsonl"
TRIALS = "trials"
COMPARISON = "comparison"
"""Holds the run of the default after the search. What is in `TRIALS` stays as the journal says."""
ADAPTER = "adapter"


def check_folder(output: Path, options: TuneOptions, *, resume: bool) -> Mapping[str, Any] | None:
    """The header of the journal that the search goes on with, None where it begins; nothing on disk is changed.

    Raises:
        JournalError: the folder holds another search, or none where one is to be resumed.
    """
    check_output(output)
    journal = output / JOURNAL
    if resume and not output.is_dir():
        message = f"there is no search to resume at {output}; check the folder, or leave --resume out to begin one"
        raise JournalError(message)
    if not resume and output.is_dir() and any(output.iterdir()) and not _is_unbegun(output):
        remedy = "add --resume to continue it" if journal.exists() else "nothing will be overwritten"
        message = f"{output} already exists; {remedy}, or give another folder to --output"
        raise JournalError(message)
    if not journal.exists() or _is_unbegun(output):
        return None
    header = read_journal(journal).header
    _check_settings(header, options, journal)
    return header


def _is_unbegun(output: Path) -> bool:
    """Whether all that is there is the journal of a search that ended before anything was trained."""
    names = {path.name for path in output.iterdir()}
    if JOURNAL not in names or names - {JOURNAL, TRIALS} or any((output / TRIALS).glob("*/state")):
        return False
    return not read_journal(output / JOURNAL).entries


def _check_settings(header: Mapping[str, Any], options: TuneOptions, journal: Path) -> None:
    begun = type(options).of("", "").to_json() | dict(header.get("settings", {}))
    asked = options.to_json()
    different = [name for name, value in asked.items() if begun[name] != value and (name, value) != ("device", "auto")]
    if different:
        listed = "; ".join(f"{name} was {begun[name]!r} and is now {asked[name]!r}" for name in different)
        message = f"{journal} belongs to another search ({listed}); give the same arguments, or another --output"
        raise JournalError(message)


@contextmanager
def locked(output: Path, what: str = "search", option: str = "--output") -> Generator[None]:
    """Make the folder, and keep others like this out of it as long as this runs.

    Args:
        output: the folder.
        what: runs in it, for the message.
        option: that the folder was given to.

    Raises:
        JournalError: another one is running there.
    """
    output.mkdir(parents=True, exist_ok=True)
    folder = os.open(output, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(folder)
        message = f"another {what} is running in {output}; wait for its end, or give another folder to {option}"
        raise JournalError(message) from error
    except OSError:
        pass  # some network file systems know no locks
    try:
        yield
    finally:
        os.close(folder)


def is_locked(output: Path) -> bool:
    """Whether a search is running in a folder; False also where the file system knows no locks."""
    folder = os.open(output, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(folder)
    return False


def set_aside(output: Path) -> str:
    """Number all that an earlier search has left (`journal.1.jsonl`, `trials.1`, ...), and say under which number."""
    number = 1
    while (output / _numbered(JOURNAL, number)).exists():
        number += 1
    for path in sorted(output.iterdir()):
        if not path.name.startswith(".") and not _has_number(path):
            path.rename(output / _numbered(path.name, number))
    return str(number)


def _numbered(name: str, number: int) -> str:
    path = Path(name)
    return f"{path.stem}.{number}{path.suffix}"


def _has_number(path: Path) -> bool:
    return any(part.lstrip(".").isdecimal() for part in path.suffixes)
