"""A search that goes on from its best run, from the command to the recipe that repeats it."""

import json

import pytest
import yaml

import foretune.cli
import foretune.tuner
from foretune.journal import append_entry, read_journal
from foretune.learn import meta_dataset_of_search
from foretune.report.run_report import read_run_report
from foretune.run import load_run
from foretune.types import CONTINUES

ROWS = [{"prompt": f"What comes after {number}?", "completion": str(number + 1)} for number in range(40)]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    file = tmp_path_factory.mktemp("data") / "counting.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return file


def run(*arguments):
    with pytest.raises(SystemExit) as stop:
        foretune.cli.app([str(argument) for argument in arguments])
    return stop.value.code


def tune(data, model, output, *options):
    """Two whole runs, and a slice of another between them."""
    given = ("--model", model, "--output", output, "--budget", "1h", "--max-slices", 17, "--no-average")
    return run("tune", data, *given, "--optimizer", "goes_on:GoesOn", *options)


@pytest.fixture(scope="module")
def finished(data, tiny_model, tmp_path_factory):
    output = tmp_path_factory.mktemp("runs") / "finished"
    assert tune(data, tiny_model, output) == 0
    return output


def losses(folder):
    return [report.curve.scores.tolist() for report in read_journal(folder / "journal.jsonl").history]


def test_the_best_run_goes_on_from_where_it_was(finished):
    first, *_, second = read_journal(finished / "journal.jsonl").history
    assert second.trial.configuration.values[CONTINUES] == first.trial.configuration.key
    assert second.curve.scores.max() > first.curve.scores.max()


def test_a_search_killed_before_it_goes_on_resumes_to_the_same_end(finished, data, tiny_model, tmp_path, monkeypatch):
    written = []

    def dies(path, entry):
        if len(written) == 2:
            raise KeyboardInterrupt  # the last run is trained, and nobody knows it
        written.append(entry)
        append_entry(path, entry)

    output = tmp_path / "killed"
    with monkeypatch.context() as patch:
        patch.setattr(foretune.tuner, "append_entry", dies)
        assert tune(data, tiny_model, output) == 130
    assert tune(data, tiny_model, output, "--resume") == 0
    assert losses(output) == losses(finished)


def test_the_recipe_repeats_all_runs(finished, data, tmp_path):
    written = yaml.safe_load((finished / "best.yaml").read_text())
    (before,) = written["after"]
    assert CONTINUES not in written["configuration"]
    assert before["learning_rate"] == written["configuration"]["learning_rate"]
    output = tmp_path / "again"
    assert run("finetune", data, "--config", finished / "best.yaml", "--output", output) == 0
    first, second = (trial.validation_nll for trial in read_run_report(output / "report.json").trials)
    default, _, more = losses(finished)
    assert [first, second] == [tuple(-score for score in scores) for scores in (default, more)]
    assert {path.name for path in (output / "trials").glob("*/*")} == {"run.json", "slices.jsonl"}
    for folder in (finished, output):
        found = load_run(folder)
        assert dict(found.configuration.values) == written["configuration"]
        assert [dict(one.values) for one in found.after] == [before]
        assert "2 runs, each begun with the best adapter of the run before:" in (
            (folder / "adapter" / "README.md").read_text()
        )


def test_others_learn_from_runs_that_began_with_the_base_model(finished):
    table = meta_dataset_of_search(
        finished / "journal.jsonl", finished / "trials", dataset="counting", family="sums", default={}
    )
    assert len(table.runs) == 2
