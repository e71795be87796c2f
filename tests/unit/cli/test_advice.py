"""Recommendations in the terminal and in a file."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import yaml
from asked_advice import invoke, recommend, write_sums
from rich.console import Console
from typer.testing import CliRunner

from foretune.cli import commands
from foretune.cli.advice import check_target, export, picked, show
from foretune.errors import ConfigurationError
from foretune.recommendation import Advice, Recommendation
from foretune.recommendation.advice import Interval
from foretune.recommendation.split import AtOnce
from foretune.types import Configuration


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_sums(tmp_path)


def test_a_pick_is_exported_for_finetune_and_nothing_is_overwritten(data, tmp_path):
    from foretune.session.recipe import read_configuration

    asked = (data, "--model", "Qwen/Qwen3-8B", "--json", "--seed", 3)
    second = json.loads(recommend(*asked))["recommendations"][1]
    path = tmp_path / "pick.yaml"
    result = invoke(*asked, "--export", path, "--pick", 2)
    assert json.loads(result.stdout)["recommendations"][1] == second
    written = read_configuration(path)
    assert written["configuration"] == second["configuration"]
    assert (written["model"], written["data"], written["seed"]) == ("Qwen/Qwen3-8B", str(data), 3)
    assert f"Pick 2 is in {path}: foretune finetune {data} --config {path} --output RUN" in result.stderr
    again = CliRunner().invoke(commands, ["recommend", str(data), "--export", str(path)])
    assert isinstance(again.exception, ConfigurationError)
    assert "is there already and will not be overwritten" in str(again.exception)
    assert read_configuration(path) == written


def test_a_pick_without_a_file_is_refused(data):
    result = CliRunner().invoke(commands, ["recommend", str(data), "--pick", "2"])
    assert isinstance(result.exception, ConfigurationError)
    assert str(result.exception) == "--pick 2 is of no use without --export; give the file to write it to"


def test_a_pick_that_is_not_there_cannot_be_exported(data, tmp_path):
    path = tmp_path / "pick.yaml"
    asked = ["recommend", str(data), "--model", "gpt2", "--export", str(path), "--pick", "2"]
    result = CliRunner().invoke(commands, asked)
    assert isinstance(result.exception, ConfigurationError)
    assert "there is no pick 2 to export, 1 were recommended" in str(result.exception)
    assert not path.exists()


GIB = 2**30
LORA = Configuration({"method": "lora", "rank": 8, "learning_rate": 2e-4, "batch_size": 16, "epochs": 3, "warmup": 0.1})


def one(**more):
    known = {"score": Interval(1.234, 1.1, 1.4), "seconds": 150.0, "memory_bytes": 7.25 * GIB, "reason": "ran well"}
    return Recommendation(LORA, **{**known, **more})


def advice(*recommendations, **more):
    known = {"basis": "surrogates", "scored_by": "validation_nll", "distance": ""}
    return Advice(recommendations, **{**known, **more})


def shown(given, **options):
    console = Console(file=io.StringIO(), width=200)
    show(given, "org/m", console, **{"on_hardware": True, **options})
    return console.file.getvalue()


def test_a_pick_has_its_prediction_and_its_reason():
    text = shown(advice(one(at_once=AtOnce(4, 16, checkpointing=True)), warnings=("look [here]",)))
    assert text.startswith("note: look [here]\nFor org/m, by surrogates")
    for cell in ("validation loss", "1.23", "1.1 to 1.4", "2 min 30 s", "7.2 GiB", "4 rows, checkpointing"):
        assert cell in text
    assert (
        "1: ran well (warmup 0.1); other trainers: per_device_train_batch_size: 4, gradient_accumulation_steps: 4, "
        "gradient_checkpointing: true" in text
    )


def test_columns_of_which_nothing_is_known_are_left_out():
    text = shown(advice(one(score=None, seconds=None, memory_bytes=None), basis="rule", distance="far"))
    assert "validation loss" not in text
    assert "at once" not in text
    assert "far" not in text
    assert "Times of lora are not predicted." in text
    assert "Times need --hardware, such as rtx-4090" in shown(
        advice(one(seconds=None), basis="rule"), on_hardware=False
    )


def test_dollars_stand_beside_the_time_where_the_price_is_known():
    text = shown(advice(one(dollars=0.0123), one(dollars=12.345)))
    (heading,) = (line for line in text.splitlines() if "dollars" in line)
    assert heading.index("time") < heading.index("dollars") < heading.index("memory")
    assert " 0.012 " in text
    assert " 12.35 " in text or " 12.34 " in text
    assert "dollars" not in shown(advice(one()))


def test_how_sure_time_and_memory_are_is_said():
    within = {"four_of_five_within": {"seconds": (0.9, 1.5), "memory": (0.8, 1.25)}}
    said = "A10G, took x0.9 to x1.5 of the predicted seconds and x0.8 to x1.25 of the predicted memory."
    assert said in shown(advice(one(), basis="rule", facts=within))
    assert "Four of five" not in shown(advice(one(), basis="rule"))


def test_picks_of_one_rank_are_marked_and_explained():
    text = shown(advice(one(rank=1), one(rank=1, seconds=200.0), one(rank=3)))
    assert (
        "Earlier runs can't tell picks of the same rank (=) apart; quicker ones come first, if by a fifth or more."
        in text
    )
    assert [text.count(mark) for mark in ("1 =", "3 =")] == [2, 0]
    plain = shown(advice(one(seconds=None), one(seconds=None)), on_hardware=True)
    assert "Earlier runs can't tell picks of the same rank (=) apart." in plain


def test_guesses_are_not_in_the_order_of_their_times():
    text = shown(advice(one(), one(seconds=9.0), is_guess=True))
    assert "Earlier runs can't tell picks of the same rank (=) apart.\n" in text


def test_steps_and_what_to_expect_are_told():
    facts = {"lora_or_full": "LoRA first.", "outlook": {"in_words": ["Expect much.", "More data."]}}
    text = shown(advice(one(steps=12_500), facts=facts))
    assert "steps" in text
    assert "12,500" in text
    assert text.endswith("\nLoRA first.\nExpect much.\nMore data.\n")
    few = shown(advice(one(score=Interval(0.284, 0.0, 1.3)), scored_by="percent over the best loss"))
    assert "% over best" in few
    assert "0.28 " in few


def test_without_a_pick_the_notes_say_why():
    assert shown(advice(warnings=("all too slow",))) == (
        "note: all too slow\nNothing can be recommended for org/m as asked; the notes say why.\n"
    )


def test_what_was_measured_is_told():
    facts = {"zero_shot": {"nll": 4.0, "nll_error": None, "rows": 16, "of_rows": 24}}
    assert "zero-shot: validation loss 4.0000, on 16 of 24 validation rows\n" in shown(advice(one(), facts=facts))
    facts["zero_shot"]["nll_error"] = 0.125
    assert "4.0000, standard error 0.12, on 16" in shown(advice(one(), facts=facts, distance="near"))
    cards = [
        {"gigabytes": 24, "at_once": {"in_words": "8 rows"}, "memory_bytes": 20.0 * GIB},
        {"gigabytes": 8, "at_once": None, "memory_bytes": None},
    ]
    lines = shown(advice(one(), facts={"cards": cards})).splitlines()
    assert next(line for line in lines if "24 GB" in line).split() == [
        "│",
        "24",
        "GB",
        "│",
        "8",
        "rows",
        "│",
        "20.0",
        "GiB",
        "│",
    ]
    assert "does not fit" in next(line for line in lines if " 8 GB" in line)


def test_a_target_is_a_new_file_in_a_folder(tmp_path):
    check_target(None, 1)
    check_target(tmp_path / "new.yaml", 3)
    (tmp_path / "old.yaml").write_text("mine")
    for path, message in (
        (tmp_path / "old.yaml", "old.yaml is there already and will not be overwritten; give another file to --export"),
        (tmp_path / "no" / "new.yaml", "there is no folder .*no; make it, or give another file to --export"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            check_target(path, 1)


def test_an_export_says_how_batches_are_computed(tmp_path):
    given = advice(one(), one(at_once=AtOnce(4, 16)))
    options = {"model": "org/m", "data": "d.jsonl", "seed": 3}
    export(picked(given, 2), tmp_path / "pick.yaml", **options, hardware="h100")
    text = (tmp_path / "pick.yaml").read_text()
    assert yaml.safe_load(text) == {"configuration": dict(LORA.values), **options}
    assert text.splitlines()[-1].startswith(
        "# computed at once on h100: 4 rows; other trainers: per_device_train_batch"
    )
    export(picked(given, 1), tmp_path / "plain.yaml", **options)
    assert "#" not in (tmp_path / "plain.yaml").read_text()
    for nothing, message in (
        (advice(), "nothing was recommended"),
        (given, "there is no pick 3 to export, 2 were rec"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            picked(nothing, 3)
