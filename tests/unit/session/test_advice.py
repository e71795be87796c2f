"""Commands that are printed can be given as they stand."""

import shlex
from dataclasses import replace
from pathlib import Path

from typer.main import get_command

from foretune.cli import commands
from foretune.session.advice import finetune_command, repeat_command, resume_command
from foretune.session.options import TuneOptions
from foretune.session.scoring import MetricRequest
from foretune.tuner import Budget

SETTINGS = TuneOptions.of(
    data="my questions.jsonl",
    model="models/mine",
    seed=3,
    optimizer="random",
    surrogates="fitted",
    train_rows=500,
    max_length=128,
    device="cuda",
)


def parsed(command):
    """What the program's own parser makes of it."""
    program, verb, *arguments = shlex.split(command)
    assert program == "foretune"
    group = get_command(commands)
    return group.commands[verb].make_context(verb, arguments).params


def test_the_command_to_search_on_names_all_that_is_not_the_default():
    given = parsed(resume_command(SETTINGS, Path("runs/one"), "360s"))
    assert given["resume"] is True
    assert (given["data"], given["output"], given["budget"]) == ("my questions.jsonl", Path("runs/one"), "360s")
    assert (given["model"], given["seed"], given["optimizer"]) == ("models/mine", 3, "random")
    assert (given["surrogates"], given["train_rows"], given["max_length"]) == (Path("fitted"), 500, 128)
    assert given["device"] == "cuda"
    assert given["candidates"] == TuneOptions.candidates
    assert given["average"] is True
    metric = MetricRequest("judge", judge="local:tiny", rubric=Path("my rubric.txt"))
    changed = replace(SETTINGS, average=False, max_rank=8, metric=metric)
    other = parsed(resume_command(changed, Path("runs/one"), "360s"))
    assert (other["average"], other["max_rank"]) == (False, 8)
    assert (other["metric"], other["judge"], other["rubric"]) == ("judge", "local:tiny", Path("my rubric.txt"))
    guarded = parsed(resume_command(replace(SETTINGS, guard="old rows.jsonl", guard_limit=0.1), Path("run"), "360s"))
    assert (guarded["guard"], guarded["guard_limit"]) == ("old rows.jsonl", "10%")


def test_the_command_that_repeats_a_search_has_its_budget_and_a_new_folder():
    given = parsed(repeat_command(SETTINGS, Path("runs/one"), Budget(90.5, 12)))
    assert (given["output"], given["budget"], given["max_slices"]) == (Path("runs/one-again"), "90.5s", 12)
    assert (given["resume"], given["seed"]) == (False, 3)
    given = parsed(repeat_command(SETTINGS, Path("runs/one"), Budget()))
    assert (given["budget"], given["max_slices"]) == ("1h", None)


def test_the_command_to_train_again_takes_the_recipe():
    given = parsed(finetune_command(SETTINGS, Path("runs/one/best.yaml"), Path("again")))
    assert (given["config"], given["output"]) == (Path("runs/one/best.yaml"), Path("again"))
    assert given["guard"] is None
    guarded = parsed(finetune_command(replace(SETTINGS, guard="old rows.jsonl"), Path("best.yaml"), Path("again")))
    assert guarded["guard"] == "old rows.jsonl"
