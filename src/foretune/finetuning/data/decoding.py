"""From bytes to text: compressed files, and the encodings that spreadsheets and editors write."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path

from foretune.errors import DataError


def decompress(path: Path, content: bytes) -> bytes:
    """The contents of a `.gz` file.

    Raises:
        DataError: if it is damaged, or not compressed at all.
    """
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be decompressed ({error}); copy it again, or give it without .gz") from error


def decode(path: Path, content: bytes) -> str:
    """The text of a file in UTF-8, or in UTF-16 or UTF-32 with or without a byte order mark.

    Raises:
        DataError: if it is none of them; the message says where.
    """
    # The rule of JSON (RFC 4627): the first two characters are ASCII, so the places of zero bytes tell the encoding.
    # Headers of tables are ASCII, too.
    encoding = json.detect_encoding(content)
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}, line {line}: byte 0x{content[error.start]:02x} at offset {error.start} of the file is not "
            f"valid {encoding.removesuffix('-sig').upper()}; save the file as UTF-8, for instance: "
            f"iconv -f {_likely(content)} -t UTF-8 {path.name} > fixed{path.suffix}"
        ) from error


def _likely(content: bytes) -> str:
    """The encoding to try: text of one byte a character has no zero bytes."""
    if b"\0" not in content:
        return "LATIN1"
    even = content[::2].count(0)
    return "UTF-16LE" if even < content.count(0) - even else "UTF-16BE"
