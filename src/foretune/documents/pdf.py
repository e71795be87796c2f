"""PDF: pages, under the titles of the outline where the file has one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any
from unicodedata import normalize

from pypdf import PdfReader

from foretune.documents.sections import Outline, Section, Span
from foretune.errors import DataError


def read_pdf(content: bytes) -> Iterator[Section]:
    """The text of each page.

    Raises:
        DataError: the file needs a password, or has no text.
    """
    reader = PdfReader(BytesIO(content))
    if reader.is_encrypted and not reader.decrypt(""):
        raise DataError("needs a password; save it without")
    titles, outline, empty = _titles(reader), Outline(), True
    for number, page in enumerate(reader.pages):
        # The text is cut by pages, so a page belongs to the first section that begins on it.
        first, *others = titles.get(number, [(0, "")])
        outline.enter(*first) if first[0] else None
        if text := _plain(page.extract_text()):
            empty = False
            yield Section("", outline.headings, text, Span("page", number + 1, number + 1))
        for title in others:
            outline.enter(*title)
    if empty:
        raise DataError("has no text, only images; run a text recognition over it first")


def _plain(text: str) -> str:
    """Text without ligatures, and without hyphens at the ends of lines."""
    whole = re.sub("[\ufb00-\ufb06]", lambda found: normalize("NFKC", found[0]), text)
    return re.sub(r"(?<=[a-z])-\n(?=[a-z])", "", whole).strip()


def _titles(reader: PdfReader) -> Mapping[int, list[tuple[int, str]]]:
    """Level and title of the outline's entries, by page."""
    titles: dict[int, list[tuple[int, str]]] = {}
    left: list[tuple[int, Any]] = [(1, reader.outline)]
    while left:
        level, entry = left.pop()
        if isinstance(entry, list):
            left += [(level + isinstance(inner, list), inner) for inner in reversed(entry)]
        elif (page := reader.get_destination_page_number(entry)) is not None:
            titles.setdefault(page, []).append((level, str(entry.title)))
    return titles
