"""Trials in this process: the quickest way, and the one where a crash of the training takes everything down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from foretune.errors import ForetuneError, OutputError
from foretune.finetuning.train import finetune
from foretune.types import LearningCurve, Report, Status, Trial

if TYPE_CHECKING:
    from foretune.finetuning.data import TokenizedSplits


@dataclass(frozen=True)
class InProcess:
    """Evaluates trials of one task right here: the `evaluate` of `tune`.

    Attributes:
        data: to train and evaluate on.
        model: name or folder of the base model.
        directory: each configuration gets a folder below it.
        seed: decides the initial adapters and the order of the data.
        device: `cpu`, `cuda`, ...
        test: whether the test split is evaluated after each slice, too.
        stop: whether a trial under way is to end before its next step.
    """

    data: TokenizedSplits
    model: str
    directory: Path
    seed: int = 0
    device: str = "cpu"
    test: bool = False
    stop: Callable[[], bool] = lambda: False

    def __call__(self, trial: Trial, timeout_seconds: float | None = None) -> Report:
        """The report of one trial; an error of it is its status, as in a worker."""
        try:
            return finetune(
                trial,
                self.data,
                self.model,
                self.directory / trial.configuration.key,
                seed=self.seed,
                device=self.device,
                test=self.test,
                timeout_seconds=timeout_seconds,
                stop=self.stop,
            )
        except OutputError:
            raise
        except ForetuneError as error:
            return Report(trial, Status.FAILED, LearningCurve(), str(error))
