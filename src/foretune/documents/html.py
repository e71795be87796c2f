"""HTML: the text of the page without its menus and scripts, by headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] (compiled, without types)

from foretune.documents.sections import Outline, Section, Span
from foretune.errors import DataError

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_SKIPPED = frozenset(
    {
        *("aside", "button", "canvas", "footer", "form", "head", "iframe", "nav", "noscript", "object", "script"),
        *("select", "style", "svg", "template"),
    }
)
_BLOCKS = frozenset(
    {
        *("article", "blockquote", "body", "br", "dd", "details", "div", "dl", "dt", "figcaption", "figure", "header"),
        *("hr", "li", "main", "ol", "p", "pre", "section", "summary", "table", "tbody", "thead", "tr", "ul"),
    }
)
_BEFORE = {"li": "- ", "td": " | ", "th": " | "}


def read_html(content: bytes) -> Iterator[Section]:
    """The text under each heading.

    Raises:
        DataError: there is no element in it.
    """
    # Nothing is fetched, and libxml2's own limit on the depth of nesting stays on.
    parser = etree.HTMLParser(
        encoding=_encoding(content), no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
    )
    root = etree.fromstring(content, parser) if content.strip() else None
    if root is None:
        raise DataError("has no HTML in it; is this the right file?")
    page = _Page()
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        if event == "end":
            yield from page.leave(element)
        elif element.tag in _SKIPPED:
            walk.skip_subtree()
        else:
            yield from page.enter(element)
    yield from page.flush()


def _encoding(content: bytes) -> str | None:
    """UTF-8 where the bytes are; else the page's own word counts."""
    try:
        content.decode()
    except UnicodeDecodeError:
        return None
    return "utf-8"


class _Page:
    """The text of a page up to a place, cut at headings."""

    def __init__(self) -> None:
        self._outline = Outline()
        self._pieces: list[str] = []
        self._line = 1
        self._verbatim = 0
        self._at_start = True

    def enter(self, element: Any) -> Iterator[Section]:
        """Go into an element; a heading ends the section before it."""
        if element.tag in _HEADINGS:
            yield from self.flush()
            self._line = element.sourceline or 1
        elif element.tag in _BLOCKS:
            self._break()
        self._verbatim += element.tag == "pre"
        self._add(_BEFORE.get(element.tag, "") + (element.text or ""))

    def leave(self, element: Any) -> Iterator[Section]:
        """Go out of an element; the text of a heading becomes its title."""
        self._verbatim -= element.tag == "pre"
        if element.tag in _HEADINGS:
            self._outline.enter(_HEADINGS[element.tag], "".join(self._pieces).rstrip("¶ \n"))
            self._pieces = []
            self._at_start = True
        elif element.tag in _BLOCKS:
            self._break()
        self._add(element.tail or "")
        yield from ()

    def flush(self) -> Iterator[Section]:
        """The section that ends here."""
        text = re.sub(r"\n{3,}", "\n\n", "".join(self._pieces)).strip()
        if text:
            yield Section("", self._outline.headings, text, Span("line", self._line, self._line))
        self._pieces = []

    def _break(self) -> None:
        if self._pieces[-1:] != [_BEFORE["li"]]:  # a paragraph begins on the line of its bullet
            self._pieces.append("\n")
        self._at_start = True

    def _add(self, text: str) -> None:
        if not self._verbatim:
            text = re.sub(r"\s+", " ", text)
            text = text.lstrip() if self._at_start else text
        if text:
            self._pieces.append(text)
            self._at_start = False
