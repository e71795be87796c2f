"""Every invariant of a meta-dataset, each broken once; and the shipped tables, which break none."""

import json
import math
from importlib.resources import files
from pathlib import Path

import pytest

from foretune.errors import MetaDatasetError
from foretune.metadata import write_meta_dataset
from foretune.metadata.verify import CHECKS, verify

SHIPPED = sorted(
    path.parent for path in Path(str(files("foretune") / "data" / "meta_datasets")).glob("*/metadata.json")
)


@pytest.fixture
def rows(rows):
    """The small tables as they could have been measured: no two runs take equally long, and features are exact."""
    for number, row in enumerate(rows["curves"]):
        row["train_seconds"] += number / 64
    for row in rows["tasks"]:
        row["feature.log_train_rows"] = math.log10(50)
        row["feature.log_train_tokens"] = math.log10(2000)
        row["feature.model_depth"] = 3.0
    for row in rows["runs"]:
        row["config.epochs"] = 1 if row["status"] == "ok" else 2
    for row in rows["curves"]:
        row["epochs"] = row["fidelity"] / 3
        row["tokens"] = round(2000 * row["fidelity"] / 3)
    return rows


@pytest.fixture
def write(build, tmp_path):
    def make(rows):
        write_meta_dataset(build(rows), tmp_path)
        return tmp_path

    return make


def test_a_sound_table_passes_every_check(rows, write):
    passed = verify(write(rows))
    assert [one.name for one in passed][-len(CHECKS) :] == list(CHECKS)
    counts = {one.name: one.rows for one in passed}
    assert counts["complete runs trained their epochs"] == 9
    assert counts["tokens fit epochs"] == 9
    assert counts["no run is a copy of another"] == 10


def test_every_check_says_what_it_checks():
    assert all(function.__doc__ for function in CHECKS.values())
    assert len(CHECKS) == 11


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_shipped_tables_pass(folder):
    assert len(verify(folder)) == 16


def test_all_shipped_tables_were_found():
    assert len(SHIPPED) == 3


@pytest.mark.parametrize("table", ["tasks", "runs", "curves"])
def test_a_flipped_byte_is_caught(rows, write, table):
    path = write(rows) / f"{table}.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(MetaDatasetError, match=rf"{table}.parquet is not the file that metadata.json was written for"):
        verify(path.parent)


def change(table, at, **values):
    return lambda rows: rows[table][at].update(values)


def duplicate(rows):
    """The run a-1 once more, under another name and with another seed."""
    rows["runs"].append({**rows["runs"][1], "run": "a-again", "seed": 8})
    rows["curves"] += [{**row, "run": "a-again"} for row in rows["curves"] if row["run"] == "a-1"]


def shuffle(rows):
    """The slices of the first run in another order, numbered anew as if they were in order."""
    one, two, three = ({**row} for row in rows["curves"][:3])
    rows["curves"][:3] = [{**row, "fidelity": number} for number, row in enumerate((three, one, two), start=1)]


def leak(rows):
    """Test values of the first run where its best slice is, and in the one after."""
    rows["curves"][0].update({"test_value": None, "test_token_accuracy": None, "test_exact_match": None})


