"""Rows and examples of which datasets are made, only for tests."""

from __future__ import annotations

from foretune.finetuning.data import Example, Message, Splits

COUNTING = [{"prompt": f"What comes after {number}?", "completion": str(number + 1)} for number in range(40)]


def rows(count, **columns):
    """So many rows; text of columns is formatted with their number."""
    return [
        {name: value.format(n) if isinstance(value, str) else value for name, value in columns.items()}
        for n in range(count)
    ]


def said(splits):
    """Prompt -> completion of all rows of all splits."""
    return {
        row.messages[0].content: row.messages[-1].content for row in (*splits.train, *splits.validation, *splits.test)
    }


def example(prompt="hi", completion="yes", system=None):
    """A question with its answer."""
    before = [Message("system", system)] if system else []
    return Example((*before, Message("user", prompt), Message("assistant", completion)), where="d.jsonl, line 4")


def splits(*rows, **parts):
    """Of these training examples, with one to validate and one to test on."""
    return Splits("mine", **{"train": rows, "validation": (example(),), "test": (example(),), **parts}, notes=("made",))
