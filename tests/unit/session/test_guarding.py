"""A second dataset that finetuning should not harm: its rows, the rise of its loss, and adapters within a limit."""

import json
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from finished_search import IA3

import foretune.execution.finetuned
import foretune.finetuning.evaluate
from foretune.errors import ConfigurationError, DataError
from foretune.finetuning.data import Tokens, load_alone
from foretune.finetuning.evaluate import RowLosses, Scores
from foretune.report.final_scores import GuardChoice, GuardFinalist, GuardScore, Rise
from foretune.session import guarding
from foretune.session.averaging import Adapter, Part
from foretune.session.guarding import Guard, guarding_seconds, keep_within, parse_limit, read_guard
from foretune.session.options import TuneOptions
from foretune.tuner import Incumbent
from foretune.types import Configuration, LearningCurve, Report, Status, Trial


def tokens(rows, length=4):
    return Tokens(tuple(np.arange(length) for _ in range(rows)), np.full(rows, 2))


def losses(*values):
    return RowLosses(Scores(sum(values) / 10, 0.5, 0.5, 0.1, len(values)), np.array(values))


@pytest.mark.parametrize(
    ("given", "limit"), [("10%", 0.1), (" 2.5 % ", 0.025), ("0%", 0.0), (0.1, 0.1), (1, 1), (None, None)]
)
def test_a_limit_is_a_percentage_or_in_python_a_fraction(given, limit):
    assert parse_limit(given) == limit


@pytest.mark.parametrize("given", ["10", "0.1", "-5%", "ten%", "", "%", "nan%", -0.1, math.nan, math.inf])
def test_another_limit_is_refused(given):
    with pytest.raises(ConfigurationError, match=r"--guard-limit is .*, expected the rise .* such as 10%"):
        parse_limit(given)


def test_a_limit_without_a_guard_is_refused():
    with pytest.raises(ConfigurationError, match="--guard-limit needs a guard; give --guard FILE"):
        guarding.check_guard(TuneOptions.of("data.jsonl", "mine", guard_limit=0.1))
    guarding.check_guard(TuneOptions.of("data.jsonl", "mine"))


def test_a_guard_that_is_not_there_is_refused_at_once(tmp_path):
    with pytest.raises(DataError, match=r"none\.jsonl: no such file"):
        guarding.check_guard(TuneOptions.of("data.jsonl", "mine", guard=str(tmp_path / "none.jsonl")))


def test_the_guard_that_comes_with_the_package_is_small_and_readable():
    path = guarding.source_of("general")
    name, examples, notes = load_alone(path)
    assert (name, len(examples), notes) == ("general", 80, [])
    assert len({one.prompt_key for one in examples}) == 80
    assert Path(path).stat().st_size < 30_000
    assert guarding.source_of("mine.jsonl") == "mine.jsonl"


