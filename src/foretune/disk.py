"""A disk that is full, or that may not be written to: an error in a line, and no trial's fault."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Generator
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
