"""Recast public datasets into other jobs, for tasks that nothing was chosen on.

`python collecting/recast.py TASKS OUT`: TASKS is the folder of the public datasets. Each job below reads one of them
and asks for something else of the same text: which of three does not belong, how a title goes, how many there are, what
a sum comes to, which word is missing.
"""

from __future__ import annotations

import argparse
import ast
import json
import operator
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

Pair = tuple[str, str]
Job = Callable[[list[Pair], np.random.Generator], Iterable[Pair]]

_SPLITS = ("train", "validation", "test")
_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_LETTERS = "ABC"


def odd_intent(pairs: list[Pair], rng: np.random.Generator) -> Iterable[Pair]:
    """Three requests, two of which want the same: which one wants something else?"""
    by_intent: dict[str, list[str]] = {}
    for prompt, intent in pairs:
        by_intent.setdefault(intent, []).append(prompt.split("\n")[0].removeprefix("Utterance: "))
    several = sorted(intent for intent, texts in by_intent.items() if len(texts) > 1)
    for _ in pairs:
        same, other = rng.choice(len(several), size=2, replace=False)
        one, two = rng.choice(len(by_intent[several[same]]), size=2, replace=False)
        odd = by_intent[several[other]][int(rng.integers(len(by_intent[several[other]])))]
        texts = [by_intent[several[same]][one], by_intent[several[same]][two]]
        place = int(rng.integers(3))
        texts.insert(place, odd)
        listed = "\n".join(f"{letter}: {text}" for letter, text in zip(_LETTERS, texts, strict=True))
        yield f"{listed}\nWhich one wants something else?", _LETTERS[place]


def unscramble_title(pairs: list[Pair], rng: np.random.Generator) -> Iterable[Pair]:
    """The words of a title of four to ten words in their order, from a random one."""
    for prompt, _ in pairs:
        words = prompt.split("\n")[0].removeprefix("Title: ").split()
        if 4 <= len(words) <= 10:
            yield f"Put into order: {' '.join(words[at] for at in rng.permutation(len(words)))}", " ".join(words)


def slot_count(pairs: list[Pair], _: np.random.Generator) -> Iterable[Pair]:
    """How many slots a request fills."""
    for prompt, slots in pairs:
        request = next(line for line in prompt.split("\n") if line.startswith("Request: "))
        yield f"{request}\nHow many details does it name?", str(len(slots.split(";")))


def equation_value(pairs: list[Pair], _: np.random.Generator) -> Iterable[Pair]:
    """The value of a formula that was written for a problem in words, where it has at most two decimals."""
    for _, equation in pairs:
        formula = re.sub(r"^[xX]=", "", equation)
        try:
            value = _value(ast.parse(formula, mode="eval").body)
        except (SyntaxError, TypeError, ZeroDivisionError):
            continue
        if abs(value) < 1e5 and abs(round(value, 2) - value) < 1e-9:
            yield f"Compute: {formula}", f"{round(value, 2):g}"


def _value(node: ast.expr) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_value(node.left), _value(node.right))
    raise TypeError(f"{ast.dump(node)} is no sum of numbers")


def missing_word(pairs: list[Pair], rng: np.random.Generator) -> Iterable[Pair]:
    """A word of at least four letters that was taken out of a question, given with two others."""
    words = sorted({word for prompt, _ in pairs for word in re.findall(r"[a-z]{4,}", prompt)})
    for prompt, _ in pairs:
        question = next(line for line in prompt.split("\n") if line.startswith("Question: "))
        inside = re.findall(r"\b[a-z]{4,}\b", question)
        if inside:
            word = inside[int(rng.integers(len(inside)))]
            others = [words[int(at)] for at in rng.integers(len(words), size=2)]
            gapped = re.sub(rf"\b{word}\b", "___", question, count=1)
            yield f"{gapped}\nMissing: {', '.join(sorted({word, *others}))}?", word


JOBS: dict[str, tuple[str, str, Job]] = {
    "odd_intent": ("clinc150", "odd_one_out", odd_intent),
    "unscramble_title": ("paper_topic", "unscrambling", unscramble_title),
    "slot_count": ("snips_slots", "counting", slot_count),
    "equation_value": ("mawps_equation", "formulas", equation_value),
    "missing_word": ("sql_wikisql", "gaps", missing_word),
}
"""Dataset that is read, family and function of each job."""


def recast(name: str, tasks: Path, out: Path, *, seed: int = 0) -> Path:
    """Write one job as a dataset; a prompt is kept once, and nothing of a split comes from another one."""
    source, family, job = JOBS[name]
    folder, seen, rows = out / name, set[str](), dict[str, int]()
    folder.mkdir(parents=True, exist_ok=True)
    for number, split in enumerate(_SPLITS):
        lines = (tasks / source / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
        pairs = [(row["prompt"], row["completion"]) for row in map(json.loads, lines)]
        made = dict(job(pairs, np.random.default_rng([seed, number, *name.encode()])))
        kept = [{"prompt": p, "completion": c} for p, c in made.items() if p not in seen]
        seen |= set(made)
        rows[split] = len(kept)
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept)
        (folder / f"{split}.jsonl").write_text(text, encoding="utf-8")
    license_name = json.loads((tasks / source / "card.json").read_text(encoding="utf-8"))["license"]
    kind = (job.__doc__ or "").strip()
    card = {"name": name, "family": family, "kind": kind, "metric": "exact_match", "license": license_name}
    card |= {"source": f"recast from {source}", "seed": seed, "rows": rows}
    (folder / "card.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return folder


def main() -> None:
    """Recast all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    for name in JOBS:
        recast(name, arguments.tasks, arguments.out)


if __name__ == "__main__":
    main()
