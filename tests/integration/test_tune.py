"""The verbs end to end on a base model with random weights: real training, real files, a few rows."""

import itertools
import json
import math
import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest
import yaml
from rows_of_data import COUNTING

import foretune.cli
import foretune.tuner
from foretune.journal import append_entry, read_journal
from foretune.report.final_scores import Rise
from foretune.report.run_report import read_run_report
from foretune.session import averaging, closing, guarding
from foretune.session.averaging import to_average


def run(*arguments):
    """What a shell would get: the exit code."""
    with pytest.raises(SystemExit) as stop:
        foretune.cli.app([str(argument) for argument in arguments])
    return stop.value.code


def tune(data, model, output, *options, slices=10):
    return run(
        *("tune", data, "--model", model, "--output", output, "--budget", "1h", "--max-slices", slices),
        *("--optimizer", "random", "--candidates", 4, *options),
    )


@pytest.fixture(scope="module")
def finished(data, tiny_model, tmp_path_factory):
    output = tmp_path_factory.mktemp("runs") / "finished"
    assert tune(data, tiny_model, output) == 0
    return output


def fates(journal):
    return [
        (report.trial, report.status, report.curve.scores.tolist(), report.message)
        for report in read_journal(journal).history
    ]


def test_a_search_leaves_what_it_promises(finished):
    assert {path.name for path in finished.iterdir() if not path.name.startswith(".")} == {
        *("adapter", "best.yaml", "curves.png", "journal.jsonl", "report.html", "report.json", "trials"),
    }
    report = read_run_report(finished / "report.json")
    assert [row.name for row in report.scores] == ["zero-shot", "default", "best"]
    zero_shot, _, best = report.scores
    assert best.validation.nll < zero_shot.validation.nll
    assert report.reason == "all slices of the budget are trained"
    history = read_journal(finished / "journal.jsonl").history
    assert foretune.tuner.slices_trained(history) == 10


def test_the_scores_of_the_table_are_those_of_the_search(finished):
    incumbent = foretune.tuner.incumbent_of(read_journal(finished / "journal.jsonl").history)
    best = read_run_report(finished / "report.json").scores[-1]
    assert math.isclose(best.validation.nll, -incumbent.score, rel_tol=1e-4)
    assert best.slices == incumbent.fidelity
    written = yaml.safe_load((finished / "best.yaml").read_text())
    assert written["configuration"] == dict(incumbent.configuration.values)
    assert written["slices"] == incumbent.fidelity


def test_both_models_answer_for_the_page_if_asked(finished, tmp_path):
    copied = tmp_path / "copied"
    shutil.copytree(finished, copied)
    assert "holds no answers" in (copied / "report.html").read_text()
    assert run("report", copied, "--answers", 2) == 0
    report = read_run_report(copied / "report.json")
    assert [len(row.answers) for row in report.scores] == [2, 0, 2]
    page = (copied / "report.html").read_text()
    assert all(one.question in page for one in report.asked)
    assert (len(report.asked), page.count("<article")) == (2, 2)


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
def test_the_adapter_loads_with_peft(finished):
    from peft import AutoPeftModelForCausalLM

    model = AutoPeftModelForCausalLM.from_pretrained(str(finished / "adapter"))
    assert any("lora_" in name or "ia3_" in name for name, _ in model.named_parameters())


def test_only_what_may_be_needed_again_stays_on_disk(finished):
    report = read_run_report(finished / "report.json")
    folders = {path.name: {part.name for part in path.iterdir()} for path in (finished / "trials").iterdir()}
    averaged = to_average(read_journal(finished / "journal.jsonl").history)
    wanted = {report.best_key, report.default_key, *(one.configuration.key for one in averaged)}
    for trial in report.trials:
        kept = folders[trial.key]
        assert ("best" in kept) == (trial.key in wanted)
        if len(trial.validation_nll) < report.max_fidelity and trial.status == "ok":
            assert "state" in kept


