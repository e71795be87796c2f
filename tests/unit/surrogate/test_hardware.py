"""Seconds and bytes are learned from one kind of hardware."""

from __future__ import annotations

from dataclasses import replace

from synthetic_table import synthetic_table

from foretune.surrogate.examples import read_runs
from foretune.surrogate.hardware import of_one_kind, one_kind

INTEL, AMD, GPU = "Some Xeon, 1 threads", "Some EPYC, 2 threads", "Some GPU"


def test_all_processors_are_one_kind_and_every_accelerator_its_own():
    assert one_kind([GPU, AMD, INTEL, GPU, INTEL]) == [AMD, INTEL]
    assert one_kind([GPU, GPU, AMD]) == [GPU]
    assert one_kind([GPU, "Other GPU", "Other GPU"]) == ["Other GPU"]
    assert one_kind([]) == []


def test_only_the_runs_on_what_most_runs_are_on_are_kept():
    runs = read_runs([synthetic_table()])[:5]
    mixed = [replace(run, hardware=name) for run, name in zip(runs, [GPU, AMD, INTEL, GPU, INTEL], strict=True)]
    assert of_one_kind(mixed) == [mixed[1], mixed[2], mixed[4]]
