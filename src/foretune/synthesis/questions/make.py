"""From passages to pairs: passages are asked about in rounds until there are enough pairs.

All that a run decides follows from the documents, the options and the answers of the teacher, never from the order in
which answers come. So a run that is killed and continued with the same answers makes the same dataset.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from foretune.documents.passages import Passage
from foretune.errors import TeacherError
from foretune.synthesis.questions.ask import Asked, ask_about
from foretune.synthesis.questions.drafts import Draft
from foretune.synthesis.questions.near_duplicates import NearDuplicates
from foretune.synthesis.questions.pairs import Pair
from foretune.teacher.in_order import in_order
from foretune.teacher.protocol import Teacher

ROUNDS = 4
"""How often a passage is asked about at most; each round avoids the questions of those before."""

EXPECTED = 3
"""Pairs of a passage that pass all filters, about; for the estimate, and for how far to ask ahead."""

SAME_QUESTION = 0.7
"""Similarity from which two questions are near-duplicates."""

_FAILURES = 5
"""Passages in a row without an answer after which the teacher is given up."""

_FRUITLESS = 20
"""Passages without one sound pair after which the teacher is given up."""

KEPT = "kept"
TOO_MANY = "more than asked for"
NEAR_DUPLICATE = "near-duplicate of an earlier question"


@dataclass
class Made:
    """What a run has made so far.

    Attributes:
        pairs: in the order in which they were accepted.
        counts: pairs written, left out for each reason, and kept.
        failures: passages without an answer.
        stopped: whether somebody asked for the end.
    """

    pairs: list[Pair] = field(default_factory=list[Pair])
    counts: Counter[str] = field(default_factory=Counter[str])
    failures: int = 0
    stopped: bool = False


def make_pairs(
    passages: Sequence[Passage],
    teacher: Teacher,
    rows: int,
    *,
    observe: Callable[[Made], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> Made:
    """Ask until there are enough pairs, or the passages give no more.

    Args:
        passages: in the order in which they are asked about.
        teacher: writes and judges.
        rows: pairs that are wanted.
        observe: is told after each passage.
        stop: whether to ask for nothing more; what is under way is finished.

    Raises:
        TeacherError: the teacher refuses, fails all the time, or writes nothing that passes the filters.
    """
    made, seen = Made(), NearDuplicates(SAME_QUESTION)
    earlier: dict[Passage, tuple[str, ...]] = dict.fromkeys(passages, ())
    failing = fruitless = 0

    def wanted() -> int:
        return 0 if stop() else -(-(rows - len(made.pairs)) // EXPECTED)

    def ask(passage: Passage) -> Asked:
        return ask_about(passage, earlier[passage], teacher)

    for _ in range(ROUNDS):
        before = len(made.pairs)
        for passage, outcome in in_order(ask, passages, workers=teacher.concurrency, ahead=wanted):
            failing = failing + 1 if outcome.failure else 0
            made.failures += bool(outcome.failure)
            if failing >= _FAILURES:
                advice = "every answer so far is kept; go on with --resume"
                raise TeacherError(f"the teacher failed {failing} times in a row ({outcome.failure}); {advice}")
            _accept(made, passage, outcome, seen, rows)
            fruitless += not made.pairs
            if fruitless == _FRUITLESS:
                raise TeacherError(_said_of_nothing(made, fruitless))
            earlier[passage] += tuple(draft.question for draft in outcome.drafts)
            observe(made)
        if wanted() <= 0 or len(made.pairs) == before:
            break
    made.stopped = stop() and len(made.pairs) < rows
    if not (made.pairs or made.stopped):
        raise TeacherError(_said_of_nothing(made, fruitless))
    return made


def _said_of_nothing(made: Made, passages: int) -> str:
    reasons = ", ".join(f"{reason}: {count}" for reason, count in made.counts.most_common())
    return f"no pair about {passages} passages passed the filters ({reasons}); give another teacher"


def _accept(made: Made, passage: Passage, outcome: Asked, seen: NearDuplicates, rows: int) -> None:
    made.counts += outcome.counts
    for draft in outcome.drafts:
        if len(made.pairs) == rows:
            made.counts[TOO_MANY] += 1
        elif not seen.add(draft.question, draft.answer):
            made.counts[NEAR_DUPLICATE] += 1
        else:
            made.counts[KEPT] += 1
            made.pairs.append(_pair(draft, passage))


def _pair(draft: Draft, passage: Passage) -> Pair:
    return Pair(draft.question, draft.answer, draft.kind, passage.where, passage.unit)