@pytest.mark.parametrize(("place", "after_writing"), [(1, False), (1, True), (2, False)])
def test_a_killed_search_resumes_to_the_same_end(
    finished, data, tiny_model, tmp_path, monkeypatch, capsys, place, after_writing
):
    written = []

    def dies(path, entry):
        written.append(entry)
        if len(written) < place or after_writing:
            append_entry(path, entry)
        if len(written) == place:
            raise KeyboardInterrupt

    output = tmp_path / "killed"
    with monkeypatch.context() as patch:
        patch.setattr(foretune.tuner, "append_entry", dies)
        assert tune(data, tiny_model, output) == 130
    assert "--resume" in capsys.readouterr().err

    assert tune(data, tiny_model, output, "--resume") == 0

    assert fates(output / "journal.jsonl") == fates(finished / "journal.jsonl")
    resumed, whole = (read_run_report(folder / "report.json") for folder in (output, finished))
    assert resumed.scores == whole.scores
    assert (output / "adapter" / "adapter_model.safetensors").read_bytes() == (
        finished / "adapter" / "adapter_model.safetensors"
    ).read_bytes()


def test_a_search_that_was_killed_after_its_comparison_ends_with_its_own_best(data, tiny_model, tmp_path, monkeypatch):
    """The default is the best of the three slices of the search, and better still after them."""
    output, weights = tmp_path / "killed", tmp_path / "killed" / "adapter" / "adapter_model.safetensors"
    with monkeypatch.context() as patch:
        patch.setattr(closing, "measure_untouched", Mock(side_effect=KeyboardInterrupt))
        assert tune(data, tiny_model, output, slices=3) == 130
    before = weights.read_bytes()
    assert tune(data, tiny_model, output, "--resume", slices=3) == 0
    assert weights.read_bytes() == before
    _, default, best = read_run_report(output / "report.json").scores
    assert default.slices > 3 > best.slices
    assert default.validation.nll < best.validation.nll
    (report,) = read_journal(output / "journal.jsonl").history
    assert best.validation.nll == pytest.approx(-report.curve.scores.max(), rel=1e-4)


@pytest.fixture
def averaged(finished, data, tiny_model, tmp_path, monkeypatch):
    """The finished search, closed with an average, for every average is better than the one before."""
    scored = itertools.count(1)
    monkeypatch.setattr(averaging, "validation_loss", lambda *_, **__: -float(next(scored)))
    output = tmp_path / "averaged"
    shutil.copytree(finished, output)
    assert tune(data, tiny_model, output, "--resume") == 0
    return output


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
def test_an_average_is_one_adapter_with_the_reported_loss(averaged, finished, data, tiny_model):
    from peft import AutoPeftModelForCausalLM

    from foretune.finetuning.evaluate import evaluate
    from foretune.session.ground import prepare
    from foretune.session.options import TuneOptions

    report, single = (read_run_report(folder / "report.json") for folder in (averaged, finished))
    row = report.returned
    assert [one.name for one in report.scores] == ["zero-shot", "default", "best", "average"]
    assert report.scores[:-1] == single.scores
    best = to_average(read_journal(averaged / "journal.jsonl").history)
    assert [one.key for one in row.members] == [one.configuration.key for one in best]
    assert sum(one.weight for one in row.members) == pytest.approx(1.0)
    assert row.members[-1].weight == 0.5
    options = TuneOptions.of(data, tiny_model, optimizer="random", candidates=4)
    setup = prepare(options, read_journal(averaged / "journal.jsonl").header)
    model = AutoPeftModelForCausalLM.from_pretrained(str(averaged / "adapter"))
    loss = evaluate(model, setup.whole.test).nll
    assert loss == pytest.approx(row.test.nll, rel=1e-3)  # the table computes in bfloat16 where that is quick
    assert not (averaged / ".average").exists()
    card = (averaged / "adapter" / "README.md").read_text()
    assert f"a weighted average of the adapters of {len(best)} runs" in card
    assert yaml.safe_load((averaged / "best.yaml").read_text())["configuration"] == single.scores[-1].configuration


