"""What the deep kernel reads: configuration, meta-features, the learning curve so far, and the fidelity asked.

Symbols (an array's shape is in brackets):

    n   questions, each about one configuration after some slice
    s   slices seen of it, f slices it is asked about, T = 8 slices of a complete run
    g   (s,) gains of the curve so far (`foretune.surrogate.gains`)
    X   (n, D) rows: five blocks side by side
        configuration | progress (5) | meta-features (F) | curve (T + 4) | fidelity (2)

The progress block is not the paper's. It says what a configuration amounts to on this task: optimizer steps, passes
over the data, learning rate against a reference that depends on the size of the base model, their product, batch size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from foretune.space import Encoder, learning_rate_reference
from foretune.surrogate.inputs import SLICES, encode, feature_vector, number
from foretune.surrogate.meta_features import read_task
from foretune.types import Configuration, Task

PROGRESS_NAMES = tuple(f"progress.log_{name}" for name in ("steps", "epochs", "rate", "path", "batch"))
CURVE_NAMES = (
    *(f"curve.gain_{k}" for k in range(1, SLICES + 1)),
    *(f"curve.{name}" for name in ("seen", "last", "best", "rise")),
)
FIDELITY_NAMES = ("fidelity.asked", "fidelity.ahead")
_CLIP = 4.0


def raw_rows(
    encoder: Encoder,
    feature_names: Sequence[str],
    task: Task,
    configurations: Sequence[Configuration],
    curves: Sequence[np.ndarray],
    fidelities: Int[np.ndarray, " n"],
) -> Float[np.ndarray, "n D"]:
    """X before standardization. Each distinct configuration is encoded once.

    Args:
        encoder: of configurations.
        feature_names: meta-features, in order.
        task: that all n questions are about.
        configurations: n of them, each as often as it is asked about.
        curves: gains seen of each.
        fidelities: f of each.
    """
    distinct = list(dict.fromkeys(configurations))
    place = {configuration.key: index for index, configuration in enumerate(distinct)}
    where = np.array([place[configuration.key] for configuration in configurations], dtype=np.intp)
    seen = np.array([len(curve) for curve in curves], dtype=np.intp)
    return np.hstack(
        [
            encode(encoder, task, distinct)[where],
            progress_block(task, distinct, where, fidelities),
            np.tile(feature_vector(task, feature_names), (len(configurations), 1)),
            curve_block(curves),
            # The share of the run that is asked for, and the share of it that lies beyond the curve.
            np.column_stack([fidelities / SLICES, (fidelities - seen) / SLICES]),
        ]
    )


def progress_block(
    task: Task, distinct: Sequence[Configuration], where: Int[np.ndarray, " n"], fidelities: Int[np.ndarray, " n"]
) -> Float[np.ndarray, "n 5"]:
    """Natural logarithms, at each fidelity; row i is about `distinct[where[i]]`."""
    facts = read_task(task)
    epochs = number(distinct, "epochs")[where] * np.asarray(fidelities, dtype=np.float64) / task.max_fidelity
    batch = np.minimum(number(distinct, "batch_size"), facts.rows)[where]
    rate = number(distinct, "learning_rate")[where] / learning_rate_reference(facts.hidden_size)
    steps = np.maximum(epochs * facts.rows / batch, 0.1)
    return np.log(np.column_stack([steps, epochs, rate, rate * steps, batch]))


def curve_block(curves: Sequence[np.ndarray]) -> Float[np.ndarray, "n 12"]:
    """Gain after each slice, 0 where untrained; the share seen; last and best gain; last rise.

    An empty curve is all zeros, which is what the untrained model has gained, too.
    """
    block = np.zeros((len(curves), len(CURVE_NAMES)))
    for row, gains in zip(block, curves, strict=True):
        seen = len(gains)
        if seen:
            row[:seen] = gains
            row[SLICES:] = seen / SLICES, gains[-1], gains.max(), gains[-1] - (gains[-2] if seen > 1 else 0.0)
    return block


@dataclass(frozen=True)
class Inputs:
    """Turns questions into standardized rows.

    Attributes:
        encoder: of configurations.
        feature_names: meta-features, in order.
        center: (D,) mean of each column over the training examples.
        spread: (D,) their standard deviation; infinite where a column is constant, which blanks it on any task.
    """

    encoder: Encoder
    feature_names: tuple[str, ...]
    center: np.ndarray
    spread: np.ndarray

    @property
    def names(self) -> tuple[str, ...]:
        """What each column is."""
        features = (f"feature.{name}" for name in self.feature_names)
        return (*self.encoder.names, *PROGRESS_NAMES, *features, *CURVE_NAMES, *FIDELITY_NAMES)

    @property
    def features(self) -> slice:
        """Where the meta-features stand in a row."""
        start = len(self.encoder.names) + len(PROGRESS_NAMES)
        return slice(start, start + len(self.feature_names))

    def __call__(
        self,
        task: Task,
        configurations: Sequence[Configuration],
        curves: Sequence[np.ndarray],
        fidelities: Int[np.ndarray, " n"],
    ) -> Float[np.ndarray, "n D"]:
        """X of questions about one task; see `raw_rows`."""
        return self.standardize(raw_rows(self.encoder, self.feature_names, task, configurations, curves, fidelities))

    def standardize(self, rows: Float[np.ndarray, "n D"]) -> Float[np.ndarray, "n D"]:
        """Raw rows -> standardized; values far outside of what was learned from are clipped."""
        return np.clip((rows - self.center) / self.spread, -_CLIP, _CLIP)

    def meta_features(self, task: Task) -> Float[np.ndarray, " F"]:
        """The task's standardized meta-features."""
        raw = feature_vector(task, self.feature_names)
        return np.clip((raw - self.center[self.features]) / self.spread[self.features], -_CLIP, _CLIP)
