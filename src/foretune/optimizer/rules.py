"""Rules that practitioners go by, as searches of a single run: what a search that learns has to beat.

| name | learning rate | rank, alpha | epochs | source |
| --- | --- | --- | --- | --- |
| `rule:unsloth` | 2e-4 | 16, 16 | 3 | Unsloth's notebooks; Axolotl, LitGPT and Predibase are close to it |
| `rule:tinker` | 5e-4 (2000 / width)^P, by the square root of the batch | 32, 32 | 100 steps or more | `get_lr` of Tinker's cookbook |
| `rule:llama-factory` | 1e-4 | 8, 16 | 3 | the examples of LLaMA-Factory |
| `rule:auto-epochs` | 2e-4 | 16, 16 | 4, 2 or 1 by rows | "auto" of hosted services, which hide their rates |
| `rule:constant` | 3e-4 | 64, 32 | 3 | the best constant on Tinker's published sweep |

P is 0.0775 for a Qwen and 0.781 for all others; Tinker states it for Llama and Qwen, at batches of 128. Batches are of
8 rows. Where only recorded runs can be had, a rule takes the run that is most like what it says.
"""  # noqa: E501

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial

from foretune.errors import ConfigurationError
from foretune.optimizer.baselines import Ordered
from foretune.optimizer.registry import Search
from foretune.types import Configuration, Task, Value

BATCH = 8
_LORA = {"method": "lora", "dropout": 0.0, "target_modules": "all", "optimizer": "adamw", "batch_size": BATCH}
_TINKER_BATCH, _TINKER_STEPS = 128, 100
_QWEN, _LLAMA = 0.0775, 0.781


def _unsloth(task: Task) -> Mapping[str, Value]:
    """2e-4 at rank 16, three epochs."""
    del task
    adapter = {"rank": 16, "alpha_over_rank": 1.0, "learning_rate": 2e-4, "epochs": 3}
    return {**_LORA, **adapter, "schedule": "linear", "warmup": 0.03, "weight_decay": 0.01}


def _llama_factory(task: Task) -> Mapping[str, Value]:
    """1e-4 at rank 8, three epochs."""
    del task
    adapter = {"rank": 8, "alpha_over_rank": 2.0, "learning_rate": 1e-4, "epochs": 3}
    return {**_LORA, **adapter, "schedule": "cosine", "warmup": 0.1, "weight_decay": 0.0}


def _tinker(task: Task) -> Mapping[str, Value]:
    """A rate by width and family, and epochs enough for 100 steps.

    Raises:
        ConfigurationError: the task does not say how wide its base model is.
    """
    if "model_log_width" not in task.meta_features:
        raise ConfigurationError(f"rule:tinker needs the width of the base model, which {task.id!r} does not tell")
    power = _QWEN if "qwen" in task.model.lower() else _LLAMA
    rate = 5e-4 * (2000 / 10 ** task.meta_features["model_log_width"]) ** power * math.sqrt(BATCH / _TINKER_BATCH)
    epochs = math.ceil(_TINKER_STEPS * BATCH / _rows(task))
    adapter = {"rank": 32, "alpha_over_rank": 1.0, "learning_rate": float(f"{rate:.2g}"), "epochs": epochs}
    return {**_LORA, **adapter, "schedule": "linear", "warmup": 0.0, "weight_decay": 0.0}


def _auto_epochs(task: Task) -> Mapping[str, Value]:
    """Fewer epochs of more rows."""
    rows = _rows(task)
    return {**_unsloth(task), "epochs": 4 if rows < 1_000 else 2 if rows <= 10_000 else 1}


def _constant(task: Task) -> Mapping[str, Value]:
    """3e-4 at the largest rank of the shipped search spaces."""
    del task
    adapter = {"rank": 64, "alpha_over_rank": 0.5, "learning_rate": 3e-4, "epochs": 3}
    return {**_LORA, **adapter, "schedule": "linear", "warmup": 0.0, "weight_decay": 0.0}


_VALUES: Mapping[str, Callable[[Task], Mapping[str, Value]]] = {
    "unsloth": _unsloth,
    "llama-factory": _llama_factory,
    "tinker": _tinker,
    "auto-epochs": _auto_epochs,
    "constant": _constant,
}


def rule_configuration(name: str, task: Task) -> Configuration:
    """All that the rule of that name finetunes a task with."""
    return Configuration(_VALUES[name](task))


def _by_rule(name: str, search: Search) -> Ordered:
    return Ordered(search.task, [search.realized(rule_configuration(name, search.task))], cost=search.cost)


unsloth, llama_factory, tinker, auto_epochs, constant = (partial(_by_rule, name) for name in _VALUES)
"""Searches of one run, in the order of the rules."""


def _rows(task: Task) -> int:
    if task.rows is None:
        raise ConfigurationError(f"this rule goes by the number of training rows, which {task.id!r} does not tell")
    return task.rows
