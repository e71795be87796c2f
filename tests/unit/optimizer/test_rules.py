from __future__ import annotations

import json
import math
import runpy
from dataclasses import replace
from pathlib import Path

import pytest

from foretune.errors import ConfigurationError
from foretune.optimizer import OPTIMIZERS, Search
from foretune.optimizer.likeness import most_like
from foretune.types import VALIDATION_NLL, Configuration, LearningCurve, Report, Status, Task

ROOT = Path(__file__).parents[3]
TASK = Task("d@80:SmolLM2", VALIDATION_NLL, {"model_log_width": math.log10(576)}, 8, "d", 80, "SmolLM2-135M-Instruct")
DEFAULT = Configuration({"learning_rate": 1.7e-3, "epochs": 3, "batch_size": 8, "method": "lora"})


def chosen(name: str, task: Task = TASK, *pool: Configuration, only_candidates: bool = False) -> Configuration:
    search = Search(task, pool or (DEFAULT,), DEFAULT, only_candidates=only_candidates)
    trial = OPTIMIZERS[name].make(search).ask()
    assert trial is not None
    assert trial.fidelity == task.max_fidelity
    return trial.configuration


@pytest.mark.parametrize(
    ("name", "rate", "rank", "alpha", "epochs"),
    [
        ("rule:unsloth", 2e-4, 16, 16, 3),
        ("rule:llama-factory", 1e-4, 8, 16, 3),
        ("rule:constant", 3e-4, 64, 32, 3),
        ("rule:auto-epochs", 2e-4, 16, 16, 4),
        # 5e-4 (2000 / 576)^0.781 sqrt(8 / 128) = 3.3e-4, and ten batches of eight rows are an epoch of 80
        ("rule:tinker", 3.3e-4, 32, 32, 10),
    ],
)
def test_a_rule_says_what_its_source_does(name, rate, rank, alpha, epochs):
    values = chosen(name).values
    assert (values["learning_rate"], values["rank"], values["epochs"], values["batch_size"]) == (rate, rank, epochs, 8)
    assert float(values["alpha_over_rank"]) * rank == alpha


def test_a_rule_is_a_single_run():
    optimizer = OPTIMIZERS["rule:unsloth"].make(Search(TASK, (DEFAULT,), DEFAULT, only_candidates=False))
    trial = optimizer.ask()
    optimizer.tell(Report(trial, Status.OK, LearningCurve([-1.0] * 8, [1.0] * 8), seconds=8.0))
    assert optimizer.ask() is None


@pytest.mark.parametrize(("rows", "epochs"), [(999, 4), (1_000, 2), (10_000, 2), (10_001, 1)])
def test_hosted_services_read_many_rows_less_often(rows, epochs):
    assert chosen("rule:auto-epochs", replace(TASK, rows=rows)).values["epochs"] == epochs


@pytest.mark.parametrize(("rows", "epochs"), [(60, 14), (800, 1), (100_000, 1)])
def test_tinker_wants_a_hundred_steps(rows, epochs):
    assert chosen("rule:tinker", replace(TASK, rows=rows)).values["epochs"] == epochs


def test_tinkers_rate_hardly_depends_on_the_width_of_a_qwen():
    # 5e-4 (2000 / 576)^0.0775 / 4
    assert chosen("rule:tinker", replace(TASK, model="Qwen3-0.6B")).values["learning_rate"] == 1.4e-4


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("rule:tinker", {"meta_features": {}}, "width of the base model"),
        ("rule:tinker", {"rows": None}, "number of training rows"),
        ("rule:auto-epochs", {"rows": None}, "number of training rows"),
    ],
)
def test_a_rule_says_what_it_misses(name, change, said):
    with pytest.raises(ConfigurationError, match=said):
        chosen(name, replace(TASK, **change))


def test_of_recorded_runs_a_rule_takes_the_most_alike():
    far, near = (Configuration({**DEFAULT.values, "learning_rate": rate, "rank": 16}) for rate in (2e-3, 3e-4))
    assert chosen("rule:unsloth", TASK, far, near, only_candidates=True) == near


def test_what_is_most_alike():
    one, other = Configuration({"rank": 8, "method": "lora"}), Configuration({"rank": 16, "method": "dora"})
    assert most_like(Configuration({"rank": 16, "method": "lora"}), [other, one]) == one  # log 2 against a word
    assert most_like(Configuration({"rank": 32, "method": "dora"}), [one, other]) == other
    assert most_like(Configuration({"dropout": 0.0}), [Configuration({"dropout": 0.2}), one]) == Configuration(
        {"dropout": 0.2}  # a little dropout is nearer to none than a method that has no such thing
    )


def test_the_rules_are_among_the_recorded_configurations_of_the_real_llm():
    """So that a replay plays the rules themselves."""
    script = runpy.run_path(str(ROOT / "collecting" / "smollm2_v1.py"))
    collected = script["configurations"]()
    assert len({json.dumps(dict(one.values)) for one in collected}) == 24
    for name in ("rule:unsloth", "rule:tinker", "rule:llama-factory", "rule:constant"):
        assert chosen(name) in collected
