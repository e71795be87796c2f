"""Whatever a meta-dataset holds, writing and reading it changes nothing."""

import tempfile

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from foretune.metadata import MetaDataset, read_meta_dataset, write_meta_dataset
from foretune.metadata.frames import rows_to_frame
from foretune.types import Status

SLICES = 2
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
numbers = st.floats(0, 1e300)
counts = st.integers(0, 2**62)
configurations = st.fixed_dictionaries(
    {"config.method": texts},
    optional={
        "config.rank": st.integers(-(2**62), 2**62),
        "config.rate": st.floats(allow_nan=False, allow_infinity=False),
        "config.packed": st.booleans(),
        "config.ünï": texts,
    },
)
slices = st.fixed_dictionaries(
    {
        "epochs": st.just(1.0),
        "steps": st.just(3),
        "tokens": st.just(2**40),
        "validation_value": numbers,
        "validation_token_accuracy": st.floats(0, 1),
        "validation_exact_match": st.floats(0, 1),
        "test_value": st.none() | numbers,
        "train_seconds": st.floats(1e-9, 1e9),
        "evaluation_seconds": numbers,
    }
)
runs = st.fixed_dictionaries(
    {
        "status": st.sampled_from([str(status) for status in Status]),
        "message": texts,
        "parameters_trained": st.none() | counts,
        "peak_memory_bytes": st.none() | counts,
        "hardware": texts,
    }
)
tasks = st.fixed_dictionaries({"family": texts, "source": texts, "feature.a": st.floats(-1e300, 1e300)})


@st.composite
def meta_datasets(draw):
    scores = {f"zero_shot_validation_{name}": 0.5 for name in ("value", "token_accuracy", "exact_match")}
    sizes = {"n_train": 5, "n_validation": 5, "n_test": 0, "max_fidelity": SLICES, "license": ""}
    sizes |= {"model": "m", "metric": "validation_nll", "direction": "minimize", "cost_unit": "seconds"}
    task_rows = [
        {"task": f"t{at}", "dataset": f"d{at}", **one, **sizes, **scores}
        for at, one in enumerate(draw(st.lists(tasks, max_size=3)))
    ]
    run_rows, curve_rows = [], []
    for at in range(draw(st.integers(0, 4)) if task_rows else 0):
        run = draw(runs)
        fixed = {"run": f"r{at}", "task": draw(st.sampled_from(task_rows))["task"], "seed": at}
        run_rows.append({**fixed, **run, **draw(configurations), "versions": "{}", "started": "now"})
        length = SLICES if run["status"] == "ok" else draw(st.integers(0, SLICES))
        curve_rows += [{"run": f"r{at}", "fidelity": k + 1, **draw(slices)} for k in range(length)]
    frames = {"tasks": task_rows, "runs": run_rows, "curves": curve_rows}
    return MetaDataset(
        *(rows_to_frame(name, rows) for name, rows in frames.items()), draw(st.dictionaries(texts, texts))
    )


@settings(max_examples=40, deadline=None)
@given(meta_datasets())
def test_round_trip(meta):
    with tempfile.TemporaryDirectory() as folder:
        write_meta_dataset(meta, folder)
        found = read_meta_dataset(folder)
    for table in ("tasks", "runs", "curves"):
        pd.testing.assert_frame_equal(getattr(found, table), getattr(meta, table))
    assert found.provenance == meta.provenance
    assert found.configurations == meta.configurations
