"""Readers of files that users hand over accept a damaged file, or refuse it in one line (see `benchmarks/fuzz.py`)."""

from random import Random

import fuzzing
import pytest
from fuzzed_readers import TARGETS
from fuzzing import ACCEPTED, HANG, REFUSED, TRACEBACK, judged, outcomes

from foretune.errors import DataError, ForetuneError

HEAVY = {"import mlflow", "import optuna", "import tensorboard", "import public-llm", "search space"}
"""Their libraries take seconds to import, or tens of milliseconds for each file."""


@pytest.mark.parametrize("target", [one for one in TARGETS if one.name not in HEAVY], ids=lambda one: one.name)
def test_a_damaged_file_is_accepted_or_refused_in_a_line(target, tmp_path):
    count = 24 if target.share >= 0.3 else 3
    found = list(outcomes(target, tmp_path, count, Random(0)))
    assert [one for one in found if one.kind not in (ACCEPTED, REFUSED)] == []
    assert len(found) == count


def refuse(error):
    def read():
        raise error

    return read


def wait():
    while True:
        pass


@pytest.mark.parametrize(
    ("read", "kind"),
    [
        (lambda: 1, ACCEPTED),
        (refuse(DataError("no rows; add some")), REFUSED),
        (refuse(DataError("2 rows:\n  line 1: a\n  line 2: b")), REFUSED),
        (refuse(ForetuneError("no leaf")), TRACEBACK),
        (refuse(KeyError("name")), TRACEBACK),
        (refuse(RecursionError()), TRACEBACK),
        (wait, HANG),
    ],
)
def test_what_counts_as_a_finding(read, kind, monkeypatch):
    monkeypatch.setattr(fuzzing, "SECONDS", 0.05)
    found, said = judged(read)
    assert found == kind
    assert bool(said) == (kind in (TRACEBACK, HANG))
