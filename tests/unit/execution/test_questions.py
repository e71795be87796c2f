import json
from pathlib import Path

import pytest

from foretune.errors import DataError
from foretune.execution.questions import Question, read_questions
from foretune.finetuning.data import Example, Message
from foretune.metrics.protocol import Asked

CONVERSATION = (Message("system", "Be short."), Message("user", "2 + 2?"))
ASK = (Message("user", "2 + 2?"),)


@pytest.mark.parametrize(
    ("row", "messages", "completion"),
    [
        ({"prompt": "2 + 2?", "completion": "4"}, ASK, "4"),
        ({"prompt": "2 + 2?"}, ASK, ""),
        ({"prompt": "2 + 2?", "completion": ""}, ASK, ""),
        ({"text": "2 + 2?"}, ASK, ""),
        ({"question": "2 + 2?"}, ASK, ""),
        ({"instruction": "Add", "input": "2 + 2?"}, (Message("user", "Add\n2 + 2?"),), ""),
        ({"messages": [{"role": "user", "content": "2 + 2?"}]}, ASK, ""),
        (
            {
                "messages": [
                    {"role": "system", "content": "Be short."},
                    {"role": "user", "content": "2 + 2?"},
                    {"role": "assistant", "content": "4"},
                ]
            },
            (Message("system", "Be short."), *ASK),
            "4",
        ),
    ],
)
def test_rows_are_read_with_completions_or_without(tmp_path: Path, row, messages, completion) -> None:
    (tmp_path / "rows.jsonl").write_text(json.dumps(row))
    assert read_questions(str(tmp_path / "rows.jsonl")) == [Question(messages, completion)]


def test_a_folder_of_splits_is_asked_its_test_split(tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / f"{split}.jsonl").write_text(json.dumps({"prompt": split, "completion": "x"}))
    assert [question.text for question in read_questions(str(tmp_path))] == ["test"]


def test_a_row_without_a_prompt_is_named(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(json.dumps({"why": "2 + 2?"}))
    with pytest.raises(DataError, match="line 1: columns missing; found: 'why'"):
        read_questions(str(tmp_path / "rows.jsonl"))


def test_lines_of_answers() -> None:
    assert Question(ASK, " 4").with_answer("4") == {
        "prompt": "2 + 2?",
        "answer": "4",
        "completion": " 4",
        "match": True,
    }
    assert Question(ASK, "4").with_answer("5")["match"] is False
    several = Question((Message("system", "Be short."), *ASK)).with_answer("4")
    assert several == {
        "messages": [{"role": "system", "content": "Be short."}, {"role": "user", "content": "2 + 2?"}],
        "answer": "4",
    }


def test_who_scores_an_answer_sees_the_question_with_its_roles_if_there_are_several():
    assert Question(ASK, "4").asked == Asked("2 + 2?", "4")
    assert Question(CONVERSATION, "4").asked == Asked("system: Be short.\nuser: 2 + 2?", "4")
    example = Example((*CONVERSATION, Message("assistant", "4")), tools="[]")
    assert Question.of_example(example) == Question(CONVERSATION, "4", "[]")
