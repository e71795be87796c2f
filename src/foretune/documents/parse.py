"""The process that parses: it reads paths from standard input, and writes the sections of each file as a line.

A parser that meets a hostile file may loop, or ask for all memory. Here it harms only this process, which the limits of
the system end; the parent (`foretune.documents.read`) goes on with the next file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from foretune.documents.sections import Section, section_to_json
from foretune.errors import DataError

_READERS = {
    ".pdf": "pdf:read_pdf",
    ".html": "html:read_html",
    ".htm": "html:read_html",
    ".xhtml": "html:read_html",
    ".md": "plain_text:read_markdown",
    ".markdown": "plain_text:read_markdown",
    ".docx": "docx:read_docx",
    ".txt": "plain_text:read_text",
    ".text": "plain_text:read_text",
    ".rst": "plain_text:read_text",
}
ENDINGS = tuple(_READERS)
"""Of the files that can be read."""


def parse(path: Path, most_characters: int) -> dict[str, Any]:
    """The sections of a file, or the reason why there are none, as JSON values."""
    try:
        sections = [section_to_json(section) for section in _bounded(path, most_characters)]
    except MemoryError:
        return {"error": "needs too much memory to parse; divide it"}
    except DataError as error:
        return {"error": str(error)}
    except Exception as error:  # noqa: BLE001 (whatever a parser makes of a broken file)
        reason = " ".join(str(error).split())[:200]
        return {"error": f"cannot be parsed ({type(error).__name__}: {reason}); is it damaged, or too large?"}
    return {"sections": sections}


def _bounded(path: Path, most_characters: int) -> Iterator[Section]:
    size = 0
    for section in _reader(path)(path.read_bytes()):
        size += len(section.text)
        if size > most_characters:
            raise DataError(f"has more than {most_characters:,} characters of text; divide it")
        yield section


def _reader(path: Path) -> Callable[[bytes], Iterator[Section]]:
    module, name = _READERS[path.suffix.lower()].split(":")
    return getattr(import_module(f"foretune.documents.{module}"), name)


def _limit_memory(most_bytes: int) -> None:
    try:
        import resource  # noqa: PLC0415 (not on Windows)

        resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))
    except (ImportError, ValueError, OSError):
        return


def main() -> None:
    """Parse what the parent asks for."""
    asked = json.load(sys.stdin)
    _limit_memory(asked["most_bytes"])
    for path in asked["paths"]:
        line = json.dumps(parse(Path(path), asked["most_characters"]))
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
