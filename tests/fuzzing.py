"""Damages valid files, and judges what their readers make of them.

The contract: a reader returns, or raises a leaf of `foretune.errors` with one line of message; the rows that a dataset
cannot use may follow as a list, one indented line each. Anything else is a finding, and so is a reader that is not back
after `SECONDS` of the processor, or a dozen times as many of the clock.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import signal
import zipfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from foretune.errors import ForetuneError

SECONDS = 5.0
"""Of the processor, that a reader may take for one input; of the clock `_PATIENCE` times as many."""
_PATIENCE = 12
ACCEPTED, REFUSED, TRACEBACK, HANG = "accepted", "refused", "traceback", "hang"
TOKENS = (
    *(
        b"NaN",
        b"1e999",
        b"-1",
        b"0",
        b"null",
        b"true",
        b'""',
        b"{}",
        b"[]",
        b"9" * 5000,
        b"1" + b"0" * 400,
        b"-Infinity",
    ),
    *(b"[" * 100_000, b'{"a":' * 50_000, b'"\\ud800"', b'"\\u0000"', b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"\x1b[2J"),
    *(
        b"\n",
        b"\r",
        b",",
        b'"',
        b"2026-99-99",
        b"!!python/object:os.system {}",
        b"!!timestamp x",
        b"!!int ''",
        b"&a [*a]",
    ),
    *(b"-Infinity", b"&a [*a]", "\u2028é\x85".encode(), b"<<: x", b"? [a]\n: b\n", b"\t", b"0x", b"1_000", b"12:30:45"),
)
ENCODINGS = ("utf-16", "utf-32", "utf-16-le", "latin-1", "utf-8-sig")
VALUES = (
    *(None, True, -1, 0, 10**400, 2**63, -0.5, 1e308, float("nan"), float("inf"), "", "x", "\0", "\ud800", "a\nb"),
    *("\x1b[2J", "é\u2028", "1", "x" * 10_000, [], {}, [[]], {"": None}, [None], {"a": {"b": []}}),
)
_WORD = re.compile(rb'"[^"\n]*"|-?\d+(?:\.\d+)?(?:e-?\d+)?|\w+')
_ONE_LINE = re.compile(r"[^\n]*(\n  [^\n]+)*")


@dataclass(frozen=True)
class Target:
    """A reader.

    Attributes:
        name: for people.
        prepare: writes a valid sample into an empty folder, and returns what reads it.
        share: of the inputs, relative to other readers; slow ones get fewer.
        mend: brings checksums in line with damaged files, so that the damage gets past them.
    """

    name: str
    prepare: Callable[[Path], Callable[[], object]]
    share: float = 1.0
    mend: Callable[[Path], None] | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of an input.

    Attributes:
        kind: `ACCEPTED`, `REFUSED`, `TRACEBACK` or `HANG`.
        said: of a finding.
        file: that was damaged, below the folder of the sample.
        content: of that file.
    """

    kind: str
    said: str
    file: Path
    content: bytes


class _Late(BaseException):
    pass


def outcomes(target: Target, folder: Path, inputs: int, draw: Random) -> Generator[Outcome]:
    """Damage one file of the sample after the other, and read it.

    Args:
        target: what to read.
        folder: empty; it holds the sample.
        inputs: how many.
        draw: decides all damages.
    """
    read = target.prepare(folder)
    kept = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    paths = list(kept)
    read()
    for _ in range(inputs):
        path = draw.choice(paths)
        path.write_bytes(content := damaged(path, kept[path], draw))
        if target.mend and draw.random() < 0.7:
            target.mend(folder)
        kind, said = judged(read)
        yield Outcome(kind, said, path.relative_to(folder), content)
        for each in kept if target.mend else [path]:
            each.write_bytes(kept[each])


def judged(read: Callable[[], object]) -> tuple[str, str]:
    """What a reader did, and the reason of a finding."""
    try:
        with _limited():
            read()
    except _Late:
        return HANG, f"not back after {SECONDS:g} s"
    except ForetuneError as error:
        if type(error) is ForetuneError or not _ONE_LINE.fullmatch(message := str(error)) or not _can_be_shown(message):
            return TRACEBACK, f"{type(error).__name__}: {error}"
        return REFUSED, ""
    except Exception as error:  # noqa: BLE001 (that is what is looked for)
        return TRACEBACK, f"{type(error).__name__}: {error}"
    return ACCEPTED, ""


def _can_be_shown(message: str) -> bool:
    """Whether a terminal prints it as it is."""
    return message.replace("\n", "").isprintable()


