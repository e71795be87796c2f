"""A run in training: its request, and the objects that its steps need."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer

from foretune.finetuning.adapters import Adapted
from foretune.finetuning.data import TokenizedSplits
from foretune.finetuning.memory import Splitting
from foretune.finetuning.optim import PeakRates, Plan
from foretune.types import Status, Trial


class StoppedError(Exception):
    """A run ended early for a reason that belongs into its report.

    Attributes:
        status: how it ended.
    """

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class RunRequest:
    """The checked request of `finetune`; by default a run that leaves no files.

    Attributes:
        trial: configuration and fidelity.
        data: tokenized splits.
        model: folder or hub name.
        device: where to train.
        directory: of this run alone.
        seed: of initial values, dropout and data order.
        test: also score the test split.
        timeout_seconds: given for this call.
        deadline: when it ends, on the clock of `time.perf_counter`.
        keep_state: save resume state and best adapter.
        seconds: the clock that slices are timed by.
        fingerprint: see `provenance.fingerprint`.
        stop: whether the run is to end before its next step.
        memory_bytes: of the device that steps are planned with at most.
        begins_with: folder of the adapter that the run begins with, where it goes on from another.
    """

    trial: Trial
    data: TokenizedSplits
    model: str
    device: str
    directory: Path = Path()
    seed: int = 0
    test: bool = False
    timeout_seconds: float = math.inf
    deadline: float = math.inf
    keep_state: bool = False
    seconds: Callable[[], float] = time.perf_counter
    fingerprint: Mapping[str, Any] = field(default_factory=dict[str, Any])
    stop: Callable[[], bool] = lambda: False
    memory_bytes: float = math.inf
    begins_with: Path | None = None


@dataclass(frozen=True)
class TrainingRun:
    """A model in training.

    Attributes:
        recorded: leaves the gradients of the batch of some rows with the parameters, and returns its mean loss; None
            where steps are not recorded, see `foretune.finetuning.recorded`.
    """

    request: RunRequest
    adapted: Adapted
    optimizer: Optimizer
    rates: PeakRates
    plan: Plan
    selection: str
    lengths: np.ndarray
    completions: np.ndarray
    batch_size: int
    worst_loss: float
    splitting: Splitting = field(default_factory=Splitting)
    recorded: Callable[[np.ndarray], torch.Tensor] | None = None

    @property
    def model(self) -> nn.Module:
        """The model that computes logits."""
        return self.adapted.model
