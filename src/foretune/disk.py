"""Files that are whole or not there, and a disk that is full or closed: an error in a line, and no trial's fault."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from foretune.errors import ForetuneError, OutputError

_ONLY_WRITERS_MEET = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
_NUMBER = re.compile(r"(?:Errno|os error) (\d+)")
"""In the words of Python, of shutil, which tells of several files in one, and of safetensors."""


@contextmanager
def written(folder: Path, *, opening: bool = False) -> Generator[None]:
    """Whatever is raised inside since a disk is full or read-only becomes an `OutputError`.

    Args:
        folder: that is written to, for the message.
        opening: whether files and folders are only opened for writing or made inside; all errors of them count then.

    Raises:
        OutputError: see above.
    """
    try:
        yield
    except ForetuneError:
        raise
    except Exception as error:
        found = _NUMBER.search(str(error))
        if found is None or not (opening or int(found[1]) in _ONLY_WRITERS_MEET):
            raise
        named, reason = getattr(error, "filename", None) or folder, os.strerror(int(found[1]))
        message = (
            f"{named} cannot be written ({reason}). All that was finished before is kept: make room there, and give "
            "the command again, tune and synthesize with --resume"
        )
        raise OutputError(message) from error


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, see it onto the disk, and put it in place: nobody reads half of a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    write(fresh)
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    fresh.replace(path)


def replace_text(path: Path, text: str) -> None:
    """`replace_file` with a text, in UTF-8."""
    replace_file(path, lambda fresh: fresh.write_text(text, encoding="utf-8"))
