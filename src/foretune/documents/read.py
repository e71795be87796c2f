"""Finds documents and reads them within limits of size, time and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from foretune.documents.parse import ENDINGS
from foretune.documents.sections import Section, section_from_json
from foretune.errors import DataError

_COMMAND = (sys.executable, "-m", "foretune.documents.parse")


@dataclass(frozen=True)
class Limits:
    """Bounds of a document.

    Attributes:
        file_bytes: of the file.
        characters: of its text.
        seconds: to parse it.
        memory_bytes: of the process that parses, its libraries included.
    """

    file_bytes: int = 64 * 2**20
    characters: int = 20_000_000
    seconds: float = 60.0
    memory_bytes: int = 2**31


@dataclass(frozen=True)
class Document:
    """A file and its text.

    Attributes:
        source: the name of the file that was given, or the path from the folder that was given, with its name.
        digest: SHA-256 of the file.
        sections: in the order of the file; empty if it could not be read.
        problem: why it could not be read.
    """

    source: str
    digest: str = ""
    sections: tuple[Section, ...] = ()
    problem: str = ""


def read_documents(places: Sequence[Path], limits: Limits | None = None) -> list[Document]:
    """Read files, and all files of a known kind below folders, links out of the folder aside.

    Args:
        places: files and folders.
        limits: files beyond them have a problem instead of sections; None for the usual ones.

    Raises:
        DataError: a place does not exist or is of no known kind, or not one file could be read.
    """
    limits = limits or Limits()
    found = {path: _printable(name) for path, name in _find(places)}
    documents = {path: _check(path, source, limits) for path, source in found.items()}
    sound = [path for path, document in documents.items() if not document.problem]
    for path, answer in zip(sound, _parse(sound, limits), strict=True):
        source = found[path]
        sections = tuple(section_from_json(values, source) for values in answer.get("sections", ()))
        problem = answer.get("error", "" if sections else "has no text")
        documents[path] = Document(source, sha256(path.read_bytes()).hexdigest(), sections, problem)
    read = list(documents.values())
    if not any(document.sections for document in read):
        first = f"{read[0].source} {read[0].problem}" if read else f"no file ends with {', '.join(ENDINGS)}"
        raise DataError(f"no document could be read: {first}")
    return read


def _find(places: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    for place in places:
        if place.is_dir():
            inside = place.resolve()
            for path in sorted(place.rglob("*")):
                if path.is_file() and path.suffix.lower() in ENDINGS and path.resolve().is_relative_to(inside):
                    yield path.resolve(), f"{inside.name}/{path.relative_to(place).as_posix()}"
        elif not place.exists():
            raise DataError(f"{place}: no such file or folder; check the path")
        elif not place.is_file() or place.suffix.lower() not in ENDINGS:
            raise DataError(f"{place} is no document; give files that end with {', '.join(ENDINGS)}, or a folder")
        else:
            yield place.resolve(), place.name


def _printable(name: str) -> str:
    """The name of a file without characters that a terminal obeys, or that are no text."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def _check(path: Path, source: str, limits: Limits) -> Document:
    if not os.access(path, os.R_OK):
        return Document(source, problem="may not be read; change its permissions")
    if (size := path.stat().st_size) > limits.file_bytes:
        problem = f"has {size / 2**20:,.0f} MB, at most {limits.file_bytes / 2**20:,.0f} are read; divide it"
        return Document(source, problem=problem)
    return Document(source)


def _parse(paths: Sequence[Path], limits: Limits) -> Iterator[dict[str, Any]]:
    """An answer for each path; a process that dies over a file is followed by another for the files after it."""
    at = 0
    while at < len(paths):
        for answer in _answers(paths[at:], limits):
            at += 1
            yield answer


def _answers(paths: Sequence[Path], limits: Limits) -> Iterator[dict[str, Any]]:
    asked = {
        "paths": [str(path) for path in paths],
        "most_bytes": limits.memory_bytes,
        "most_characters": limits.characters,
    }
    with subprocess.Popen(  # noqa: S603 (our own program)
        _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as child:
        assert child.stdin is not None  # noqa: S101 (for the type checker)
        assert child.stdout is not None  # noqa: S101
        try:
            child.stdin.write(json.dumps(asked).encode())
            child.stdin.close()
            for _ in paths:
                late = threading.Event()
                line = _read_line(child, child.stdout, limits.seconds, late)
                if not line.endswith(b"\n"):
                    yield {"error": _cause(late.is_set(), limits.seconds)}
                    return
                yield json.loads(line)
        finally:
            child.kill()


def _read_line(child: subprocess.Popen[bytes], output: IO[bytes], seconds: float, late: threading.Event) -> bytes:
    """The next line of the child, which is killed if it takes too long."""

    def expire() -> None:
        late.set()
        child.kill()

    timer = threading.Timer(seconds, expire)
    timer.start()
    try:
        return output.readline()
    finally:
        timer.cancel()


def _cause(late: bool, seconds: float) -> str:
    if late:
        return f"took more than {seconds:g} s to parse and was given up; divide it"
    return "ended the process that parses it, most likely for its memory; divide it"