def test_the_rank_of_an_average_can_be_cut(averaged, data, tiny_model):
    before = json.loads((averaged / "adapter" / "adapter_config.json").read_text())["r"]
    assert tune(data, tiny_model, averaged, "--resume", "--max-rank", 3) == 0
    assert before > json.loads((averaged / "adapter" / "adapter_config.json").read_text())["r"] == 3


def test_averages_can_be_declined(averaged, finished, data, tiny_model):
    assert tune(data, tiny_model, averaged, "--resume", "--no-average") == 0
    again, single = (read_run_report(folder / "report.json") for folder in (averaged, finished))
    assert again.scores == single.scores


def test_a_finished_search_can_be_given_more(finished, data, tiny_model, tmp_path):
    longer = tmp_path / "longer"
    shutil.copytree(finished, longer)
    assert tune(data, tiny_model, longer, "--resume", slices=11) == 0
    assert fates(longer / "journal.jsonl")[:-1] == fates(finished / "journal.jsonl")


def test_one_run_of_the_best_configuration(finished, data, tmp_path, capsys):
    output = tmp_path / "run"
    assert run("finetune", data, "--config", finished / "best.yaml", "--output", output) == 0
    shown = capsys.readouterr().out
    assert "slice 8 of 8: validation loss" in shown
    assert "finetuned" in shown
    assert (output / "adapter" / "adapter_config.json").exists()
    trial = next(
        trial
        for trial in read_run_report(finished / "report.json").trials
        if trial.configuration == yaml.safe_load((finished / "best.yaml").read_text())["configuration"]
    )
    losses = [json.loads(line)["validation_nll"] for line in (output / "slices.jsonl").read_text().splitlines()]
    assert losses[: len(trial.validation_nll)] == list(trial.validation_nll)
    assert run("finetune", data, "--config", finished / "best.yaml", "--output", output) == 2
    assert "already holds a finished run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "already exists; add --resume to continue it"),
        (("--resume", "--seed", 5), "seed was 0 and is now 5); give the same arguments, or another --output"),
        (("--resume", "--candidates", 9), "candidates was 4 and is now 9"),
    ],
)
def test_two_searches_are_not_mixed(finished, data, tiny_model, capsys, options, message):
    assert tune(data, tiny_model, finished, *options) == 2
    assert message in capsys.readouterr().err.replace("\n", " ")


def test_there_must_be_a_search_to_resume(data, tiny_model, tmp_path, capsys):
    assert tune(data, tiny_model, tmp_path / "nothing", "--resume") == 2
    assert "there is no search to resume" in capsys.readouterr().err


def test_a_budget_that_loading_eats_up_says_so(data, tiny_model, tmp_path, capsys):
    code = run(
        "tune", data, "--model", tiny_model, "--output", tmp_path / "r", "--budget", "0.001s", "--optimizer", "random"
    )
    assert code == 2
    assert "give a larger --budget" in capsys.readouterr().err


def test_a_dataset_that_is_not_there(tiny_model, tmp_path, capsys):
    assert tune(tmp_path / "no.jsonl", tiny_model, tmp_path / "r") == 2
    assert capsys.readouterr().err.startswith("foretune: ")


def test_a_space_that_the_device_cannot_train_is_refused(data, tiny_model, tmp_path, capsys):
    assert tune(data, tiny_model, tmp_path / "r", "--space", "peft-and-qlora") == 2
    assert "qlora needs a CUDA device, got 'cpu'" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


def test_a_file_without_a_configuration(data, tmp_path, capsys):
    config = tmp_path / "config.yaml"
    config.write_text("learning_rate: 3\n")
    assert run("finetune", data, "--config", config, "--output", tmp_path / "r") == 2
    assert "holds no configuration" in capsys.readouterr().err


