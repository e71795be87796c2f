"""The end of a search by a metric of written answers: which of its best adapters is returned.

The search itself goes by validation loss: that is what earlier tasks tell about, and what every slice is scored by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foretune.metrics import JUDGE
from foretune.metrics.summary import Agreement, Mean
from foretune.report.final_scores import Finalist, Judged, ModelScores
from foretune.report.tables import describe
from foretune.session.averaging import FOLDER, Parts, folder_of, to_average
from foretune.tuner import Incumbent

if TYPE_CHECKING:
    from foretune.session.answering import Exam
    from foretune.session.search import Found


@dataclass(frozen=True)
class Choice:
    """What a search returns.

    Attributes:
        checkpoint: the chosen one; beside an average, the best by validation loss.
        parts: of the average that is returned, if it is one.
        finalists: that were compared; none where validation loss chose.
    """

    checkpoint: Incumbent
    parts: Parts = ()
    finalists: tuple[Finalist, ...] = ()


@dataclass(frozen=True)
class _Entrant:
    name: str
    folder: Path
    checkpoint: Incumbent
    parts: Parts = ()


def choose_returned(found: Found, best: Incumbent, parts: Parts, exam: Exam | None) -> Choice:
    """Compare the answers of the average, if there is one, and of the best checkpoints to the validation questions.

    The answers are greedy and the replies of a judge on disk, so that a search that was killed here ends with the same
    adapter.

    Args:
        found: the search.
        best: its best checkpoint by validation loss.
        parts: of an average that is better by validation loss; it lies in its folder.
        exam: the questions; None where validation loss chooses.
    """
    entrants = _entrants(found, best, parts)
    if exam is None or not exam.compared or len(entrants) < 2:
        return Choice(best, parts)
    from foretune.execution.finetuned import load_finetuned

    def answers(one: _Entrant) -> list[str]:
        model = load_finetuned(one.folder, found.options.model, device=found.options.device, shared=True)
        return exam.answers(model, exam.compared)

    asked, written = [one.asked for one in exam.compared], [answers(one) for one in entrants]

    def lead(challenger: int, holder: int) -> Mean:
        return Mean.of(exam.scorer.leads(asked, written[challenger], written[holder]))

    def score(at: int) -> float | None:
        return None if exam.scorer.name == JUDGE else Mean.of(exam.scorer.scores(asked, written[at])).value

    chosen, leads = champion(len(entrants), lead)
    first, *others = (Finalist(one.name, score(at), None, None, at == chosen) for at, one in enumerate(entrants))
    finalists = (first, *(_led(one, mean, len(asked)) for one, mean in zip(others, leads, strict=True)))
    return Choice(entrants[chosen].checkpoint, entrants[chosen].parts, finalists)


def _led(challenger: Finalist, mean: Mean, questions: int) -> Finalist:
    lead = mean.value if mean.count else None
    return replace(challenger, lead=lead, lead_error=mean.error, unscored=questions - mean.count)


def champion(count: int, lead: Callable[[int, int], Mean]) -> tuple[int, list[Mean]]:
    """Each challenger meets who is the choice so far, and displaces it by a lead that is more than its standard error.

    Args:
        count: of finalists, the best by validation loss first.
        lead: of a challenger over the choice so far.

    Returns:
        The number of the winner, and the lead of each but the first.
    """
    holder, leads = 0, list[Mean]()
    for challenger in range(1, count):
        leads.append(lead(challenger, holder))
        if leads[-1].is_a_lead:
            holder = challenger
    return holder, leads


def answers_in_report(found: Found, choice: Choice, exam: Exam | None, scores: Sequence[ModelScores]) -> dict[str, Any]:
    """What a `RunReport` says of a metric of written answers, and of its judge.

    Args:
        found: the search.
        choice: what it returns.
        exam: None where validation loss chose.
        scores: rows of the final table.
    """
    if exam is None:
        return {}
    judged, price = None, found.options.metric.price
    if tokens := exam.scorer.tokens:
        answered = [row.test.answered for row in scores]
        agreement = sum((one.agreement for one in answered if one and one.agreement), start=Agreement())
        judged = Judged.of(tokens, price, agreement)
    questions = len(exam.compared) if choice.finalists else 0
    return {"metric": exam.scorer.name, "questions": questions, "finalists": choice.finalists, "judged": judged}


def _entrants(found: Found, best: Incumbent, parts: Parts) -> list[_Entrant]:
    """The best by validation loss first; an average is better than all of its members."""
    kept = [one for one in to_average(found.result.history) if one.configuration != best.configuration]
    single = [one for one in (best, *kept) if folder_of(found, one).is_dir()]
    average = [_Entrant("average", found.output / FOLDER, best, parts)] if parts else []
    return average + [
        _Entrant(describe(one.configuration.values, short=True), folder_of(found, one), one) for one in single
    ]
