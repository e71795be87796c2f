"""The end of a search: what is kept, what is scored again, and what is written down."""

import io
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from finished_search import IA3, LORA, scored
from rich.console import Console
from safetensors.numpy import save_file

from foretune.errors import JournalError, ModelError
from foretune.finetuning.data import TokenizedSplits, Tokens
from foretune.finetuning.weights_file import WEIGHTS, header
from foretune.report.run_report import TrialCurve
from foretune.request import DataRequest
from foretune.session import closing
from foretune.session.ground import SearchSetup
from foretune.session.options import TuneOptions
from foretune.session.recipe import write_recipe
from foretune.tuner import Budget, Incumbent
from foretune.types import VALIDATION_NLL, LearningCurve, Report, Status, Task, Trial

BEST = Incumbent(LORA, 2, -1.5)


def splits(rows):
    tokens = Tokens(tuple(np.arange(4) for _ in range(rows)), np.full(rows, 2))
    return TokenizedSplits("made up", tokens, tokens, tokens)


def a_report(configuration, losses, *, number=0, status=Status.OK):
    curve = LearningCurve(-np.array(losses, dtype=float), np.full(len(losses), 2.0))
    return Report(Trial(number, configuration, max(len(losses), 1)), status, curve, "", 2.0)


@pytest.fixture
def found(tmp_path):
    """A search whose best is LoRA after two slices of three."""

    def make(*history, incumbent=BEST, **settings):
        whole = splits(6)
        read = DataRequest("data.jsonl", today="2026-02-27")
        setup = SimpleNamespace(
            data=whole, whole=whole, default=IA3, as_read=read, task=Task("t", VALIDATION_NLL, {}, 3)
        )
        setup.executor = partial(SearchSetup.executor, setup)
        result = SimpleNamespace(history=history, incumbent=incumbent, reason="it was told to")
        asked = TuneOptions.of("data.jsonl", "mine", seed=3, **settings)
        return SimpleNamespace(options=asked, budget=Budget(60.0), output=tmp_path / "run", setup=setup, result=result)

    return make


def test_a_search_without_a_score_cannot_be_closed(found):
    with pytest.raises(JournalError, match="without a scored trial cannot be closed; resume it with a larger budget"):
        closing.close(found(incumbent=None), Console(file=io.StringIO()))


def test_the_default_that_is_the_best_is_not_scored_again(found):
    best = scored("best", 1.5, IA3, 2)
    (row,) = closing._score_default(found(), a_report(IA3, [2.0, 1.5, 1.75]), best)
    assert (row.name, row.validation, row.slices) == ("default", best.validation, 2)
    assert closing._score_default(found(), None, best) == ()
    assert closing._score_default(found(), a_report(IA3, [], status=Status.FAILED), best) == ()


def test_the_default_is_read_back_at_its_best_slice(found, monkeypatch):
    asked = []
    monkeypatch.setattr(closing, "measure_finetuned", lambda *arguments: asked.append(arguments) or "row")
    search = found()
    assert closing._score_default(search, a_report(IA3, [2.0, 1.5, 1.75]), scored("best", 1.0, LORA, 2)) == ("row",)
    assert closing._score_default(search, a_report(IA3, [2.0, 1.5, 1.75]), scored("best", 1.0, IA3, 3)) == ("row",)
    of_search = a_report(IA3, [2.0])
    search.result.history = (of_search,)
    assert closing._score_default(search, of_search, scored("best", 1.0, LORA, 2)) == ("row",)
    places = [(Path(folder).relative_to(search.output).parts[0], *others) for _, folder, _, _, *others in asked]
    assert places == [("comparison", IA3, 2, None), ("comparison", IA3, 2, None), ("trials", IA3, 1, None)]


@pytest.mark.parametrize(
    "known", [a_report(IA3, [3.0, 2.0, 1.0]), a_report(IA3, [3.0], status=Status.DIVERGED)], ids=["whole", "diverged"]
)
def test_a_default_that_has_ended_is_not_trained(found, known):
    assert closing._default_report(found(), known, Console(file=io.StringIO())) is known


@pytest.mark.parametrize(("known", "resumes_from"), [(None, 0), (a_report(IA3, [3.0]), 1)], ids=["new", "begun"])
@pytest.mark.parametrize("losses", [[3.0, 2.0, 1.0], []], ids=["trained", "failed"])
def test_another_default_is_trained_to_its_end(found, monkeypatch, known, resumes_from, losses):
    trials = []

    def evaluate(trial, _):
        trials.append(trial)
        return a_report(IA3, losses, status=Status.OK if losses else Status.FAILED)

    monkeypatch.setattr("foretune.execution.in_process.InProcess", lambda *_, **__: evaluate)
    shown, search = Console(file=io.StringIO(), width=200), found(a_report(LORA, [2.0]))
    (search.output / "trials" / IA3.key).mkdir(parents=True)
    report = closing._default_report(search, known, shown)
    assert trials == [Trial(1, IA3, 3, resumes_from)]
    assert report is known if not losses else report.curve.scores.tolist() == [-3.0, -2.0, -1.0]
    assert "was trained for comparison, 2 s outside of the budget" in shown.file.getvalue()


