"""What a page knows of a run, from a folder in any state."""

import json
import shutil
from dataclasses import replace

import pytest
from finished_folder import HEADER, write_folder, write_run
from finished_search import ENTRIES, IA3, LORA, an_entry

from foretune.errors import JournalError
from foretune.journal import append_entry, create_journal
from foretune.report.page.record import State, home_of, read_record


def test_a_search_that_has_ended(report, tmp_path):
    record = read_record(write_folder(tmp_path, report))
    assert (record.state, record.ended, record.untouched) == (State.FINISHED, True, 4.0)
    assert record.report == report
    files = dict(record.files)
    assert [(key, len(one.slices), one.seconds("train_seconds")) for key, one in files.items()] == [
        (LORA.key, 2, 3.0),
        (IA3.key, 1, 1.5),
    ]


def test_configurations_are_in_the_order_in_which_they_began(report, tmp_path):
    lora, ia3 = report.trials
    shuffled = replace(report, trials=(replace(ia3, spent_seconds=()), replace(lora, spent_seconds=(3.0, 4.0))))
    record = read_record(write_folder(tmp_path, shuffled))
    assert [trial.key for trial in record.report.trials] == [LORA.key, IA3.key]


@pytest.mark.parametrize(("running", "state"), [(False, State.STOPPED), (True, State.RUNNING)])
def test_a_search_that_has_not_ended_is_what_its_journal_says(tmp_path, running, state):
    record = read_record(write_folder(tmp_path), running=running)
    assert (record.state, record.ended) == (state, False)
    report = record.report
    assert (report.data, report.model, report.seed, report.budget_seconds) == ("facts.jsonl", "foretune-tiny", 7, 20.0)
    assert (report.best_key, report.default_key, report.spent_seconds) == (LORA.key, IA3.key, 18.0)
    assert [(row.name, row.test.nll) for row in report.scores] == [("zero-shot", 4.0)]
    assert report.command == HEADER["command"]


def test_a_journal_of_an_earlier_version_is_read_too(tmp_path):
    old = {name: HEADER[name] for name in ("settings", "task", "setup_seconds", "versions")}
    record = read_record(write_folder(tmp_path, header={**old, "zero_shot": {"validation": {"nll": 4.5}}}))
    assert (record.report.scores, record.untouched) == ((), 4.5)
    assert (record.report.budget_seconds, record.report.default_key, record.report.command) == (None, "", "")


def test_a_finished_search_that_has_gone_on_keeps_its_scores_and_gets_its_new_curves(report, tmp_path):
    home = write_folder(tmp_path, report)
    append_entry(home / "journal.jsonl", an_entry(4, LORA, [2.0, 1.5, 1.25], 25.0))
    record = read_record(home)
    assert record.state is State.GONE_ON
    assert record.report.scores == report.scores
    assert record.report.trials[0].validation_nll == (2.0, 1.5, 1.25)
    assert record.report.spent_seconds == 25.0


def test_a_default_that_was_trained_for_comparison_has_two_folders(report, tmp_path):
    home = write_folder(tmp_path, report)
    write_run(home / "comparison" / IA3.key, dict(IA3.values), 4)
    record = read_record(home)
    assert [(key, len(one.slices), one.compared) for key, one in record.files] == [
        (LORA.key, 2, False),
        (IA3.key, 1, False),
        (IA3.key, 4, True),
    ]


def test_a_single_run_that_is_being_trained(tmp_path):
    create_journal(tmp_path / "begun.jsonl", HEADER)
    write_run(tmp_path, dict(LORA.values), 2)
    record = read_record(tmp_path)
    assert (record.state, record.journal, record.report.best_key) == (State.STOPPED, None, LORA.key)
    (curve,) = record.report.trials
    assert (curve.validation_nll, curve.seconds, curve.tokens) == ((2.0, 1.0), (2.0, 2.0), (100, 200))
    assert [key for key, _ in record.files] == [LORA.key]


def test_runs_that_go_on_from_each_other(tmp_path):
    create_journal(tmp_path / "begun.jsonl", HEADER)
    for configuration, slices in ((IA3, 8), (LORA, 1)):
        write_run(tmp_path / "trials" / configuration.key, dict(configuration.values), slices)
    curves = {one.key: len(one.validation_nll) for one in read_record(tmp_path).report.trials}
    assert curves == {IA3.key: 8, LORA.key: 1}


def test_a_damaged_file_of_slices_says_nothing_and_a_damaged_report_is_an_error(report, tmp_path):
    home = write_folder(tmp_path, report)
    (home / "trials" / LORA.key / "run.json").write_text("{")
    assert dict(read_record(home).files)[LORA.key].slices == ()
    (home / "report.json").write_text(json.dumps({"schema_version": 1}))
    with pytest.raises(JournalError, match=r"is not the report\.json of a search"):
        read_record(home)


def test_scores_of_the_base_model_that_are_none_are_an_error(tmp_path):
    damaged = {**HEADER, "zero_shot": {"validation": {"nll": 4.0}, "test": {"nll": 4.0}}}
    with pytest.raises(JournalError, match=r"scores of the base model in journal.jsonl are damaged .*'token_accuracy'"):
        read_record(write_folder(tmp_path, header=damaged))


def test_a_run_whose_slices_lack_something_has_no_curve_yet(tmp_path):
    create_journal(tmp_path / "begun.jsonl", HEADER)
    write_run(tmp_path, dict(LORA.values), 1)
    (tmp_path / "slices.jsonl").write_text('{"fidelity": 1}\n')
    assert read_record(tmp_path).report.trials == ()


def test_the_folder_of_a_run_is_found_from_the_demo_and_from_its_adapter(tmp_path):
    home = write_folder(tmp_path / "demo" / "search", entries=ENTRIES[:1])
    (home / "adapter").mkdir()
    assert {home_of(tmp_path / "demo"), home_of(home), home_of(home / "adapter")} == {home}
    with pytest.raises(JournalError, match="holds no run; give the folder"):
        home_of(home / "trials")
    shutil.rmtree(home)
    with pytest.raises(JournalError, match=r"there is no run at .*/search; give the folder"):
        home_of(home)
