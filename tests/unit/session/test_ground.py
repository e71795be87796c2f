"""What a search stands on stays the same the next day."""

import gc
import json
import shutil
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
import yaml

import foretune.cli
import foretune.finetuning.train
from foretune.errors import DataError, ModelError
from foretune.execution.jobs import Job, job_from_json, job_to_json
from foretune.execution.subprocess import Worker
from foretune.execution.worker import run_job
from foretune.finetuning import base
from foretune.finetuning.evaluate import zero_shot
from foretune.finetuning.fast_layers import use_fast_layers
from foretune.finetuning.model import load_model
from foretune.finetuning.provenance import fingerprint
from foretune.journal import read_journal
from foretune.request import DataRequest, Reading
from foretune.session import ground, measuring
from foretune.session.closing import measure_untouched
from foretune.session.ground import prepare
from foretune.session.header import header_of
from foretune.session.options import TuneOptions
from foretune.session.scoring import MetricRequest
from foretune.session.workers import Team
from foretune.space import load_space
from foretune.tuner import Clock
from foretune.types import Configuration, LearningCurve, Report, Status, Trial

BEGUN = date(2026, 2, 27)


TEMPLATE = (
    "{{ 'Today is ' + strftime_now('%d %b %Y') + '.' }}"
    "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


@pytest.fixture(scope="module")
def dated_model(tiny_model, tmp_path_factory):
    """The tiny model with a template that writes the date."""
    folder = tmp_path_factory.mktemp("models") / "dated"
    shutil.copytree(tiny_model, folder)
    (folder / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    return folder


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "all.jsonl"
    rows = [{"prompt": f"After {n}?", "completion": str(n + 1)} for n in range(30)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def on(monkeypatch):
    """Moves the calendar."""

    def move(day):
        class Day(date):
            @classmethod
            def today(cls):
                return cls.fromordinal(day.toordinal())

        monkeypatch.setattr(ground, "date", Day)

    return move


def settings_of(data, model):
    return TuneOptions.of(str(data), str(model), optimizer="random", candidates=2)


def text(tokens, tokenizer):
    return tokenizer.decode(tokens.input_ids[0])


def test_a_search_that_goes_on_is_told_the_day_on_which_it_began(dated_model, data, on):
    settings = settings_of(data, dated_model)
    on(BEGUN)
    begun = prepare(settings, None)
    assert text(begun.data.train, begun.tokenizer).startswith("Today is 27 Feb 2026.<|user|>After ")
    task = {"id": begun.task.id, "meta_features": dict(begun.task.meta_features), "max_fidelity": 8}
    header = {"task": task, "zero_shot": {}, "today": begun.as_read.today}
    on(BEGUN + timedelta(days=1))
    resumed, fresh = prepare(settings, header), prepare(settings, None)
    for split in ("train", "validation", "test"):
        before, after = getattr(begun.data, split).input_ids, getattr(resumed.data, split).input_ids
        assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert text(fresh.data.train, fresh.tokenizer).startswith("Today is 28 Feb 2026.")
    prints = [fingerprint(one.data, "m", "key", 0)["data"] for one in (begun, resumed, fresh)]
    assert prints[0] == prints[1] != prints[2]


def test_a_search_that_goes_on_by_answers_refuses_raw_text_before_it_trains(dated_model, tmp_path):
    path = tmp_path / "raw.jsonl"
    path.write_text("".join(json.dumps({"text": f"Line {n}, and what is said there."}) + "\n" for n in range(30)))
    by_loss = settings_of(path, dated_model)
    header = json.loads(json.dumps(header_of(by_loss, prepare(by_loss, None, timed=False), Clock())))
    assert header["metric"] == {"name": "nll", "judge": "", "judge_model": ""}
    with pytest.raises(DataError, match="raw text asks nothing that token_f1 could score"):
        prepare(replace(by_loss, metric=MetricRequest("token_f1")), header, timed=False)


def test_a_search_that_goes_on_takes_over_what_was_measured_of_memory(dated_model, data, monkeypatch):
    settings = settings_of(data, dated_model)
    begun = prepare(settings, None, timed=False)
    header = json.loads(json.dumps(header_of(settings, begun, Clock())))
    monkeypatch.setattr(measuring, "measure_memory", lambda *_: pytest.fail("measured again"))
    resumed = prepare(settings, header)
    assert resumed.fit == begun.fit
    assert resumed.fit.memory.free_bytes > resumed.fit.memory.plain.token > 0
    tight = {**header, "memory": {**header["memory"], "free_bytes": 1.0}}
    with pytest.raises(ModelError, match=r"^nothing of the search space peft fits into the 0\.00 GiB that are free"):
        prepare(settings, tight)
    with pytest.raises(ModelError, match=r"^this configuration does not fit"):
        prepare(settings, tight, configuration=begun.default)


def test_a_search_resumes_the_next_day(dated_model, data, on, tmp_path):
    def tune(slices, *more):
        budget = ("--budget", "1h", "--max-slices", str(slices), "--optimizer", "random", "--candidates", "2")
        return run("tune", data, "--model", dated_model, "--output", tmp_path / "run", *budget, *more)

    on(BEGUN)
    assert tune(1, "--no-default-comparison") == 0
    on(BEGUN + timedelta(days=1))
    assert tune(2, "--no-default-comparison", "--resume") == 0
    journal = read_journal(tmp_path / "run" / "journal.jsonl")
    assert journal.header["today"] == "2026-02-27"
    assert [report.status for report in journal.history] == [Status.OK, Status.OK]


def test_a_run_of_one_configuration_goes_on_the_next_day(dated_model, data, on, tmp_path, monkeypatch):
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(dict(load_space("peft").default().values)), encoding="utf-8")
    seen = []

    def interrupted(settings, found, *_):
        seen.append(text(found.data.train, found.tokenizer))
        raise KeyboardInterrupt

    monkeypatch.setattr("foretune.session.single._train", interrupted)
    for days in range(2):
        on(BEGUN + timedelta(days=days))
        asked = ("finetune", data, "--config", config, "--model", dated_model, "--output")
        assert run(*asked, tmp_path / "run") == 130
        assert run(*asked, tmp_path / f"other{days}") == 130
    assert [one.partition(".")[0] for one in seen] == [f"Today is {day} Feb 2026" for day in (27, 27, 27, 28)]


def test_a_worker_reads_the_data_as_its_parent_did(dated_model, tmp_path, monkeypatch):
    given = []

    def finetune(trial, data, *_, **__):
        given.append(data)
        return Report(trial, Status.FAILED, LearningCurve(), "", 1.0)

    monkeypatch.setattr(foretune.finetuning.train, "finetune", finetune)
    turns = [{"role": role, "content": role} for role in ("user", "assistant", "user", "assistant")]
    rows = [{"chat": [{"role": "user", "content": f"{n}"}, *turns[1:]]} for n in range(30)]
    path = tmp_path / "all.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"chat": []}]), encoding="utf-8")
    job = Job(
        Trial(0, Configuration({"method": "lora"}), 1),
        str(dated_model),
        DataRequest(str(path), today=BEGUN.isoformat(), reading=Reading("messages=chat", True, True)),
        str(tmp_path / "run"),
    )
    run_job(job_from_json(json.loads(json.dumps(job_to_json(job)))))
    expected = prepare(
        TuneOptions.of(
            str(path),
            str(dated_model),
            optimizer="random",
            candidates=2,
            columns="messages=chat",
            last_turn_only=True,
            skip_bad_rows=True,
            today=BEGUN.isoformat(),
        ),
        None,
    )
    assert fingerprint(given[0], "m", "k", 0) == fingerprint(expected.data, "m", "k", 0)
    assert not given[0].train.between


def run(*arguments):
    """What a shell would get: the exit code."""
    with pytest.raises(SystemExit) as stop:
        foretune.cli.app([str(argument) for argument in arguments])
    return stop.value.code


@pytest.fixture
def readings(monkeypatch):
    """Times that the model was read from disk."""
    names = []

    def read(name, **settings):
        names.append(name)
        return load_model(name, **settings)

    monkeypatch.setattr(base, "load_model", read)
    return names


def test_the_model_is_read_once_for_measuring_it_and_for_training(tiny_model, data, tmp_path, monkeypatch, readings):
    monkeypatch.setattr("foretune.finetuning.pace.CHEAP_SECONDS", -1.0)  # so that steps are timed, too
    settings = settings_of(data, tiny_model)
    begun = prepare(settings, None)
    run = begun.executor(settings, tmp_path, Team(), stop=lambda: False)
    assert run(Trial(0, begun.default, 1), None).status is Status.OK
    assert len(readings) == 1


def models_alive():
    gc.collect()
    return {one for one in gc.get_objects() if type(one).__name__ == "Phi3ForCausalLM"}


def test_no_model_is_left_in_this_process_when_a_worker_begins(tiny_model, data, tmp_path):
    settings, before = settings_of(data, tiny_model), models_alive()
    begun = prepare(settings, None)
    assert base._held
    begun.executor(settings, tmp_path, Team([Worker()]), stop=lambda: False)
    assert not base._held
    assert not models_alive() - before


def test_the_model_is_given_up_at_the_end_whatever_it_is(tiny_model):
    def fails():
        base.fresh_model(tiny_model, device="cpu", changes_weights=False)
        assert base._held
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ground.base_model_held()(fails)()
    assert not base._held


def test_where_scoring_is_dear_the_first_trial_does_not_wait_for_the_test_split(tiny_model, data, monkeypatch):
    monkeypatch.setattr("foretune.finetuning.pace.CHEAP_SECONDS", -1.0)
    monkeypatch.setattr("foretune.finetuning.pace.SHARE", 1.0 - 1e-9)
    settings = settings_of(data, tiny_model)
    begun = prepare(settings, None)
    assert begun.as_read.validation_rows is None
    assert list(begun.zero_shot) == ["validation"]
    model = load_model(tiny_model)
    use_fast_layers(model)
    expected = zero_shot(model, begun.whole)
    row = measure_untouched(begun, settings)
    assert (row.validation.nll, row.test.nll) == (expected["validation"].nll, expected["test"].nll)
