"""What the finalists of a search are asked where a metric of written answers chooses, and what time that takes."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from foretune.errors import DataError, TeacherError
from foretune.metrics import JUDGE
from foretune.session.averaging import KEPT
from foretune.session.scoring import open_judge, open_scorer

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from foretune.execution.questions import Question
    from foretune.finetuning.data import Example, Splits, TokenizedSplits
    from foretune.metrics.protocol import Scorer
    from foretune.metrics.summary import Answered
    from foretune.session.ground import SearchSetup
    from foretune.session.measuring import Reader
    from foretune.session.options import TuneOptions
    from foretune.session.search import Found

MOST_TOKENS = 256
"""Of an answer, however long completions are."""
FINALISTS = KEPT + 2
"""At most: the checkpoints that are kept, a best one that cannot be averaged, and the average."""
SHOWN = 8
"""Answers of each model that a report keeps."""
_SHARE = 0.1
"""Of the budget, at most, for answers and their scores."""


@dataclass(frozen=True)
class Exam:
    """Questions for models, and the score of their answers.

    Attributes:
        scorer: of answers.
        tokenizer: of the base model.
        stops: tokens that end an answer.
        max_new_tokens: at which an answer is cut.
        compared: questions of the validation split that choose between finalists; none where time is too short.
        reported: questions of the test split.
    """

    scorer: Scorer
    tokenizer: PreTrainedTokenizerBase
    stops: tuple[int, ...]
    max_new_tokens: int
    compared: tuple[Question, ...]
    reported: tuple[Question, ...]

    def answers(self, model: PreTrainedModel | PeftModel, questions: Sequence[Question]) -> list[str]:
        """Written greedily."""
        from foretune.finetuning.generate import answer

        prompts = [question.example for question in questions]
        return answer(model, self.tokenizer, prompts, self.max_new_tokens, stops=self.stops)

    def on_test(self, model: PreTrainedModel | PeftModel) -> tuple[Answered, tuple[str, ...]]:
        """The score of a model for the final table, and its first answers."""
        from foretune.metrics.summary import Answered

        asked, answers = [one.asked for one in self.reported], self.answers(model, self.reported)
        scores = self.scorer.scores(asked, answers)
        return Answered.of(self.scorer.name, asked, answers, scores), tuple(answers[:SHOWN])


def exam_of(found: Found) -> Exam | None:
    """What the models of a search are asked; None where likelihood alone counts.

    Raises:
        DataError: the rows are no questions.
    """
    from foretune.execution.questions import Question
    from foretune.finetuning.data import read_splits

    options, setup = found.options, found.setup
    if not options.metric.writes:
        return None
    compared, reported = question_rows(options, found.budget.seconds, setup)
    splits = read_splits(replace(setup.as_read, validation_rows=max(compared, 1), test_rows=reported))
    check_questions((*splits.validation, *splits.test), options.metric.name)
    return Exam(
        open_scorer(options.metric, found.output, device=options.device),
        setup.tokenizer,
        setup.ending.stops,
        longest_answer(setup.data),
        tuple(Question.of_example(one) for one in splits.validation[:compared]),
        tuple(Question.of_example(one) for one in splits.test),
    )


@contextmanager
def judge_may_be_left_out() -> Generator[None]:
    """Where the judge fails at the end of a search, say how the search is closed without it."""
    try:
        yield
    except TeacherError as error:
        advice = "to close the search without the judge, give the command with --resume --metric nll and no --judge"
        raise TeacherError(f"{error}; {advice}") from None


def check_questions(examples: Sequence[Example], metric: str) -> None:
    """Whether all rows have something to answer.

    Raises:
        DataError: one is raw text.
    """
    if raw := next((one for one in examples if one.text), None):
        where = raw.where or "a row"
        raise DataError(f"{where}: raw text asks nothing that {metric} could score the answer of; use --metric nll")


def longest_answer(data: TokenizedSplits) -> int:
    """Tokens that an answer may have: those of the longest completion in training, and at most `MOST_TOKENS`."""
    return min(int(data.train.completion_lengths.max()), MOST_TOKENS)


def question_rows(options: TuneOptions, budget_seconds: float, setup: SearchSetup) -> tuple[int, int]:
    """How many questions the finalists are compared on, and how many are asked for the final table.

    Both are as many as were asked for and fit into their share of the budget. Where that is too few to tell models
    apart, finalists are not compared, and the table gets the fewest that say something.
    """
    from foretune.finetuning.task import LEAST_ROWS

    most = options.metric.rows
    compared, reported = min(most, len(setup.whole.validation)), min(most, len(setup.whole.test))
    if math.isinf(budget_seconds) or setup.question_seconds <= 0:
        return compared, reported
    fitting = int(_SHARE * budget_seconds / (setup.question_seconds * (FINALISTS + 1)))
    enough = fitting >= min(compared, LEAST_ROWS)
    return min(compared, fitting) if enough else 0, min(reported, max(fitting, LEAST_ROWS))


def answering_seconds(options: TuneOptions, budget_seconds: float, setup: SearchSetup) -> float:
    """Seconds to keep for the answers of the finalists, and for those of the returned one to the test questions."""
    if not options.metric.writes:
        return 0.0
    compared, reported = question_rows(options, budget_seconds, setup)
    return setup.question_seconds * (FINALISTS * compared + reported)


def question_seconds(
    options: TuneOptions, model: PreTrainedModel, reader: Reader, splits: Splits, whole: TokenizedSplits
) -> float:
    """Seconds that a finalist needs for a question: to write the answer and, of a judge, to compare it in both orders.

    Raises:
        TeacherError: the judge does not answer; a search should not learn that at its end.
    """
    from foretune.finetuning.generate import seconds_per_answer

    rows = splits.validation
    seconds = seconds_per_answer(model, reader.tokenizer, rows, longest_answer(whole), stops=reader.ending.stops)
    return seconds + (2 * _judge_seconds(options) if options.metric.name == JUDGE else 0.0)


def _judge_seconds(options: TuneOptions) -> float:
    """Of a request, if as many are under way as may be."""
    from foretune.metrics.protocol import Asked

    judge = open_judge(options.metric, None, device=options.device)
    begun = time.perf_counter()
    judge.scores([Asked("How many days has a week?", "seven")], ["Seven days."])
    return (time.perf_counter() - begun) / judge.concurrency