def test_trials_in_a_worker_give_the_same_scores(finished, data, tiny_model, tmp_path):
    output = tmp_path / "isolated"
    assert tune(data, tiny_model, output, "--isolate", "--no-default-comparison", slices=2) == 0
    isolated = read_journal(output / "journal.jsonl").history[0].curve.scores
    whole = read_journal(finished / "journal.jsonl").history[0].curve.scores
    assert isolated.tolist() == whole[: len(isolated)].tolist()


def test_the_demo_shows_answers_before_and_after(tiny_model, tmp_path, capsys):
    pytest.importorskip("babel", reason="the demo's dataset needs the extra 'demo'")
    output = tmp_path / "demo"
    options = ("--max-slices", 1, "--optimizer", "random", "--train-rows", 16, "--model", tiny_model)
    assert run("demo", "--output", output, *options) == 0
    shown = capsys.readouterr().out
    assert "finds the same" in shown
    for word in ("zero-shot", "best", "Questions of the test split", "base model", "in the dataset"):
        assert word in shown
    search_on, train_it = (re.search(rf"{what} +foretune (.*)", shown)[1] for what in ("search on", "train it"))
    assert run(*shlex.split(search_on), "--max-slices", 2, "--no-default-comparison") == 0
    assert "Resuming after 1 trials" in capsys.readouterr().out
    assert run(*shlex.split(train_it)) == 0
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    (stranger / "thesis.txt").write_text("years of work")
    assert run("demo", "--output", stranger, *options) == 2
    assert "is no earlier demo" in capsys.readouterr().err
    assert Path(stranger / "thesis.txt").exists()


def test_searches_leave_their_runs_to_the_next_ones(finished, data, tiny_model, tmp_path):
    from foretune.learn import learn_into, meta_dataset_of_search
    from foretune.metadata import read_meta_dataset

    team = tmp_path / "team"
    options = ("--optimizer", "default", "--learn-into", team, "--family", "sums")
    for seed in (0, 1):
        assert tune(data, tiny_model, tmp_path / str(seed), *options, "--seed", seed, slices=3) == 0
    table = read_meta_dataset(team)
    assert table.task_ids == (f"counting@24:{tiny_model.name}",)
    assert table.runs["status"].tolist() == ["stopped", "stopped"]
    assert table.runs["seed"].tolist() == [0, 1]
    assert [len(table.curve(run)) for run in table.runs["run"]] == [3, 3]
    assert table.families[table.task_ids[0]] == "sums"
    longer = meta_dataset_of_search(
        finished / "journal.jsonl",
        finished / "trials",
        dataset="counting",
        family="sums",
        default=table.default(table.task_ids[0]).values,
    )
    whole = learn_into(team, longer)
    assert len(whole.runs) == 1 + len(longer.runs), "the default's run of seed 0 was replaced by the longer one"
    other = longer.tasks.assign(zero_shot_validation_value=9.0, **{"feature.zero_shot_nll": 9.0})
    whole = learn_into(team, type(longer)(other, longer.runs, longer.curves, longer.provenance))
    assert set(whole.task_ids) == {f"counting{number}@24:{tiny_model.name}" for number in ("", "-2")}


def test_seconds_of_this_machine_are_measured_once_and_kept(data, tiny_model, tmp_path, monkeypatch, capsys):
    """Surrogates that know other hardware are told what steps take here; a resumed search is told the same."""
    output = tmp_path / "paced"
    monkeypatch.setattr("foretune.finetuning.provenance.hardware", lambda device: f"an abacus on {device}")
    arguments = ("tune", data, "--model", tiny_model, "--output", output, "--candidates", 4, "--no-default-comparison")
    assert run(*arguments, "--budget", "1h", "--max-slices", 1) == 0
    pace = read_journal(output / "journal.jsonl").header["pace"]
    assert [one["configuration"]["batch_size"] for one in pace] == [8]  # there are fewer than 32 rows
    assert pace[0]["seconds"] > 0

    def times_again(*_):
        raise AssertionError

    monkeypatch.setattr("foretune.finetuning.pace.time_training", times_again)
    assert run(*arguments, "--budget", "1h", "--max-slices", 2, "--resume") == 0
    assert len(read_journal(output / "journal.jsonl").history) == 2


