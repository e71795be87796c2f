"""Cuts sections into passages that fit into a prompt, each with its place in the document."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from foretune.documents.sections import Section, Span

MOST_CHARACTERS = 3000
LEAST_CHARACTERS = 200
"""A shorter passage holds too little to ask about."""

_FENCE = re.compile(r"\s*(```|~~~)")


@dataclass(frozen=True)
class Passage:
    """A part of a section.

    Attributes:
        section: that it was cut from, with the text and the place of the passage.
        unit: see `Section.unit`; of the whole section.
    """

    section: Section
    unit: str

    @property
    def text(self) -> str:
        """Of the passage alone."""
        return self.section.text

    @property
    def where(self) -> str:
        """File, headings and place, for people."""
        parts = (self.section.source, " > ".join(self.section.headings), str(self.section.span))
        return ", ".join(part for part in parts if part)


def cut(sections: Iterable[Section], most: int = MOST_CHARACTERS) -> list[Passage]:
    """Passages of at most so many characters, cut between paragraphs where possible and never within a code block that
    fits."""
    return [Passage(piece, section.unit) for section in sections for piece in _pieces(section, most)]


def _pieces(section: Section, most: int) -> Iterator[Section]:
    held: list[str] = []
    start = 0
    for block in _blocks(section.text.split("\n"), most):
        if held and sum(map(len, held)) + len(held) + sum(map(len, block)) + len(block) > most:
            yield _piece(section, held, start)
            start, held = start + len(held), []
        held += block
    yield _piece(section, held, start)


def _piece(section: Section, lines: list[str], start: int) -> Section:
    span = section.span
    if span.unit == "line" and span.last > span.first:
        span = Span("line", span.first + start, span.first + start + len(lines) - 1)
    return replace(section, text="\n".join(lines).strip("\n"), span=span)


def _blocks(lines: list[str], most: int) -> Iterator[list[str]]:
    """Runs of lines that belong together: a paragraph with the blank lines behind it, or a code block."""
    block: list[str] = []
    fence = ""
    for line in lines:
        if block and not fence and not block[-1].strip() and line.strip():
            yield from _divided(block, most)
            block = []
        block.append(line)
        if mark := _FENCE.match(line):
            fence = "" if fence == mark[1] else fence or mark[1]
    yield from _divided(block, most)


def _divided(block: list[str], most: int) -> Iterator[list[str]]:
    """A block that is too long, as its lines; a line that is too long, at spaces."""
    if sum(map(len, block)) + len(block) <= most:
        yield block
        return
    for line in block:
        yield from ([part] for part in _parts(line, most))


def _parts(line: str, most: int) -> Iterator[str]:
    while len(line) > most:
        at = max(line.rfind(". ", 0, most) + 1, line.rfind(" ", 0, most)) if " " in line[:most] else most
        yield line[:at]
        line = line[at:].lstrip()
    yield line
