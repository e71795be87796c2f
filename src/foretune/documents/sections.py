"""The types that every reader of documents makes: a section of text, and its place in the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Span:
    """A place in a file.

    Attributes:
        unit: `line`, `page` or `paragraph`.
        first: counted from 1.
        last: included.
    """

    unit: str
    first: int
    last: int

    def __str__(self) -> str:
        if self.first == self.last:
            return f"{self.unit} {self.first}"
        return f"{self.unit}s {self.first}-{self.last}"


@dataclass(frozen=True)
class Section:
    """Text under one heading.

    Attributes:
        source: the file, as it is named to people.
        headings: from the title of the document down; empty where there are none.
        text: without the headings.
        span: of the text.
    """

    source: str
    headings: tuple[str, ...]
    text: str
    span: Span

    @property
    def unit(self) -> str:
        """Name of the part of a document that must not be divided between splits."""
        return f"{self.source} > {' > '.join(self.headings) or self.span}"


def section_to_json(section: Section) -> dict[str, Any]:
    """The section as JSON values, without its source."""
    span = section.span
    return {
        "headings": [_sound(title) for title in section.headings],
        "text": _sound(section.text),
        "unit": span.unit,
        "first": span.first,
        "last": span.last,
    }


def _sound(text: str) -> str:
    """Text that can be written as UTF-8; parsers of PDFs let halves of characters pass."""
    return text.encode(errors="replace").decode().replace("\0", "")


def section_from_json(values: Mapping[str, Any], source: str) -> Section:
    """The section that `section_to_json` wrote."""
    span = Span(str(values["unit"]), int(values["first"]), int(values["last"]))
    return Section(source, tuple(map(str, values["headings"])), str(values["text"]), span)


class Outline:
    """The headings above the current place of a document."""

    def __init__(self) -> None:
        self._open: list[tuple[int, str]] = []

    def enter(self, level: int, title: str) -> None:
        """Begin a section; those of the same or a deeper level end."""
        self._open = [(depth, name) for depth, name in self._open if depth < level]
        if title.strip():
            self._open.append((level, " ".join(title.split())))

    @property
    def headings(self) -> tuple[str, ...]:
        """From the highest level down."""
        return tuple(name for _, name in self._open)