def test_dear_evaluation_is_of_fewer_rows_that_a_resumed_search_scores_too(
    data, tiny_model, tmp_path, monkeypatch, capsys
):
    """Where scoring takes more than a third of a run, the search does with fewer rows, and the table with all."""
    for name, value in {"CHEAP_SECONDS": -1.0, "SHARE": 1e-9, "LEAST_ROWS": 3}.items():
        monkeypatch.setattr(f"foretune.finetuning.pace.{name}", value)
    output = tmp_path / "dear"
    assert tune(data, tiny_model, output, "--no-default-comparison", slices=1) == 0
    assert "each slice is scored on 3 of 8 validation rows" in capsys.readouterr().out
    journal = output / "journal.jsonl"
    header = read_journal(journal).header
    assert (header["validation_rows"], header["rows"]["validation"]) == (3, 3)
    assert header["zero_shot"]["validation"]["rows"] == 3
    report = read_run_report(output / "report.json")
    assert [(row.validation.rows, row.test.rows) for row in report.scores] == [(8, 8)] * len(report.scores)

    def times_again(*_):
        raise AssertionError

    monkeypatch.setattr("foretune.finetuning.pace.measure_effort", times_again)
    assert tune(data, tiny_model, output, "--no-default-comparison", "--resume", slices=2) == 0
    assert len(read_journal(journal).history) == 2
    assert tune(data, tiny_model, output, "--no-default-comparison", "--resume", "--isolate", slices=3) == 0
    reports = read_journal(journal).history
    assert [report.status for report in reports] == ["ok"] * 3


def test_cheap_evaluation_is_of_all_rows(finished):
    header = read_journal(finished / "journal.jsonl").header
    assert header["validation_rows"] is None
    assert header["rows"]["validation"] == header["zero_shot"]["validation"]["rows"] == 8
    assert header["pace"] == []


def test_a_single_run_that_was_interrupted_goes_on_with_the_rows_it_was_begun_with(
    data, tiny_model, finished, tmp_path, monkeypatch
):
    for name, value in {"CHEAP_SECONDS": -1.0, "SHARE": 1e-9, "LEAST_ROWS": 3}.items():
        monkeypatch.setattr(f"foretune.finetuning.pace.{name}", value)
    output = tmp_path / "single"
    command = ("finetune", data, "--model", tiny_model, "--config", finished / "best.yaml", "--output", output)
    with monkeypatch.context() as patch:
        patch.setattr("foretune.finetuning.checkpoint.append_slice", _interrupt)
        assert run(*command) == 130
    monkeypatch.setattr("foretune.finetuning.pace.LEAST_ROWS", 5)
    assert read_journal(output / "begun.jsonl").header["validation_rows"] == 3
    assert run(*command) == 0
    assert not (output / "begun.jsonl").exists()


def _interrupt(*_):
    raise KeyboardInterrupt


