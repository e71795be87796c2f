"""What a run needs in memory: the logarithm of its peak by ridge regression on a few logarithms.

The columns say what has to be kept at once: tokens of a batch times width and depth (activations), its completion
tokens times the vocabulary (logits), the parameters of the base model, and the encoded configuration. The recorded peak
is that of the process on a CPU, of the device on a GPU; what is learned from one says nothing about the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from foretune.space import Encoder
from foretune.surrogate.examples import Run
from foretune.surrogate.inputs import encode, number
from foretune.surrogate.meta_features import read_task
from foretune.surrogate.ridge import Ridge, fit_ridge
from foretune.types import Configuration, Task

MEMORY_FEATURES = (
    "log_prompt_tokens_p90",
    "log_completion_tokens_p90",
    "model_log_vocabulary",
    "model_log_parameters",
    "model_log_width",
)
"""Meta-features that are needed beyond those of `foretune.surrogate.meta_features`."""


@dataclass(frozen=True)
class LinearMemory:
    """A fitted memory surrogate; see `MemorySurrogate`."""

    encoder: Encoder
    regression: Ridge

    def predict(self, task: Task, configurations: Sequence[Configuration]) -> Float[np.ndarray, " n"]:
        """Bytes (N,) at the peak of a run."""
        return np.exp(self.regression(memory_rows(self.encoder, task, configurations))[:, 0])


def memory_rows(encoder: Encoder, task: Task, configurations: Sequence[Configuration]) -> Float[np.ndarray, "n D"]:
    """The columns, before standardization."""
    prompt, completion, vocabulary, parameters, width = (10 ** task.meta_features[name] for name in MEMORY_FEATURES)
    facts = read_task(task)
    batch = np.minimum(number(configurations, "batch_size"), facts.rows)
    fixed = np.ones(len(batch))
    work = [
        batch * (prompt + completion) * width * max(facts.layers, 1.0),
        batch * completion * vocabulary,
        parameters * fixed,
    ]
    return np.hstack([np.log(np.column_stack(work)), encode(encoder, task, configurations)])


def fit_memory(runs: Sequence[Run], encoder: Encoder) -> LinearMemory | None:
    """From the runs whose peak was recorded; None where there are none, or their tasks lack a meta-feature."""
    known = _known(runs)
    if not known:
        return None
    rows = np.vstack([memory_rows(encoder, run.task, [run.configuration]) for run in known])
    return LinearMemory(encoder, fit_ridge(rows, np.log(_peaks(known))[:, None]))


def memory_errors(memory: LinearMemory, runs: Sequence[Run]) -> Float[np.ndarray, " r"]:
    """Log of recorded over predicted bytes, one number a run whose peak was recorded."""
    known = _known(runs)
    predicted = [memory.predict(run.task, [run.configuration])[0] for run in known]
    return np.log(_peaks(known) / np.array(predicted))


def _peaks(runs: Sequence[Run]) -> Float[np.ndarray, " r"]:
    return np.array([float(run.peak_memory_bytes or 0) for run in runs])


def _known(runs: Sequence[Run]) -> list[Run]:
    return [
        run for run in runs if run.peak_memory_bytes and all(name in run.task.meta_features for name in MEMORY_FEATURES)
    ]
