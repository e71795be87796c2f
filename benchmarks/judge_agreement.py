"""How often a judge and exact match say the same of answers, and what 100 judgements cost.

Run: python benchmarks/judge_agreement.py RUN DATA --judge URL|local:MODEL [--judge-model NAME] [--rows N]

RUN is the folder of a search, DATA a dataset (of a folder of splits the test split is taken). The first N questions are
answered by the base model and by the finetuned one, so that some answers are wrong and some are right. Grades 4 and 5
count as right. Replies are kept in RUN, so a second call costs nothing.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from foretune.execution.finetuned import Finetuned, open_finetuned
from foretune.execution.questions import Question, read_questions
from foretune.execution.run_folder import base_of, find_finetuned
from foretune.finetuning.generate import answer
from foretune.finetuning.model import choose_device, load_model
from foretune.metrics.summary import Agreement, Answered
from foretune.metrics.text import exact_match
from foretune.report.final_scores import Judged
from foretune.report.tables import describe_agreement, describe_answered, describe_cost
from foretune.session.scoring import MetricRequest, check_metric, open_judge
from foretune.teacher.price import Price


def answers_of(finetuned: Finetuned, run: Path, questions: Sequence[Question]) -> dict[str, list[str]]:
    """Of the base model, and of the finetuned one."""
    prompts, tokens = [one.example for one in questions], finetuned.max_new_tokens
    base = load_model(base_of(find_finetuned(run)), device=choose_device("auto"))
    return {
        "base model": answer(base, finetuned.tokenizer, prompts, tokens, stops=finetuned.stops),
        "finetuned": finetuned.answers(prompts),
    }


def print_grades(grades: Counter[tuple[bool, float | None]]) -> None:
    """How often each grade was given, apart for answers that match and those that do not."""
    print("\n| grade | 1 | 2 | 3 | 4 | 5 | none |\n|---|---:|---:|---:|---:|---:|---:|")
    for matches, name in ((True, "exact match"), (False, "no match")):
        cells = [str(grades[matches, grade]) for grade in (1.0, 2.0, 3.0, 4.0, 5.0, None)]
        print(f"| {name} |", " | ".join(cells), "|")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("data")
    parser.add_argument("--judge", required=True)
    parser.add_argument("--judge-model", default="")
    parser.add_argument("--rubric", type=Path)
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--prompt-price", type=float)
    parser.add_argument("--completion-price", type=float)
    given = parser.parse_args()
    price = Price(given.prompt_price, given.completion_price)
    request = MetricRequest("judge", given.rows, given.judge, given.judge_model, given.rubric, price=price)
    check_metric(request)
    questions = [one for one in read_questions(given.data) if one.completion][: given.rows]
    asked, agreement = [one.asked for one in questions], Agreement()
    written = answers_of(open_finetuned(given.run, device=choose_device("auto")), given.run, questions)
    judge = open_judge(request, find_finetuned(given.run).parent)
    grades: Counter[tuple[bool, float | None]] = Counter()
    for name, answers in written.items():
        scores = judge.scores(asked, answers)
        matches = [exact_match(said, one.reference) > 0 for one, said in zip(asked, answers, strict=True)]
        grades.update(zip(matches, scores, strict=True))
        answered = Answered.of("judge", asked, answers, scores)
        agreement += answered.agreement or Agreement()
        print(f"{name}: {describe_answered(answered)}; exact match {sum(matches)} of {len(matches)}")
    print_grades(grades)
    print(f"\n{describe_agreement(agreement)}")
    print(describe_cost(Judged.of(judge.tokens, price, agreement), answers=grades.total()))


if __name__ == "__main__":
    main()
