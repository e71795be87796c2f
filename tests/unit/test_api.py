"""The Python interface: what each function asks for, without training."""

import math
from functools import partial
from pathlib import Path

import pytest
from finished_search import IA3, LORA, scored

from foretune import api
from foretune.errors import ConfigurationError, JournalError
from foretune.report.run_report import RunReport, TrialCurve, write_run_report
from foretune.session.options import TuneOptions
from foretune.session.scoring import MetricRequest
from foretune.session.workers import RayRequest
from foretune.tuner import Budget
from foretune.types import Configuration


@pytest.fixture
def folder(tmp_path):
    """A finished run with an adapter and a report, and no weights."""
    curves = [TrialCurve(one.key, dict(one.values), "ok", "", (2.0,), (1.0,), (1.0,)) for one in (IA3, LORA)]
    report = RunReport(
        "data", "m", "random", 0, 60.0, 5.0, 1.0, "done", 8, LORA.key, IA3.key,
        (scored("zero-shot", 4.0), scored("best", 2.0, LORA, 1)), tuple(curves),
    )  # fmt: skip
    (tmp_path / "run" / "adapter").mkdir(parents=True)
    (tmp_path / "run" / "adapter" / "adapter_config.json").write_text("{}")
    write_run_report(report, tmp_path / "run" / "report.json")
    return tmp_path / "run"


def test_a_run_is_found_from_either_folder(folder, tmp_path):
    for place in (folder, folder / "adapter", str(folder)):
        run = api.load_run(place)
        assert (run.folder, run.adapter) == (folder, folder / "adapter")
        assert list(run.scores) == ["zero-shot", "best"]
        assert run.scores["best"].validation.nll == 2.0
        assert run.configuration == LORA
    with pytest.raises(JournalError, match="there is no run at"):
        api.load_run(tmp_path / "none")


