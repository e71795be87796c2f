"""The end of a search by a metric of written answers: which of its best adapters is returned.

The search itself goes by validation loss: that is what earlier tasks tell about, and what every slice is scored by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from foretune.metrics import JUDGE
from foretune.metrics.summary import Agreement, Mean
from foretune.report.final_scores import Finalist, Judged, ModelScores
from foretune.report.tables import describe
from foretune.session.answering import SHOWN
from foretune.session.averaging import Adapter, finalists

if TYPE_CHECKING:
    from foretune.session.answering import Exam
    from foretune.session.search import Found


def choose_returned(found: Found, best: Adapter, exam: Exam | None) -> tuple[Adapter, tuple[Finalist, ...]]:
    """Compare the answers of the average, if there is one, and of the best checkpoints to the validation questions.

    The answers are greedy and the replies of a judge on disk, so that a search that was killed here ends with the same
    adapter.

    Args:
        found: the search.
        best: the best by validation loss; an average lies in its folder.
        exam: the questions; None where validation loss chooses.

    Returns:
        The chosen one, and the finalists that were compared: none where validation loss chose.
    """
    adapters = finalists(found, best)
    if exam is None or not exam.compared or len(adapters) < 2:
        return best, ()
    from foretune.execution.finetuned import load_finetuned

    def answers(one: Adapter) -> list[str]:
        model = load_finetuned(one.folder(found), found.options.model, device=found.options.device, shared=True)
        return exam.answers(model, exam.compared)

    asked, written = [one.asked for one in exam.compared], [answers(one) for one in adapters]

    def lead(challenger: int, holder: int) -> Mean:
        return Mean.of(exam.scorer.leads(asked, written[challenger], written[holder]))

    def score(at: int) -> float | None:
        return None if exam.scorer.name == JUDGE else Mean.of(exam.scorer.scores(asked, written[at])).value

    chosen, leads = champion(len(adapters), lead)
    first, *others = (Finalist(_name(one), score(at), None, None, at == chosen) for at, one in enumerate(adapters))
    return adapters[chosen], (first, *(_led(one, mean, len(asked)) for one, mean in zip(others, leads, strict=True)))


def _name(one: Adapter) -> str:
    return "average" if one.parts else describe(one.checkpoint.configuration.values, short=True)


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


def answers_in_report(
    found: Found, compared: tuple[Finalist, ...], exam: Exam | None, scores: Sequence[ModelScores]
) -> dict[str, Any]:
    """What a `RunReport` says of a metric of written answers, and of its judge.

    Args:
        found: the search.
        compared: see `choose_returned`.
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
    questions = len(exam.compared) if compared else 0
    return {
        "metric": exam.scorer.name,
        "questions": questions,
        "finalists": compared,
        "judged": judged,
        "asked": tuple(one.asked for one in exam.reported[:SHOWN]),
    }
