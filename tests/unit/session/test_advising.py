"""Configurations before anything is trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from asked_advice import recommend, write_sums

from foretune.errors import ConfigurationError, DataError, ModelError, SurrogateError
from foretune.session.advising import RecommendRequest


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_sums(tmp_path)


def test_a_slow_model_is_scored_on_a_sample(data, monkeypatch):
    from foretune.session import advising

    monkeypatch.setattr(advising, "ZERO_SHOT_SECONDS", 1e-9)
    output = recommend(data, "--top", 1, "--candidates", 4)
    assert "on 16 of 24 validation rows" in output
    assert "standard error" in output


def test_what_is_computed_and_how_far_is_told(data):
    said: list[str] = []
    asked = RecommendRequest(str(data), "foretune-tiny", top=1, candidates=4)
    asked.advice(said.append)
    assert said[:3] == [
        "reading the data",
        "loading the model",
        "scoring the base model on the validation rows: timing a few",
    ]
    assert said[-2:] == ["scoring the base model on the validation rows: 24 of 24", "predicting 4 configurations"]


def test_surrogates_predict_the_loss_so_the_law_says_nothing_of_it(tmp_path):
    path = tmp_path / "long.jsonl"
    answer = "This answer is long, for it has more than a few words in it."
    path.write_text("".join(json.dumps({"prompt": f"{i}?", "completion": f"{answer} {i}"}) + "\n" for i in range(150)))
    advice = RecommendRequest(str(path), "foretune-tiny", top=2, candidates=4).advice()
    assert advice.facts["outlook"]["after"] is None
    assert advice.facts["outlook"]["doubled"]["middle"] < 1
    rows = advice.facts["train_rows"]
    values = advice.recommendations[0].configuration.values
    assert advice.recommendations[0].steps == -(-rows // values["batch_size"]) * values["epochs"]


def test_a_name_that_is_wrong_is_found_before_anything_is_read(data, tmp_path):
    for changes, error, message in (
        ({"space": "pefd"}, ConfigurationError, "did you mean peft"),
        ({"surrogates": tmp_path / "none"}, SurrogateError, "none"),
        ({"model": str(tmp_path / "none")}, ModelError, "none"),
        ({"data": str(tmp_path / "none.jsonl")}, DataError, "no such file or folder"),
    ):
        with pytest.raises(error, match=message):
            RecommendRequest(**{"data": str(data), "model": "foretune-tiny", **changes}).check()


def test_reasons_from_another_table_name_it():
    assert RecommendRequest("d", "m", learned_from=Path("mine"))._other_table(["mine"]) == (
        "the surrogates were not fitted on mine as it is now, where the reasons are from"
    )
    assert RecommendRequest("d", "m")._other_table(["a", "b"]) == (
        "the reasons are from a and b, the surrogates are not; give what they learned from: --learned-from"
    )
