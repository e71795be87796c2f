"""Whatever `metadata import` writes, `metadata verify` accepts: over logs with all that other tools have been seen to
record, and for every kind of import."""

import math
import tempfile
from pathlib import Path

import pytest
from foreign_logs import WRITERS, Log
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foretune.errors import ForetuneError
from foretune.interop import import_runs
from foretune.interop.registry import IMPORTERS
from foretune.metadata import write_meta_dataset
from foretune.metadata.verify import verify

values = st.one_of(
    st.floats(0.01, 9.0),
    st.sampled_from([0.0, 0.5, 0.5, 1.0, math.nan, math.inf, -math.inf, 1.7976931348623157e308, 3.5e38, -1.0]),
)
seconds = st.one_of(st.floats(0.01, 100.0), st.sampled_from([1.0, 1.0, 30_000.0]))


@st.composite
def steps(draw, count):
    """Rising from 0, from 1, or by jumps; the last one at times again, as after a last evaluation."""
    first, by = draw(st.sampled_from([0, 1, 10, 100])), draw(st.sampled_from([1, 10, 100]))
    found = [first + by * place for place in range(count)]
    return [*found[:-1], found[-1] - draw(st.integers(0, by // 2))] if count > 1 else found


@st.composite
def logs(draw):
    found = []
    for number in range(draw(st.integers(1, 4))):
        count = draw(st.integers(1, 5))
        found.append(
            Log(
                f"run{number}",
                draw(st.lists(values, min_size=count, max_size=count)),
                draw(steps(count)),
                draw(st.lists(seconds, min_size=count, max_size=count)),
                {"learning_rate": draw(st.sampled_from([1e-4, 1e-3])), "rank": draw(st.sampled_from([4, 8]))}
                | draw(st.sampled_from([{}, {"epochs": 2.0}, {"method": "lora"}])),
                draw(st.sampled_from(["ok", "ok", "failed", "stopped"])),
            )
        )
    return found


def test_every_kind_of_import_has_a_writer():
    assert set(WRITERS) == set(IMPORTERS)


@pytest.mark.parametrize("kind", WRITERS)
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(logs=logs())
def test_what_was_imported_is_verified(kind, logs):
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        source.mkdir()
        paths, options = WRITERS[kind](source, logs, "data")
        try:
            meta = import_runs(kind, paths, options)
        except ForetuneError:
            return  # refused: nothing was written
        write_meta_dataset(meta, Path(folder) / "meta")
        verify(Path(folder) / "meta")
        assert len(meta.runs)
