"""A search whose finalists answer questions: by their words, and by a judge on loopback that may fail on the way."""

import shutil

import pytest
from scripted_teacher import serving

import foretune.cli
from foretune.report.run_report import read_run_report
from foretune.session import choosing


def tune(data, model, output, *options):
    """The exit code of a search: the default to its end, and two slices of another configuration."""
    arguments = ["tune", data, "--model", model, "--output", output, "--budget", "1h", "--max-slices", 10]
    method = ["--optimizer", "random", "--candidates", 4, "--no-average"]
    with pytest.raises(SystemExit) as stop:
        foretune.cli.app([str(one) for one in (*arguments, *method, *options)])
    return stop.value.code


@pytest.fixture(scope="module")
def finished(data, tiny_model, tmp_path_factory):
    """By its words; whatever the answers are, the second finalist leads."""
    output = tmp_path_factory.mktemp("runs") / "finished"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choosing, "champion", lambda count, lead: (count - 1, [lead(one, 0) for one in range(1, count)]))
        assert tune(data, tiny_model, output, "--metric", "token_f1", "--metric-rows", 5) == 0
    return output


def weights(folder):
    return (folder / "adapter" / "adapter_model.safetensors").read_bytes()


def test_the_finalist_with_the_better_answers_is_what_the_search_leaves(finished):
    report = read_run_report(finished / "report.json")
    assert (report.metric, report.questions) == ("token_f1", 5)
    assert [one.chosen for one in report.finalists] == [False, True]
    assert [row.name for row in report.scores] == ["zero-shot", "default", "best", "chosen"]
    assert [(row.test.answered.metric, row.test.answered.rows, row.test.rows) for row in report.scores] == [
        ("token_f1", 5, 8)
    ] * 4
    best, chosen = report.scores[2:]
    assert best.validation.nll < chosen.validation.nll
    (key,) = (one.key for one in report.trials if one.configuration == chosen.configuration)
    assert report.best_key == key
    assert weights(finished) == (finished / "trials" / key / "best" / "adapter_model.safetensors").read_bytes()
    assert "token F1" in (finished / "adapter" / "README.md").read_text()


def test_a_search_whose_judge_failed_ends_with_the_same_adapter_and_repays_nothing(
    finished, data, tiny_model, tmp_path, capsys
):
    def judged(output, server):
        shutil.copytree(finished, output, dirs_exist_ok=True)
        options = ("--metric", "judge", "--metric-rows", 5, "--judge", server.url, "--judge-model", "m", "--resume")
        return tune(data, tiny_model, output, *options)

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    with serving() as server:
        assert judged(whole, server) == 0
    with serving(first=["", "", "", "401"]) as before:
        assert judged(killed, before) == 2
    said = capsys.readouterr().err
    assert "refused the request" in said
    assert "to close the search without the judge, give the command with --resume --metric nll and no --judge" in said
    with serving() as after:
        assert judged(killed, after) == 0
    answered = [{key for key, outcome in one.log if outcome == "answered"} for one in (server, before, after)]
    assert len(answered[1]) > 1
    assert len(answered[2]) > 1
    assert len(answered[1] & answered[2]) == 1  # that which is asked at the beginning, to see how long it takes
    assert answered[1] | answered[2] == answered[0]
    assert weights(killed) == weights(whole)
    reports = [read_run_report(folder / "report.json") for folder in (whole, killed)]
    assert reports[0].scores == reports[1].scores
    assert reports[0].judged == reports[1].judged
    assert reports[0].judged.requests == len(answered[0]) - 1
    assert reports[0].judged.agreement.count == 5 * len(reports[0].scores)