@pytest.mark.parametrize("earlier", [0, 1, 2])
def test_the_comparison_leaves_the_adapters_of_the_search_alone(found, monkeypatch, earlier):
    """Whether an earlier comparison was killed before, at or after the slices of the search."""
    search = found()
    of_search, after = (search.output / name / IA3.key for name in ("trials", "comparison"))
    for folder, slices in ((of_search, 1), (after, earlier)):
        (folder / "best").mkdir(parents=True)
        (folder / "best" / "weights").write_text(f"slice {slices}")
        (folder / "slices.jsonl").write_text("{}\n" * slices)
    begun_with = []

    def evaluate(_data, _model, directory, *_, **__):
        def train(trial, _):
            weights = directory / IA3.key / "best" / "weights"
            begun_with.append(weights.read_text())
            weights.write_text("slice 3")
            return a_report(IA3, [3.0, 2.0, 1.0])

        return train

    monkeypatch.setattr("foretune.execution.in_process.InProcess", evaluate)
    closing._default_report(search, a_report(IA3, [3.0]), Console(file=io.StringIO()))
    assert begun_with == [f"slice {max(earlier, 1)}"]
    assert (of_search / "best" / "weights").read_text() == "slice 1"
    assert (after / "best" / "weights").read_text() == "slice 3"


def test_the_last_report_of_a_configuration_counts(found):
    first, second = a_report(IA3, [3.0]), a_report(IA3, [3.0, 2.0], number=1)
    search = found(first, second, a_report(LORA, [1.0], number=2))
    assert closing._last_report(search, IA3) is second
    assert closing._last_report(found(), IA3) is None


def test_the_best_adapter_replaces_the_earlier_one_whole(found, monkeypatch):
    monkeypatch.setattr(closing, "complete_adapter", lambda folder, _: (folder / "card").write_text("x"))
    search = found()
    with pytest.raises(JournalError, match="best is gone; the search cannot be closed without it, so begin it again"):
        closing._keep_adapter(search, search.output / "trials" / LORA.key / "best")
    best = search.output / "trials" / LORA.key / "best"
    best.mkdir(parents=True)
    (best / "weights").write_text("new")
    for earlier in (search.output / "adapter", search.output / ".adapter.new", search.output / ".average"):
        earlier.mkdir()
        (earlier / "old").write_text("old")
    closing._keep_adapter(search, best)
    assert sorted(path.name for path in (search.output / "adapter").iterdir()) == ["card", "weights"]
    assert sorted(path.name for path in search.output.iterdir()) == ["adapter", "trials"]
    assert (best / "weights").read_text() == "new"


def test_the_recipe_has_what_was_asked_and_nothing_else(found):
    search = found(train_rows=50, columns="prompt=Q", skip_bad_rows=True)
    search.output.mkdir()
    write_recipe(search.output, search.options, search.setup, [LORA], search.result.incumbent)
    assert yaml.safe_load((search.output / "best.yaml").read_text()) == {
        "configuration": dict(LORA.values), "model": "mine", "data": "data.jsonl", "seed": 3, "train_rows": 50,
        "slices": 2, "slices_planned": 3, "validation_nll": 1.5, "today": "2026-02-27", "columns": "prompt=Q",
        "skip_bad_rows": True,
    }  # fmt: skip


def test_the_curve_of_the_default_has_what_was_trained_afterwards():
    of_search = TrialCurve(IA3.key, dict(IA3.values), "ok", "", (3.0,), (2.0,), (12.0,), (10,))
    other = TrialCurve(LORA.key, dict(LORA.values), "ok", "", (2.0,), (2.0,), (14.0,))
    curves = closing._with_default((of_search, other), a_report(IA3, [3.0, 2.5]), {IA3.key: [10, 20, 30]})
    assert curves[0] is other
    assert (curves[1].validation_nll, curves[1].seconds) == ((3.0, 2.5), (2.0, 2.0))
    assert (curves[1].spent_seconds, curves[1].tokens) == ((12.0,), (10, 20))
    (new,) = closing._with_default((), a_report(IA3, [3.0]), {})
    assert (new.spent_seconds, new.tokens) == ((), ())
    assert closing._with_default((other,), None, {}) == (other,)


def test_an_adapter_of_qlora_is_scored_on_the_base_model_in_four_bits(found, tmp_path):
    (tmp_path / "adapter_config.json").write_text("{}")
    save_file({"weight": np.zeros(1)}, tmp_path / WEIGHTS, metadata=header(four_bits=True))
    search = found(device="cpu")
    with pytest.raises(ModelError, match="qlora needs a CUDA device"):
        closing.measure_finetuned("best", tmp_path, search.setup, search.options, LORA, 1)


def test_the_scores_at_the_end_are_of_all_rows(found):
    search = found()
    search.setup.data = splits(2)
    assert closing._held_out_rows(search.setup) == 12
