"""What happens to one passage: questions are asked for, filtered, judged by the teacher, and filtered again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from foretune.documents.passages import Passage
from foretune.synthesis.questions.drafts import Draft, Drafts, Verdicts
from foretune.synthesis.questions.filters import fault_of
from foretune.synthesis.questions.prompts import questions_request, verdicts_request
from foretune.teacher.ask_for import Unreadable, ask_for
from foretune.teacher.protocol import Teacher

WRITTEN = "written by the teacher"
UNREADABLE = "answers that were no JSON of the right shape"


@dataclass(frozen=True)
class Asked:
    """The outcome for a passage.

    Attributes:
        drafts: the pairs that are sound.
        counts: how many were written, and how many were left out for each reason.
        failure: why the teacher did not answer, if it did not.
    """

    drafts: tuple[Draft, ...]
    counts: Counter[str]
    failure: str = ""


def ask_about(passage: Passage, earlier: Sequence[str], teacher: Teacher) -> Asked:
    """Pairs about a passage that pass all filters but those that need the other passages.

    Args:
        passage: to ask about.
        earlier: questions about it that exist.
        teacher: writes and judges.

    Raises:
        TeacherError: it can never answer.
    """
    counts = Counter[str]()
    written = ask_for(Drafts, questions_request(passage, earlier), teacher, lambda: counts.update([UNREADABLE]))
    if isinstance(written, Unreadable):
        return _nothing(written, counts)
    counts[WRITTEN] = len(written.pairs)
    sound: list[Draft] = []
    for draft in written.pairs:
        if fault := fault_of(draft, passage):
            counts[fault] += 1
        else:
            sound.append(draft)
    return _judged(passage, sound, teacher, counts) if sound else Asked((), counts)


def _judged(passage: Passage, drafts: Sequence[Draft], teacher: Teacher, counts: Counter[str]) -> Asked:
    said = ask_for(Verdicts, verdicts_request(passage, drafts), teacher, lambda: counts.update([UNREADABLE]))
    if isinstance(said, Unreadable):
        counts["not judged by the teacher"] += len(drafts)
        return _nothing(said, counts)
    verdicts = {verdict.number: verdict for verdict in said.verdicts}
    kept: list[Draft] = []
    for number, draft in enumerate(drafts, start=1):
        verdict = verdicts.get(number)
        if verdict is None:
            counts["not judged by the teacher"] += 1
        elif not verdict.supported:
            counts["not supported, says the teacher"] += 1
        elif not verdict.stands_alone:
            counts["does not stand alone, says the teacher"] += 1
        else:
            kept.append(draft)
    return Asked(tuple(kept), counts)


def _nothing(unreadable: Unreadable, counts: Counter[str]) -> Asked:
    return Asked((), counts, unreadable.reason if unreadable.failed else "")