@contextmanager
def _limited() -> Generator[None]:
    def expire(_number: int, _frame: FrameType | None) -> None:
        raise _Late

    timers = ((signal.ITIMER_PROF, signal.SIGPROF, SECONDS), (signal.ITIMER_REAL, signal.SIGALRM, _PATIENCE * SECONDS))
    before = [signal.signal(number, expire) for _, number, _ in timers]
    for timer, _, seconds in timers:
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for (timer, number, _), handler in zip(timers, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


def damaged(path: Path, content: bytes, draw: Random) -> bytes:
    """The content of a file with one to three damages: to its values where its kind is known, or to its bytes."""
    for _ in range(draw.randint(1, 3)):
        codec = _CODECS.get(path.suffix) if draw.random() < 0.6 else None
        try:
            content = codec[1](_changed(codec[0](content), draw)) if codec else _changed_bytes(content, draw)
        except Exception:  # noqa: BLE001 (values that this kind of file cannot hold)
            content = _changed_bytes(content, draw)
    return content


def _changed(value: Any, draw: Random) -> Any:
    """The value with a change in one place."""
    parent, key, at = None, None, value
    while isinstance(at, dict | list) and at and (parent is None or draw.random() < 0.85):
        parent, key = at, draw.choice(list(at)) if isinstance(at, dict) else draw.randrange(len(at))
        at = parent[key]
    if parent is None:
        return draw.choice(VALUES)
    change = draw.randrange(7)
    if isinstance(at, bytes):
        parent[key] = _changed_bytes(at, draw)
    elif change == 0:
        del parent[key]
    elif change == 1:
        parent[key] = str(at)
    elif change == 2:
        parent[key] = [at, at]
    elif change == 3:
        other = draw.choice(list(parent)) if isinstance(parent, dict) else draw.randrange(len(parent))
        parent[key], parent[other] = parent[other], at
    elif change == 4 and isinstance(parent, list):
        parent.insert(key, at)
    else:
        parent[key] = draw.choice(VALUES)
    return value


def _changed_bytes(content: bytes, draw: Random) -> bytes:
    start, end = sorted(draw.randrange(len(content) + 1) for _ in range(2))
    before, between, after, token = content[:start], content[start:end], content[end:], draw.choice(TOKENS)
    word = _WORD.search(content, start) or _WORD.search(content)
    changes: tuple[Callable[[], bytes], ...] = (
        lambda: before,
        lambda: before + bytes([draw.randrange(256)]) + content[start + 1 :],
        lambda: before + between + between + after,
        lambda: before + after,
        lambda: before + token + between + after,
        lambda: content.decode(errors="replace").encode(draw.choice(ENCODINGS), errors="replace"),
        *[lambda: content[: word.start()] + token + content[word.end() :] if word else token] * 2,
    )
    return draw.choice(changes)()


def _lines(content: bytes) -> list[Any]:
    return [json.loads(line) for line in content.splitlines()]


def _to_lines(rows: list[Any]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def _table(separator: str) -> tuple[Callable[[bytes], Any], Callable[[Any], bytes]]:
    def write(rows: list[list[Any]]) -> bytes:
        csv.writer(text := io.StringIO(), delimiter=separator).writerows(rows)
        return text.getvalue().encode()

    return lambda content: list(csv.reader(io.StringIO(content.decode()), delimiter=separator)), write


def _from_parquet(content: bytes) -> dict[str, list[Any]]:
    return pq.read_table(pa.BufferReader(content)).to_pydict()


def _to_parquet(columns: dict[str, list[Any]]) -> bytes:
    pq.write_table(pa.table(columns), sink := pa.BufferOutputStream())
    return sink.getvalue().to_pybytes()


def _members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _to_zip(members: dict[str, bytes]) -> bytes:
    with zipfile.ZipFile(whole := io.BytesIO(), "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return whole.getvalue()


_CODECS: dict[str, tuple[Callable[[bytes], Any], Callable[[Any], bytes]]] = {
    ".json": (json.loads, lambda value: json.dumps(value, indent=2).encode()),
    **dict.fromkeys((".jsonl", ".log"), (_lines, _to_lines)),
    ".yaml": (yaml.safe_load, lambda value: yaml.safe_dump(value).encode()),
    ".csv": _table(","),
    ".tsv": _table("\t"),
    ".parquet": (_from_parquet, _to_parquet),
    **dict.fromkeys((".docx", ".npz"), (_members, _to_zip)),
    ".gz": (lambda content: [gzip.decompress(content)], lambda inside: gzip.compress(inside[0], 1)),
}
