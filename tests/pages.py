"""The blocks of code in the documentation, and the commands in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = ("../README.md", *sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")))

_SHELL = ("console", "bash", "sh")
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(foretune [^`]+)`")


def blocks(page: str, *languages: str) -> list[str]:
    """The blocks of a page in these languages, in order."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return [found["text"] for found in _FENCE.finditer(text) if found["language"] in languages]


def languages(page: str) -> set[str]:
    """Of all blocks of a page; the empty name for blocks without one."""
    return {found["language"] for found in _FENCE.finditer((DOCS / page).read_text(encoding="utf-8"))}


def commands(page: str) -> Iterator[list[str]]:
    """The words of every command in the blocks of a page, without comments and what stands after a pipe."""
    for block in blocks(page, *_SHELL):
        for line in block.replace("\\\n", " ").replace("&&", "\n").splitlines():
            words = shlex.split(line.replace("<this repository>", "URL"), comments=True)
            if words:
                yield _first(words)


def mentions(page: str) -> list[list[str]]:
    """The words of every command of foretune within the text of a page."""
    text = _FENCE.sub("", (DOCS / page).read_text(encoding="utf-8"))
    return [shlex.split(found.replace("\n", " ")) for found in _INLINE.findall(text)]


def _first(words: list[str]) -> list[str]:
    ends = [at for at, word in enumerate(words) if word in {"|", ">", "&"}]
    return words[: min(ends, default=len(words))]
