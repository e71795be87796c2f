"""From runs that other tools recorded to a search that uses them: import, merge, fit, tune, for each kind of import."""

import numpy as np
import pytest
from foreign_logs import WITHOUT_RANKING, WRITERS, Log
from synthetic_table import RECIPE, synthetic_table

import foretune.cli
from foretune.errors import SurrogateError
from foretune.interop import import_runs
from foretune.journal import read_journal
from foretune.metadata import MetaDataset, read_meta_dataset, write_meta_dataset
from foretune.space import load_space
from foretune.surrogate.fit import fit
from foretune.surrogate.store import load_surrogates
from foretune.types import VALIDATION_NLL, Task

RATES = (1e-4, 3e-4, 1e-3)
FEATURES = {
    "zero_shot_nll": 3.0,
    "log_train_rows": 2.0,
    "log_train_tokens": 3.5,
    "log_validation_tokens": 3.0,
    "model_log_width": float(np.log10(32)),
    "model_log_parameters": 5.0,
}


def logs(slices, better=0.0):
    """Three runs, of which those with higher rates are better."""
    return [
        Log(
            f"run{at}",
            [1.0 - better - 0.125 * at * slice_ for slice_ in range(1, slices + 1)],
            [10 * slice_ for slice_ in range(1, slices + 1)],
            [2.0 + at] * slices,
            {"learning_rate": rate, "rank": 4 * (at + 1)},
        )
        for at, rate in enumerate(RATES)
    ]


def run(*arguments):
    """What a shell would get: the exit code."""
    with pytest.raises(SystemExit) as stop:
        foretune.cli.app([str(argument) for argument in arguments])
    return stop.value.code


def imported(kind, folder):
    """Two datasets, of two and of three slices, as two meta-datasets."""
    for slices, dataset in ((2, "first"), (3, "second")):
        source = folder / f"{dataset}-source"
        source.mkdir()
        paths, options = WRITERS[kind](source, logs(slices), dataset)
        write_meta_dataset(import_runs(kind, paths, options), folder / dataset)
    return folder / "first", folder / "second"


@pytest.mark.parametrize("kind", sorted(set(WRITERS) - WITHOUT_RANKING))
def test_what_was_imported_is_merged_and_fitted(kind, tmp_path):
    first, second = imported(kind, tmp_path)
    assert run("metadata", "merge", first, second, "--out", tmp_path / "both") == 0
    assert run("metadata", "verify", tmp_path / "both") == 0
    assert run("fit", tmp_path / "both", "--out", tmp_path / "surrogates") == 0
    surrogates = load_surrogates(tmp_path / "surrogates")
    assert surrogates.performance.slices == 8
    pool = load_space("peft", hidden_size=32).sample(20, np.random.default_rng(0))
    task = Task("new@100:tiny", VALIDATION_NLL, FEATURES, 8)
    predicted = surrogates.performance.on(task, pool)({})
    assert predicted.mean.shape == (20, 8)
    assert np.ptp(predicted.mean[:, -1]) > 0  # it prefers some to others
    epochs = np.array([float(one.values["epochs"]) for one in pool])
    seconds = surrogates.cost.predict(task, pool, np.ones(20, dtype=int))
    assert seconds[epochs.argmax()] > 3 * seconds[epochs.argmin()]


@pytest.mark.parametrize(("kind", "optimizer"), [("trainer-state", "transfer-in-context"), ("csv", "transfer")])
def test_a_search_goes_on_after_the_default_with_imported_runs_alone(kind, optimizer, data, tiny_model, tmp_path):
    first, second = imported(kind, tmp_path)
    assert run("fit", first, second, "--out", tmp_path / "surrogates") == 0
    arguments = ["tune", data, "--model", tiny_model, "--budget", "1h", "--max-slices", 11, "--candidates", 16]
    arguments += ["--surrogates", tmp_path / "surrogates", "--optimizer", optimizer, "--output", tmp_path / "out"]
    assert run(*arguments, "--learn-into", first) == 0
    history = read_journal(tmp_path / "out" / "journal.jsonl").history
    assert len({report.trial.configuration for report in history}) > 1
    assert {report.status for report in history} == {"ok"}
    assert (tmp_path / "out" / "adapter" / "adapter_config.json").is_file()
    assert len(read_meta_dataset(first).task_ids) == 2  # the search's own beside the import's
    assert run("fit", first, second, "--out", tmp_path / "again") == 0


def test_one_import_is_too_little_and_the_remedy_is_said(tmp_path, capfd):
    first, _ = imported("csv", tmp_path)
    assert run("fit", first, "--out", tmp_path / "surrogates") == 2
    said = " ".join(capfd.readouterr().err.split())
    assert "2 tasks" in said
    assert "foretune fit META foretune-tiny-v1 --out SURROGATES" in said
    assert not (tmp_path / "surrogates").exists()


def test_an_import_hardly_changes_what_is_predicted_of_other_tasks(tmp_path):
    first, second = imported("csv", tmp_path)
    table = synthetic_table(tasks=24)
    alone = fit([table], seed=0, kind="in-context", search=load_space("peft"), judge=False)
    both = fit(
        [table, read_meta_dataset(first), read_meta_dataset(second)],
        seed=0,
        kind="in-context",
        search=load_space("peft"),
        judge=False,
    )
    assert alone.performance.feature_names == both.performance.feature_names
    pool = load_space("peft", hidden_size=192).sample(20, np.random.default_rng(0))
    for task in map(table.task, table.task_ids):
        before, after = (one.performance.on(task, pool)({}).mean.max(axis=1) for one in (alone, both))
        assert np.abs(before - after).max() < 0.1 * np.ptp(before)
        costs = [one.cost.predict(task, pool, np.ones(20, dtype=int)) for one in (alone, both)]
        np.testing.assert_allclose(*costs)


def test_runs_of_a_table_of_our_own_are_taken_as_they_are():
    table: MetaDataset = synthetic_table()
    plain = fit([table], seed=0, kind="in-context", judge=False)
    search = fit([table], seed=0, kind="in-context", judge=False, search=load_space("peft"))
    assert plain.performance.recorded == search.performance.recorded
    np.testing.assert_array_equal(plain.performance.scenarios.values, search.performance.scenarios.values)


def test_other_kinds_learn_from_described_tasks_alone(tmp_path):
    first, second = map(read_meta_dataset, imported("csv", tmp_path))
    with pytest.raises(SurrogateError, match=r"needs tasks described by foretune.*; give --kind in-context"):
        fit([first, second], seed=0, kind="deep-kernel", search=load_space("peft"))
    found = fit([synthetic_table(), first], seed=0, kind="deep-kernel", recipe=RECIPE, search=load_space("peft"))
    assert found.card["tasks"] == sorted(synthetic_table().task_ids)
    assert "3 runs on tasks that foretune has not described are left out" in found.card["notes"]