def test_a_run_is_merged_into_a_folder(folder, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("foretune.session.merging.merge", lambda *given, **named: asked.append((given, named)))
    assert api.load_run(folder).merge(tmp_path / "merged", device="cpu") == tmp_path / "merged"
    assert asked == [((folder, tmp_path / "merged"), {"device": "cpu"})]


def test_a_run_has_a_page(folder, tmp_path):
    run = api.load_run(folder)
    assert run.write_page() == folder / "report.html"
    assert run.write_page(str(tmp_path / "page.html")) == tmp_path / "page.html"
    assert "It has the least validation loss of the search, 2.0000 after slice 1 of 8." in run.write_page().read_text()


def test_a_search_is_asked_for_as_on_the_command_line(folder, monkeypatch):
    asked = []
    monkeypatch.setattr("foretune.session.search.search", lambda *one, **more: asked.append((one, more)) or "found")
    monkeypatch.setattr("foretune.session.closing.close", lambda *one, **more: asked.append((one, more)))
    run = api.tune(
        Path("d.jsonl"),
        folder,
        budget="1m30s",
        seed=3,
        max_slices=9,
        surrogates=Path("s"),
        isolate=True,
        cluster="ray:h:1",
    )
    assert run.folder == folder
    (arguments, more), (closed, compared) = asked
    assert arguments[0] == TuneOptions.of("d.jsonl", "foretune-tiny", seed=3, surrogates="s", device="auto")
    assert arguments[1:3] == (Budget(90.0, 9), folder)
    assert (more, arguments[3].quiet) == (
        {
            "resume": False,
            "isolate": True,
            "workers": 1,
            "cluster": RayRequest("h:1"),
            "clock": None,
            "make": None,
            "observers": [],
        },
        True,
    )
    assert (closed[0], compared) == ("found", {"compare_default": True})


@pytest.mark.parametrize("metric", ["rouge_l", MetricRequest("rouge_l")])
def test_a_metric_is_a_name_or_a_request(folder, monkeypatch, metric):
    asked = []
    monkeypatch.setattr("foretune.session.search.search", lambda *one, **more: asked.append(one))
    monkeypatch.setattr("foretune.session.closing.close", lambda *_, **__: None)
    api.tune("d.jsonl", folder, budget=60, metric=metric)
    assert asked[0][0].metric == MetricRequest("rouge_l")


def make_nothing(search):
    """An optimizer of one's own."""


def test_an_optimizer_of_ones_own_is_named_by_where_it_is(folder, monkeypatch):
    asked = []
    monkeypatch.setattr("foretune.session.search.search", lambda *one, **more: asked.append((one, more)))
    monkeypatch.setattr("foretune.session.closing.close", lambda *_, **__: None)
    api.tune("d.jsonl", folder, budget=60, optimizer=make_nothing)
    ((settings, *_), more) = asked[0]
    assert settings.optimizer == f"{__name__}:make_nothing"
    assert more["make"] is make_nothing
    with pytest.raises(ConfigurationError, match="has no name; give a function or a class that makes an optimizer"):
        api.tune("d.jsonl", folder, budget=60, optimizer=partial(make_nothing))


def test_a_configuration_is_checked_before_it_is_trained(folder, monkeypatch):
    asked = []
    monkeypatch.setattr("foretune.session.single.finetune_once", lambda *one: asked.append(one))
    with pytest.raises(ConfigurationError, match=r"configuration: batch_size, .* missing"):
        api.finetune("d.jsonl", folder, configuration={"method": "ia3", "learning_rate": 0.1})
    from foretune.space import load_space

    default = load_space("peft").default()
    for given in (default, dict(default.values)):
        api.finetune("d.jsonl", str(folder), configuration=given, columns="prompt=Q", train_rows=5)
    for settings, (configuration,), output, console in asked:
        assert settings == TuneOptions.of("d.jsonl", "foretune-tiny", columns="prompt=Q", train_rows=5, device="auto")
        assert (configuration, output, console.quiet) == (default, folder, True)
    assert len(asked) == 2


def test_a_run_may_go_on_from_others(folder, monkeypatch):
    from foretune.space import load_space

    asked = []
    monkeypatch.setattr("foretune.session.single.finetune_once", lambda *one: asked.append(one))
    default = load_space("peft").default()
    api.finetune("d.jsonl", folder, configuration=default, after=[default, dict(default.values)])
    ((_, runs, *_),) = asked
    assert [one.without("continues") for one in runs] == [default] * 3
    assert [one.values.get("continues") for one in runs] == [None, runs[0].key, runs[1].key]


def test_a_question_has_seconds_and_a_card(monkeypatch):
    asked = []

    def check(question):
        asked.append(question)

    monkeypatch.setattr("foretune.session.advising.RecommendRequest.check", check)
    monkeypatch.setattr("foretune.session.advising.RecommendRequest.advice", lambda _: "advice")
    assert api.recommend("d.jsonl", budget="2h", hardware="h100", space=Path("s.yaml"), candidates=9) == "advice"
    assert api.recommend("d.jsonl", model=Path("m")) == "advice"
    assert api.recommend("d.jsonl", hardware="h100", price_per_hour=1.8) == "advice"
    with pytest.raises(ConfigurationError, match="none is named; add --hardware"):
        api.recommend("d.jsonl", price_per_hour=1.8)
    first, second, third = asked
    assert (first.price, third.price) == (None, 1.8)
    assert (first.seconds, first.space, first.candidates) == (7200.0, "s.yaml", 9)
    assert "h100" in first.card.name.lower()
    assert (second.seconds, second.card, second.model, second.space) == (math.inf, None, "m", None)


@pytest.mark.parametrize(("budget", "seconds"), [(90, 90.0), (0.5, 0.5), ("90", 90.0), ("1h30m", 5400.0)])
def test_a_budget_is_seconds_or_text(budget, seconds):
    assert api._seconds(budget) == seconds


@pytest.mark.parametrize("budget", [0, -3.0, "soon", float("nan")])
def test_a_budget_that_is_none(budget):
    with pytest.raises(ConfigurationError, match="is not a duration; write for instance 90s"):
        api._seconds(budget)


def test_a_run_answers_with_its_own_adapter(folder, monkeypatch):
    opened = []

    class Opened:
        def answers(self, prompts, *, max_new_tokens):
            return [f"{prompt} {max_new_tokens}" for prompt in prompts]

    def open_finetuned(*one, **more):
        opened.append((one, more))
        return Opened()

    monkeypatch.setattr("foretune.execution.finetuned.open_finetuned", open_finetuned)
    assert api.load_run(folder).answer(["a", "b"], max_new_tokens=3) == ["a 3", "b 3"]
    api.load_run(folder).open(model="moved", device="cpu")
    assert opened[1] == ((folder / "adapter",), {"model": "moved", "device": "cpu"})
    assert Configuration(dict(LORA.values)) == api.load_run(folder).configuration
