"""The quantities of a task that the surrogates compute with, read back from its meta-features in one place."""

from __future__ import annotations

from dataclasses import dataclass

from foretune.errors import SurrogateError
from foretune.types import Task

NEEDED = (
    "zero_shot_nll",
    "log_train_rows",
    "log_train_tokens",
    "log_validation_tokens",
    "model_log_width",
    "model_log_parameters",
)
"""What foretune describes every task by."""


@dataclass(frozen=True)
class TaskFacts:
    """A task in plain units.

    Attributes:
        zero_shot_nll: validation loss of the untrained model, nats per completion token.
        rows: training rows.
        tokens: of one pass over the training rows.
        validation_tokens: of one evaluation.
        hidden_size: width of the base model.
        parameters: of the base model's matrices, embeddings left out.
        layers: of the base model; 0 where a table does not know them.
    """

    zero_shot_nll: float
    rows: float
    tokens: float
    validation_tokens: float
    hidden_size: int
    parameters: float
    layers: float = 0.0


def has_facts(task: Task) -> bool:
    """Whether `read_task` would find them all."""
    return all(name in task.meta_features for name in NEEDED)


def read_task(task: Task) -> TaskFacts:
    """The facts; a `SurrogateError` names those that the task does not carry."""
    features = task.meta_features
    missing = [name for name in NEEDED if name not in features]
    if missing:
        raise SurrogateError(
            f"task {task.id!r} lacks the meta-features {', '.join(missing)}, which the surrogates compute with; "
            "describe it with `foretune.finetuning.task.describe_task`"
        )
    if features["zero_shot_nll"] <= 0:
        raise SurrogateError(
            f"task {task.id!r} has a zero-shot loss of {features['zero_shot_nll']}: there is nothing to improve"
        )
    return TaskFacts(
        zero_shot_nll=features["zero_shot_nll"],
        rows=10 ** features["log_train_rows"],
        tokens=10 ** features["log_train_tokens"],
        validation_tokens=10 ** features["log_validation_tokens"],
        hidden_size=round(10 ** features["model_log_width"]),
        parameters=10 ** features["model_log_parameters"],
        layers=features.get("model_depth", 0.0),
    )