FAULTS = {
    "duplicated run": (
        duplicate,
        r"runs.parquet, row 11 \(run 'a-again'\): has the same values and seconds .* as 'a-1'",
    ),
    "shuffled curve": (shuffle, r"curves.parquet, row 2 \(run 'a-0'\): epochs is smaller than one slice before"),
    "standing still": (
        change("curves", 1, tokens=667),
        r"row 2 \(run 'a-0'\): tokens does not grow over the slice before; restore the order",
    ),
    "silent failure": (change("runs", 9, message=""), "is diverged without a message; say in the message why it ended"),
    "loud success": (change("runs", 0, message="ran out"), "is ok, with the message 'ran out'; empty the message"),
    "no time": (
        change("runs", 0, started="yesterday"),
        "started is 'yesterday', not a time in ISO 8601 and UTC; write",
    ),
    "local time": (change("runs", 0, started="2026-01-01T00:00:00+01:00"), "not a time in ISO 8601 and UTC"),
    "negative loss": (
        change("curves", 4, validation_value=-0.1),
        r"curves.parquet, row 5 \(run 'a-1'\): validation_value is -0.1, which the metric cannot be",
    ),
    "negative zero-shot": (
        change("tasks", 1, zero_shot_test_value=-1.0),
        "tasks.parquet, row 2 .*: zero_shot_test_value is -1.0, which the metric cannot be",
    ),
    "test leakage": (
        leak,
        r"row 3 \(run 'a-0'\): test_value is given where validation is not the best so far, and is missing elsewhere",
    ),
    "test alone": (
        change("curves", 2, validation_exact_match=None),
        "row 3 .*: test_exact_match stands without validation_exact_match; add that",
    ),
    "too few epochs": (
        change("runs", 0, **{"config.epochs": 3}),
        r"runs.parquet, row 1 \(run 'a-0'\): is ok after fewer epochs in curves.parquet than config.epochs",
    ),
    "too many epochs": (change("curves", 2, epochs=1.5), "row 1 .*: trained more epochs in curves.parquet than config"),
    "tokens": (change("curves", 2, tokens=2100), "row 1 .*: its tokens in curves.parquet are not its epochs times"),
    "rows": (change("tasks", 1, **{"feature.log_train_rows": 1.7}), "feature.log_train_rows is not log10 of n_train"),
    "zero-shot": (
        change("tasks", 1, zero_shot_validation_value=4.1),
        r"row 2 \(task 'b'\): feature.zero_shot_nll is not zero_shot_validation_value; compute the meta-features",
    ),
    "two models": (
        change("tasks", 1, **{"feature.model_depth": 4.0}),
        "feature.model_depth differs from that of an earlier task on the base model 'tiny'; give different base models",
    ),
}


@pytest.mark.parametrize(("damage", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_faults_are_named_with_table_row_and_remedy(rows, write, damage, message):
    damage(rows)
    with pytest.raises(MetaDatasetError, match=message):
        verify(write(rows))


def test_test_values_may_stand_where_validation_is_best_or_everywhere_or_at_the_end_or_nowhere(rows, write):
    for row in rows["curves"]:
        best = row["run"] == "a-0" and row["fidelity"] == 3
        end = row["run"] == "c-0" and row["fidelity"] < 3
        if best or end or row["run"].startswith("b"):
            row.update({"test_value": None, "test_token_accuracy": None, "test_exact_match": None})
    assert verify(write(rows))


def test_a_run_of_fewer_steps_than_slices_may_train_longer(rows, write):
    for row in rows["curves"][:3]:
        row.update(epochs=float(row["fidelity"]), steps=row["fidelity"], tokens=2000 * row["fidelity"])
    assert verify(write(rows))


@pytest.mark.parametrize(
    ("table", "changes"), [("tasks", {"cost_unit": "steps"}), ("runs", {"source": "a paper"})], ids=["cost", "source"]
)
def test_single_values_that_nobody_measured_here_may_be_alike(rows, write, table, changes):
    duplicate(rows)
    for row in rows[table]:
        row.update(changes)
    for row in rows["curves"]:
        if row["run"] in ("a-1", "a-again"):
            row["validation_value"] = 3.0
    assert verify(write(rows))


def test_a_time_may_be_unknown(rows, write):
    rows["runs"][0]["started"] = "unknown"
    rows["runs"][1]["started"] = ""
    assert verify(write(rows))


def test_row_counts_are_compared(rows, write):
    path = write(rows) / "metadata.json"
    header = json.loads(path.read_text())
    path.write_text(json.dumps({**header, "rows": {**header["rows"], "runs": 9}}))
    with pytest.raises(MetaDatasetError, match=r"rows is .*'runs': 9.*, the tables have .*'runs': 10.*write the"):
        verify(path.parent)
