"""The folder of a search: one at a time, never two mixed, nothing overwritten, nothing left by a false start."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from socket import gethostname
from typing import TYPE_CHECKING, Any, TextIO

from foretune.disk import written
from foretune.errors import JournalError
from foretune.journal import read_journal
from foretune.parsing import parse_json, read_as
from foretune.session.checks import check_output

if TYPE_CHECKING:
    from foretune.session.options import TuneOptions

JOURNAL = "journal.jsonl"
TRIALS = "trials"
COMPARISON = "comparison"
"""Holds the run of the default after the search. What is in `TRIALS` stays as the journal says."""
ADAPTER = "adapter"
REPORT = "report.json"
LOCK = ".lock"
"""Is there while a process runs in the folder, and says which."""
PROGRESS = ".progress.json"
"""What a search trains now, and its budget, see `foretune.session.status`."""
_ATTEMPTS, _PAUSE = 5, 0.05


@dataclass(frozen=True)
class Holder:
    """A process that runs in a folder.

    Attributes:
        pid: its number.
        host: name of its machine.
        since: when it began, in ISO 8601.
    """

    pid: int
    host: str
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}"


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
    if not resume and output.is_dir() and _names(output) and not _is_unbegun(output):
        remedy = "add --resume to continue it" if journal.exists() else "nothing will be overwritten"
        raise JournalError(f"{output} already exists; {remedy}, or give another folder to --output")
    if not journal.exists() or _is_unbegun(output):
        return None
    header = read_journal(journal).header
    _check_settings(header, options, journal)
    return header


def _is_unbegun(output: Path) -> bool:
    """Whether all that is there is the journal of a search that ended before anything was trained."""
    names = _names(output)
    if JOURNAL not in names or names - {JOURNAL, TRIALS} or any((output / TRIALS).glob("*/state")):
        return False
    return not read_journal(output / JOURNAL).entries


def _names(output: Path) -> set[str]:
    """Of what is in the folder, but for what every search leaves there while it runs."""
    return {path.name for path in output.iterdir()} - {LOCK, PROGRESS}


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

    The lock ends with the process that holds it, however that ends, so that nobody is kept out by a dead process.

    Args:
        output: the folder.
        what: runs in it, for the message.
        option: that the folder was given to.

    Raises:
        JournalError: another one is running there.
        OutputError: the folder cannot be written to, now or later.
    """
    with written(output, opening=True):
        output.mkdir(parents=True, exist_ok=True)
        file = _lock(output / LOCK)
    if file is None:
        raise _in_use(output, what, option)
    with file, written(output):
        file.truncate()
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        file.write(json.dumps(asdict(Holder(os.getpid(), gethostname(), now))))
        file.flush()
        try:
            yield
        finally:
            (output / LOCK).unlink(missing_ok=True)  # while it is held, so that nobody's else is removed


def check_not_running(output: Path) -> None:
    """Whether a search could begin in the folder.

    Raises:
        JournalError: another one is running there.
    """
    if is_locked(output):
        raise _in_use(output, "search", "--output")


def _in_use(output: Path, what: str, option: str) -> JournalError:
    by = f" ({held})" if (held := holder_of(output)) else ""
    return JournalError(
        f"another {what} is running in {output}{by}; wait for its end, or give another folder to {option}"
    )


def _lock(path: Path) -> TextIO | None:
    """The locked file; None if another process holds it. Those who ask only are gone a moment later."""
    for _ in range(_ATTEMPTS):
        file = path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            time.sleep(_PAUSE)
            continue
        except OSError:
            pass  # some network file systems know no locks
        if _is_there(file, path):
            file.seek(0)
            return file
        file.close()
    return None


def _is_there(file: TextIO, path: Path) -> bool:
    """Whether nobody has removed it since it was opened."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def is_locked(output: Path) -> bool:
    """Whether a process runs in the folder; where the file system knows no locks, whether it says so."""
    try:
        with (output / LOCK).open(encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def holder_of(output: Path) -> Holder | None:
    """Who has written into the lock of the folder, whether or not it still holds it; None if that is not known."""
    try:
        return read_as(Holder, parse_json((output / LOCK).read_bytes()))
    except (OSError, ValueError):
        return None


def name_of_search(output: Path) -> str:
    """A name that no other search has: that of its folder, with a part that comes from the header of its journal.

    The header has measured times, so that no two are the same.
    """
    with (output / JOURNAL).open("rb") as file:
        digest = hashlib.sha256(file.readline()).hexdigest()[:6]
    return f"{output.resolve().name}-{digest}"


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
