"""Passages of made-up words, and the scripted teacher without a server."""

import json
from random import Random

from scripted_teacher import judged, written

from foretune.documents.passages import Passage
from foretune.documents.sections import Section, Span
from foretune.teacher.protocol import Reply


def prose(seed: int, sentences: int = 6) -> str:
    """Sentences of words that no other seed has."""
    draw = Random(seed)
    words = ["".join(draw.choices("abcdefghijklmnoprstuvw", k=7)) for _ in range(60)]
    return " ".join(f"The {' and the '.join(draw.sample(words, 5))}." for _ in range(sentences))


def passages(count: int) -> list[Passage]:
    """A passage in each of so many sections."""
    sections = [Section("a.md", (f"Part {at}",), prose(at), Span("line", at, at)) for at in range(count)]
    return [Passage(section, section.unit) for section in sections]


class Direct:
    """Answers by the script; `log` has the keys of the requests."""

    name = "m"

    def __init__(self, concurrency: int = 3):
        self.concurrency = concurrency
        self.log: list[str] = []

    def ask(self, request) -> Reply:
        self.log.append(request.key(self.name))
        text = judged(request.prompt) if "Pairs:" in request.prompt else written(request.prompt)
        return Reply(json.dumps(text), 100, 20)
