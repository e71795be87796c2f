from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from synthetic_table import synthetic_table

import foretune
from foretune.metadata import read_meta_dataset
from foretune.space import Encoder, load_space
from foretune.surrogate.examples import Run, read_runs
from foretune.surrogate.judge import errors_by_model, errors_by_task, medians
from foretune.surrogate.memory import fit_memory, memory_errors
from foretune.types import Configuration

SHIPPED = Path(foretune.__file__).parent / "data" / "meta_datasets" / "foretune-tiny-v1"
ENCODER = Encoder.of(load_space("peft"))
"""Peaks are those of the shipped table: real ones are what matters here."""


@lru_cache(maxsize=1)
def runs() -> tuple[Run, ...]:
    return tuple(read_runs([read_meta_dataset(SHIPPED)]))


def test_peaks_of_an_unseen_family_are_right_within_a_fifth():
    """Most of a peak is the process, which differs between the machines of the table by more than that."""
    memory = fit_memory([run for run in runs() if run.family != "intent"], ENCODER)
    assert memory is not None
    held = [run for run in runs() if run.family == "intent"]
    assert len(held) > 50
    assert np.median(np.abs(memory_errors(memory, held))) < 0.2


def test_larger_batches_need_more():
    memory = fit_memory(runs(), ENCODER)
    assert memory is not None
    small, large = (Configuration({**runs()[0].configuration.values, "batch_size": size}) for size in (4, 32))
    few, many = memory.predict(runs()[0].task, [small, large])
    assert few < many


def test_without_recorded_peaks_there_is_nothing_to_learn():
    assert fit_memory([replace(run, peak_memory_bytes=None) for run in runs()[:9]], ENCODER) is None
    assert fit_memory(read_runs([synthetic_table()]), ENCODER) is None


def test_errors_are_measured_on_what_was_left_out():
    some = [run for run in runs() if run.family in {"intent", "extraction"}]
    parts = [sorted({run.task.id for run in some if run.family == family}) for family in ("intent", "extraction")]
    errors = errors_by_task(some, ENCODER, parts)
    assert set(errors) == {task for part in parts for task in part}
    assert set(medians(errors)) == {"cost_log_error", "memory_log_error"}


def test_base_models_are_left_out_whole():
    renamed = [replace(run, model="a" if index % 2 else "b") for index, run in enumerate(runs()[:60])]
    assert set(errors_by_model(renamed, ENCODER)) == {"a", "b"}
    assert errors_by_model(runs()[:60], ENCODER) == {}
