"""The card of a dataset: what it was made of and how, for people (README.md) and for programs (card.json)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from foretune.synthesis.questions.ask import UNREADABLE, WRITTEN
from foretune.synthesis.questions.make import KEPT, Made
from foretune.synthesis.questions.pairs import Pair
from foretune.synthesis.questions.passages import Material
from foretune.synthesis.write import write_rows
from foretune.teacher.price import Price, Tokens


@dataclass(frozen=True)
class Facts:
    """What is said of a dataset beside its pairs.

    Attributes:
        teacher: model and host.
        asked_rows: pairs that were wanted.
        material: that the pairs are about.
        estimated: tokens before the run.
        paid: tokens of all answers.
        price: of a million tokens.
        seed: of the order of passages and of the splits.
    """

    teacher: str
    asked_rows: int
    material: Material
    estimated: Tokens
    paid: Tokens
    price: Price
    seed: int


def write_dataset(splits: Mapping[str, Sequence[Pair]], made: Made, facts: Facts, directory: Path) -> None:
    """Write the splits, `card.json` and `README.md`; their names do not depend on any document."""
    rows = {split: [_row(pair) for pair in pairs] for split, pairs in splits.items()}
    card = _card(made, facts)
    write_rows(rows, directory, seed=facts.seed, card=card)
    sizes = {split: len(pairs) for split, pairs in splits.items()}
    (directory / "README.md").write_text(_readme(card, sizes), encoding="utf-8", newline="\n")


def filter_rows(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Pairs written, left out for each reason, the most frequent first, and kept."""
    ends = (WRITTEN, KEPT, UNREADABLE)
    reasons = Counter({reason: count for reason, count in counts.items() if reason not in ends})
    return [(WRITTEN, counts.get(WRITTEN, 0)), *reasons.most_common(), (KEPT, counts.get(KEPT, 0))]


def _row(pair: Pair) -> dict[str, str]:
    return {
        "prompt": pair.prompt,
        "completion": pair.completion,
        "kind": str(pair.kind),
        "source": pair.source,
        "section": pair.section,
    }


def _card(made: Made, facts: Facts) -> dict[str, Any]:
    price = facts.price if facts.price.known else None
    return {
        "name": "questions about documents",
        "family": "documents",
        "kind": "question answering, written by a teacher",
        "metric": "exact_match",
        "license": "that of the documents; the terms of the teacher may add to it",
        "teacher": facts.teacher,
        "rows_asked_for": facts.asked_rows,
        "documents": [
            {"source": one.source, "sha256": one.digest, "sections": len(one.sections), "problem": one.problem}
            for one in facts.material.documents
        ],
        "passages": {"worth asking about": len(facts.material.passages), **facts.material.left_out},
        "passages_without_answer": made.failures,
        "unreadable_answers": made.counts[UNREADABLE],
        "pairs": dict(filter_rows(made.counts)),
        "kinds": dict(sorted(Counter(str(pair.kind) for pair in made.pairs).items())),
        "tokens": {"estimated": asdict(facts.estimated), "actual": asdict(facts.paid)},
        "dollars": price and {"estimated": price.of(facts.estimated), "actual": price.of(facts.paid)},
    }


def _readme(card: Mapping[str, Any], sizes: Mapping[str, int]) -> str:
    documents = [(one["source"], one["problem"] or f"{one['sections']} sections") for one in card["documents"]]
    tokens = card["tokens"]
    spent = [
        (name, *(f"{tokens[when][name]:,}" for when in ("estimated", "actual")))
        for name in ("requests", "prompt", "completion")
    ]
    if card["dollars"]:
        spent.append(("dollars", *(f"{card['dollars'][when]:.2f}" for when in ("estimated", "actual"))))
    return "\n\n".join(
        (
            "# Questions about documents",
            f"Written by {_plain(card['teacher'])} with `foretune synthesize`. No section is in two splits.",
            _table(("split", "pairs"), list(sizes.items())),
            _table(("kind", "pairs"), list(card["kinds"].items())),
            "## Filters",
            _table(("passages", ""), list(card["passages"].items())),
            f"{card['unreadable_answers']} answers of the teacher could not be read, and "
            f"{card['passages_without_answer']} times it did not answer.",
            _table(("pairs", ""), list(card["pairs"].items())),
            "## Tokens",
            _table(("", "estimated", "actual"), spent),
            "## Documents",
            _table(("file", ""), documents),
            f"License: {card['license']}.\n",
        )
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_plain(str(cell)) for cell in line) + " |" for line in lines)


def _plain(text: str) -> str:
    """Names of files as text: nothing in them makes a link, a tag or a cell."""
    marks = str.maketrans({"<": "&lt;", ">": "&gt;", "&": "&amp;", **{mark: f"\\{mark}" for mark in "\\`*_[]|!"}})
    return " ".join(text.split()).translate(marks)