@pytest.fixture(scope="module")
def other_rows(tmp_path_factory):
    path = tmp_path_factory.mktemp("guard") / "other.jsonl"
    rows = [
        *COUNTING[:4],
        *({"prompt": f"Is {number} even?", "completion": "yes no"[3 * (number % 2) :]} for number in range(9)),
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
def test_a_guard_shows_what_the_adapter_costs(finished, data, tiny_model, tmp_path, other_rows, capsys):
    from peft import AutoPeftModelForCausalLM

    from foretune.finetuning.evaluate import evaluate
    from foretune.finetuning.model import load_model
    from foretune.session.ground import prepare
    from foretune.session.options import TuneOptions

    output = tmp_path / "guarded"
    shutil.copytree(finished, output)
    assert tune(data, tiny_model, output, "--resume", "--guard", other_rows) == 0
    report, before = (read_run_report(folder / "report.json") for folder in (output, finished))
    assert tuple(replace(row, guard=None) for row in report.scores) == before.scores
    assert report.guard is None
    options = TuneOptions.of(data, tiny_model, optimizer="random", candidates=4, guard=str(other_rows))
    tokens = prepare(options, read_journal(output / "journal.jsonl").header).guard.tokens
    assert len(tokens) == 9  # without those that are trained on
    finetuned = AutoPeftModelForCausalLM.from_pretrained(str(output / "adapter"))
    untouched, after = evaluate(load_model(tiny_model), tokens).nll, evaluate(finetuned, tokens).nll
    assert report.scores[0].guard.nll == pytest.approx(untouched, rel=1e-3)
    cost = report.returned.guard
    assert (cost.name, cost.rows, cost.nll) == ("other", 9, pytest.approx(after, rel=1e-3))
    assert cost.rise.share == pytest.approx(after / untouched - 1, abs=2e-3)
    assert cost.rise.error > 0
    for shown in (capsys.readouterr().out, (output / "adapter" / "README.md").read_text()):
        assert "Guard: other, 9 rows that were not trained on; this adapter changes the loss there by" in shown


def test_a_limit_on_the_guard_shrinks_the_adapter_also_after_a_kill(
    finished, data, tiny_model, tmp_path, other_rows, monkeypatch, capsys
):
    from foretune.finetuning.average import sum_adapters

    asked = []

    def rise_of(_, one):
        asked.append(one)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return Rise(0.5 * sum(part.weight for part in one.parts) if one.parts else 0.5, 0.01)

    monkeypatch.setattr(guarding, "_rise_of", rise_of)
    output, options = tmp_path / "limited", ("--resume", "--guard", other_rows, "--guard-limit", "10%", "--no-average")
    shutil.copytree(finished, output)
    assert tune(data, tiny_model, output, *options) == 130
    assert tune(data, tiny_model, output, *options) == 0
    assert asked[:3] == asked[3:6]  # it begins anew after the kill
    report = read_run_report(output / "report.json")
    assert [row.name for row in report.scores] == ["zero-shot", "default", "best", "guarded"]
    assert report.scores[2].configuration == dict(asked[0].checkpoint.configuration.values)
    (member,) = report.returned.members
    assert (member.weight, report.best_key, report.guard.within) == (0.1875, member.key, True)
    assert yaml.safe_load((output / "best.yaml").read_text())["configuration"] == dict(member.configuration)
    whole, again = output / "trials" / member.key / "best", tmp_path / "again"
    again.mkdir()
    sum_adapters([whole], [0.1875], again)
    weights = [folder / "adapter_model.safetensors" for folder in (output / "adapter", again)]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert (
        "The adapter that is returned has the best validation loss within the limit: 0.19 x " in capsys.readouterr().out
    )
    assert "its weights add up to 0.19, the rest is the base model" in (output / "adapter" / "README.md").read_text()


def test_a_run_of_one_configuration_is_scored_on_a_guard(finished, data, tmp_path, other_rows, capsys):
    output = tmp_path / "run"
    config = finished / "best.yaml"
    assert run("finetune", data, "--config", config, "--output", output, "--guard", other_rows) == 0
    untouched, finetuned = read_run_report(output / "report.json").scores
    assert (untouched.guard.rows, untouched.guard.rise) == (9, None)
    share = finetuned.guard.nll / untouched.guard.nll - 1
    assert finetuned.guard.rise.share == pytest.approx(share, rel=1e-5)
    assert f"changes the loss there by {share:+.1%}" in capsys.readouterr().out
