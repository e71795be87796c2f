"""Whatever the rows: splits are disjoint, complete, and the same every time."""

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from foretune.finetuning.data import load_splits

# Two rows of a prompt at most, so that no prompt is larger than the smallest split.
PROMPTS = st.lists(st.text(min_size=1, max_size=6), min_size=12, max_size=30, unique_by=str.strip)
REPEATS = st.lists(st.integers(1, 2), min_size=30, max_size=30)
SEEDS = st.integers(0, 2**31)


def _rows(prompts, repeats):
    counted = zip(prompts, repeats, strict=False)
    return [{"prompt": prompt, "completion": f"answer {n}"} for prompt, count in counted for n in range(count)]


def _load(rows, **arguments):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "all.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return load_splits(path, **arguments)


@settings(max_examples=25, deadline=None)
@given(PROMPTS, REPEATS, SEEDS, st.randoms(use_true_random=False))
def test_splits_are_disjoint_complete_and_independent_of_the_order(prompts, repeats, seed, random):
    rows = _rows(prompts, repeats)
    splits = _load(rows, seed=seed)
    parts = (splits.train, splits.validation, splits.test)
    keys = [{row.prompt_key for row in part} for part in parts]
    assert sum(map(len, keys)) == len(set.union(*keys)), "a prompt lies in two splits"
    assert sum(map(len, parts)) == len(rows), "rows were lost or doubled"
    shuffled = random.sample(rows, len(rows))
    again = _load(shuffled, seed=seed)
    assert [set(part) for part in parts] == [set(part) for part in (again.train, again.validation, again.test)]


@settings(max_examples=25, deadline=None)
@given(PROMPTS, REPEATS, SEEDS, st.integers(1, 8), st.integers(1, 8))
def test_training_subsets_are_nested(prompts, repeats, seed, one, other):
    rows = _rows(prompts, repeats)
    small, large = (_load(rows, seed=seed, train_rows=n) for n in sorted((one, other)))
    assert len(small.train) == min(one, other)
    assert set(small.train) <= set(large.train)
    assert (small.validation, small.test) == (large.validation, large.test)
