"""A search on a model that earlier runs say nothing of begins with what is recommended for it."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from foretune.recommendation.shape import shape_of_size
from foretune.session import ground
from foretune.session.advising import RecommendRequest
from foretune.session.demand import BaseModel, find_model
from foretune.session.first_run import first_run
from foretune.session.options import TuneOptions
from foretune.space import load_space


def model(name: str, billions: float) -> BaseModel:
    return BaseModel(name, None, shape_of_size(name, billions), billions)


def at_width(one: BaseModel):
    return load_space("peft", hidden_size=one.shape.width)


@pytest.mark.parametrize("rows", [3_000, 20_000])
def test_it_is_the_first_pick_of_recommend_where_epochs_are_as_few(rows: int, tmp_path: Path):
    for split, count in (("train", rows), ("validation", 10), ("test", 10)):
        lines = [
            json.dumps({"prompt": f"After {n} in {split}?", "completion": str(n + 1)}) + "\n" for n in range(count)
        ]
        (tmp_path / f"{split}.jsonl").write_text("".join(lines), encoding="utf-8")
    asked = RecommendRequest(str(tmp_path), "Qwen/Qwen2.5-7B", space="peft")
    picked = asked.advice().recommendations[0]
    found = find_model("Qwen/Qwen2.5-7B")
    chosen, notes = first_run(found, rows, at_width(found))
    assert chosen == picked.configuration
    assert notes == (f"the search begins with the first pick of `foretune recommend`: {picked.reason}",)


def test_of_few_rows_it_is_short_with_the_rate_for_so_few_steps():
    qwen = model("Qwen2.5-7B", 7.0)
    chosen, _ = first_run(qwen, 80, at_width(qwen))
    default = at_width(qwen).default()
    assert chosen.values["epochs"] == default.values["epochs"] == 3
    # 3e-4 at batches of 128 and 780 steps, brought to batches of 8 and 30 steps
    assert chosen.values["learning_rate"] == pytest.approx(3e-4 * math.sqrt(8 / 128) * (30 / 780) ** -0.2, rel=0.04)


def test_a_family_that_wants_lower_rates_gets_them():
    qwen, mistral = model("Qwen2.5-7B", 7.0), model("Mistral-7B-v0.3", 7.0)
    rates = [float(first_run(one, 1_000, at_width(one))[0].values["learning_rate"]) for one in (qwen, mistral)]
    assert rates[1] < 0.5 * rates[0]


@pytest.mark.parametrize(
    ("name", "billions"), [("foretune-tiny", 0.004), ("SmolLM2-135M", 0.135), ("Llama-3.1-405B", 2000)]
)
def test_where_nothing_is_published_or_more_is_known_it_is_the_default(name: str, billions: float):
    one = model(name, billions)
    assert first_run(one, 200, at_width(one)) == (at_width(one).default(), ())


def test_a_search_begins_with_it(monkeypatch: pytest.MonkeyPatch, tiny_model: Path, tmp_path: Path):
    data = tmp_path / "all.jsonl"
    rows = [json.dumps({"prompt": f"After {n}?", "completion": str(n + 1)}) + "\n" for n in range(30)]
    data.write_text("".join(rows), encoding="utf-8")
    found = find_model(str(tiny_model))
    default = at_width(found).default()
    wanted = replace(default, values={**default.values, "rank": 32})
    monkeypatch.setattr("foretune.session.first_run.first_run", lambda *_: (wanted, ("as recommended",)))
    setup = ground.prepare(TuneOptions.of(data, tiny_model, optimizer="random", candidates=2), None, timed=False)
    assert setup.default == wanted
    assert default in setup.candidates
    assert wanted not in setup.candidates
    assert "as recommended" in setup.notes