@pytest.fixture
def guard_file(tmp_path):
    path = tmp_path / "other.jsonl"
    rows = [{"prompt": f"question {number}", "completion": "x"} for number in range(300)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_rows_that_are_trained_on_are_no_guard_and_of_the_rest_some_are_scored(guard_file):
    data = load_alone(guard_file)[1]
    splits = SimpleNamespace(train=data[:60], validation=data[60:90], test=data[90:])
    asked = []
    reader = SimpleNamespace(tokens_alone=lambda examples, name: asked.append((examples, name)) or ("tokens", ["cut"]))
    options = TuneOptions.of("data.jsonl", "mine", guard=str(guard_file))
    whole, few = SimpleNamespace(validation=tokens(90)), SimpleNamespace(validation=tokens(32))
    guard, notes = read_guard(options, reader, splits, whole, whole)
    assert (guard.name, guard.tokens, asked[0][1]) == ("other", "tokens", "the guard other")
    assert notes == (
        "guard other: 90 of 300 rows are left out: the training data has their prompts, too",
        "guard other: 200 of 210 rows are scored, the same in every search",
        "cut",
    )
    assert not {one.prompt_key for one in asked[0][0]} & {one.prompt_key for one in data[:90]}
    read_guard(options, reader, splits, whole, few)  # where evaluation is slow
    assert [len(examples) for examples, _ in asked] == [200, 32]
    assert read_guard(TuneOptions.of("data.jsonl", "mine"), reader, splits, whole, whole) == (None, ())
    with pytest.raises(DataError, match="the training data has the prompts of all 300 rows; give other rows"):
        read_guard(options, reader, SimpleNamespace(train=data, validation=(), test=()), whole, whole)


def test_the_rise_and_its_error_are_of_the_same_rows(monkeypatch):
    before, after = losses(1.0, 2.0, 4.0, 3.0), losses(1.1, 2.4, 4.1, 3.4)
    monkeypatch.setattr(foretune.finetuning.evaluate, "evaluate_rows", lambda model, _: after)
    setup = SimpleNamespace(guard=Guard("other", tokens(4), before))
    score = guarding.guard_score(setup, "model")
    assert (score.name, score.rows, score.nll) == ("other", 4, pytest.approx(1.1))
    # Of a ratio of two sums over the same rows: sqrt(n / (n - 1) sum (a - R b)^2) / sum b, for R = 1.1.
    residuals = [1.1 - 1.1, 2.4 - 2.2, 4.1 - 4.4, 3.4 - 3.3]
    error = math.sqrt(4 / 3 * sum(one**2 for one in residuals)) / 10
    assert (score.rise.share, score.rise.error) == (pytest.approx(0.1), pytest.approx(error))
    assert guarding.untouched_score(setup) == GuardScore("other", 4, 1.0, 0.1)
    assert guarding.guard_score(SimpleNamespace(guard=None), "model") is None
    assert guarding.untouched_score(SimpleNamespace(guard=None)) is None


@pytest.mark.parametrize(("limit", "models"), [(None, 2), (0.1, 11)])
def test_time_is_kept_for_every_model_that_may_be_scored(limit, models):
    data = SimpleNamespace(validation=tokens(50))
    setup = SimpleNamespace(guard=Guard("other", tokens(100)), validation_seconds=3.0, data=data)
    options = TuneOptions.of("data.jsonl", "mine", guard="other.jsonl", guard_limit=limit)
    assert guarding_seconds(setup, options) == models * 6.0 + (0.0 if limit is None else 3.0)
    setup.guard = None
    assert guarding_seconds(setup, options) == 0.0


A, B, C = (
    Incumbent(Configuration({"method": "lora", "name": name}), 1, -loss)
    for name, loss in (("a", 1.0), ("b", 1.1), ("c", 1.2))
)
IA = Incumbent(IA3, 2, -0.9)
AVERAGE = (Part(A, 0.7), Part(B, 0.3))


def called(one):
    """`a`, `average`, or with a factor `0.5 a`."""
    name = one.checkpoint.configuration.values.get("name", "ia3")
    whole, factor = ("average", 1.0) if len(one.parts) > 1 else (name, 1.0)
    factor = sum(part.weight for part in one.parts) if one.parts else factor
    return whole if math.isclose(factor, 1.0) else f"{factor:g} {whole}"


@pytest.fixture
def limited(tmp_path, monkeypatch):
    """Asks a search with three LoRA runs for what it returns, given rises by name; says what was asked and written.

    A shrunk adapter has the rise of the whole times its factor, unless its own is given.
    """

    def ask(rises, *, limit=0.1, best=A, parts=(), kept=(A, B, C, IA), loss=9.0):
        asked, written = [], []

        def rise_of(_, one):
            asked.append(called(one))
            factor, _, whole = asked[-1].rpartition(" ")
            return Rise(rises.get(asked[-1], float(factor or 1) * rises.get(whole, math.nan)), 0.01)

        monkeypatch.setattr(guarding, "_rise_of", rise_of)
        monkeypatch.setattr(guarding, "write_average", lambda _, parts: written.append(parts))
        monkeypatch.setattr(guarding, "validation_loss", lambda *_, **__: loss)
        for one in kept:
            (tmp_path / "trials" / one.configuration.key / "best").mkdir(parents=True, exist_ok=True)
        curves = [(one, LearningCurve(np.array([one.score]), np.ones(1))) for one in (C, B, A)]
        history = [Report(Trial(0, one.configuration, 1), Status.OK, curve, "", 1.0) for one, curve in curves]
        options = TuneOptions.of("data.jsonl", "mine", guard="other.jsonl", guard_limit=limit)
        found = SimpleNamespace(options=options, output=tmp_path, result=SimpleNamespace(history=history))
        kept, choice = keep_within(found, Adapter(best, parts))
        assert not kept.parts or limit is None or written[-1] == kept.parts
        return kept, choice, asked

    return ask


def test_without_a_limit_the_best_is_returned_and_nothing_is_asked(limited):
    assert limited({}, limit=None, parts=AVERAGE) == (Adapter(A, AVERAGE), None, [])


@pytest.mark.parametrize(("parts", "name"), [((), "a"), (AVERAGE, "average")])
def test_the_best_is_returned_if_it_is_within_the_limit(limited, parts, name):
    kept, choice, asked = limited({name: 0.1}, parts=parts)
    assert (kept.checkpoint, kept.parts, asked) == (A, parts, [name])
    name = "average" if parts else A.configuration.key
    assert choice == GuardChoice(0.1, within=True, kept=name, finalists=(GuardFinalist(name, Rise(0.1, 0.01)),))


def test_over_the_limit_the_best_is_shrunk_as_little_as_possible(limited):
    kept, choice, asked = limited({"a": 0.24})
    assert asked[:5] == ["a", "0.5 a", "0.25 a", "0.375 a", "0.4375 a"]
    assert kept.parts == (Part(A, 0.375),)
    assert (choice.within, choice.kept) == (True, f"0.375 x {A.configuration.key}")


def test_an_average_is_shrunk_as_a_whole(limited):
    kept, choice, asked = limited({"average": 0.11}, parts=AVERAGE, loss=0.5)
    assert asked == ["average", "0.5 average", "0.75 average", "0.875 average", "0.9375 average"]
    assert kept.parts == (Part(A, 0.875 * 0.7), Part(B, 0.875 * 0.3))
    assert (choice.within, choice.kept) == (True, "0.875 x average")


def test_a_checkpoint_that_is_better_than_the_shrunk_best_is_returned(limited):
    kept, _, asked = limited({"a": 0.2, "b": 0.15, "c": 0.05}, loss=1.3)
    assert (kept.checkpoint, kept.parts, asked[5:]) == (C, (), ["b", "c"])
    kept, _, asked = limited({"a": 0.2, "b": 0.15, "c": 0.05}, loss=1.15)
    assert (kept.parts, asked[5:]) == ((Part(A, 0.5),), ["b"])


def test_if_nothing_is_within_the_limit_the_least_rise_is_returned(limited):
    rises = {"a": 0.5, "0.5 a": 0.4, "0.25 a": 0.6, "0.125 a": 0.6, "0.0625 a": 0.6, "b": 0.3, "c": 0.4}
    kept, choice, asked = limited(rises)
    assert (kept.checkpoint, kept.parts, choice.within, asked[5:]) == (B, (), False, ["b", "c"])
    kept, choice, _ = limited({**rises, "0.25 a": 0.2})
    assert (kept.parts, choice.within) == ((Part(A, 0.25),), False)


def test_the_best_of_a_kind_that_cannot_be_shrunk_leaves_that_to_the_next(limited):
    kept, _, asked = limited({"ia3": 0.2, "a": 0.2}, best=IA)
    assert asked == ["ia3", "0.5 a", "0.75 a", "0.625 a", "0.5625 a", "a", "b", "c"]
    assert kept.parts == (Part(A, 0.5),)
    kept, _, asked = limited({"ia3": 0.2, "a": 0.05}, best=IA)
    assert (kept.checkpoint, kept.parts, asked[-1]) == (A, (), "a")


def test_adapters_that_are_gone_are_not_asked(limited):
    kept, _, asked = limited({"a": 0.5, "c": 0.05}, kept=(A, C))
    assert (kept.checkpoint, asked[5:]) == (C, ["c"])


def test_a_finalist_is_read_back_as_a_user_would(monkeypatch, tmp_path):
    read = []

    def load(folder, model, **_):
        read.append((folder, model))
        return "model"

    monkeypatch.setattr(foretune.execution.finetuned, "load_finetuned", load)
    score = GuardScore("other", 4, 1.1, None, Rise(0.1, None))
    monkeypatch.setattr(guarding, "guard_score", lambda setup, model: replace(score, name=model))
    options = TuneOptions.of("data.jsonl", "mine", guard="other.jsonl", guard_limit=0.1)
    found = SimpleNamespace(options=options, output=tmp_path, setup=None)
    assert {guarding._rise_of(found, one) for one in (Adapter(A), Adapter(IA, AVERAGE))} == {Rise(0.1, None)}
    assert read == [(tmp_path / "trials" / A.configuration.key / "best", "mine"), (tmp_path / ".average", "mine")]
