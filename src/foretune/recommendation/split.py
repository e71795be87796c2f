"""How the batches of a run are computed on an accelerator: as foretune's own training would choose.

The batch size belongs to the learning rate, so it stays as it is; what is computed at once is as much as fits, see
`foretune.finetuning.memory.choose_split`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from foretune.finetuning.memory import FILLING_TOKENS, USABLE, Split, StepBytes, choose_split
from foretune.recommendation.hardware import PlannedRun, fixed_bytes, peak_memory_bytes, token_bytes

_KIND = "accelerator"


@dataclass(frozen=True)
class AtOnce:
    """What of a batch is computed at once.

    Attributes:
        rows: of the longest, as many as fit; of shorter ones more.
        batch: rows of the batch.
        checkpointing: whether activations inside layers are computed again in the backward pass.
    """

    rows: int
    batch: int
    checkpointing: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it is the whole batch, with all activations kept."""
        return self.rows == self.batch and not self.checkpointing

    def __str__(self) -> str:
        rows = "whole batch" if self.rows == self.batch else f"{self.rows} row{'s' if self.rows > 1 else ''}"
        return f"{rows}, checkpointing" if self.checkpointing else rows

    def to_trainer(self) -> dict[str, int | bool]:
        """In the words of transformers' `TrainingArguments`, TRL and LLaMA-Factory.

        These take micro-batches of one size, so it is the largest that fits of those that divide the batch.
        """
        rows = max(size for size in range(1, self.rows + 1) if self.batch % size == 0)
        return {
            "per_device_train_batch_size": rows,
            "gradient_accumulation_steps": self.batch // rows,
            "gradient_checkpointing": self.checkpointing,
        }

    def to_json(self) -> dict[str, Any]:
        """In words, and for other trainers."""
        return {"in_words": str(self), **self.to_trainer()}


def at_once(run: PlannedRun) -> AtOnce:
    """As the run is planned."""
    return AtOnce(run.rows_at_once, run.batch, run.split.checkpointing)


def fitted(run: PlannedRun, memory_bytes: float) -> PlannedRun | None:
    """The run, computed in the quickest way that fits; None if not even a row at a time does.

    Args:
        run: whose batches may be split; as it is if nothing is known of its memory.
        memory_bytes: of the accelerator.
    """
    least = peak_memory_bytes(smallest(run))
    if least is None:
        return run
    if least > memory_bytes:
        return None
    resting, growing = fixed_bytes(run)
    free = USABLE[_KIND] * (memory_bytes - resting) - growing
    plain, checkpointed = (
        StepBytes(0.0, token_bytes(replace(run, split=Split(None, again)))) for again in (False, True)
    )
    longest = int(run.workload.lengths.max())
    if checkpointed.tokens_within(free) < longest:
        return None
    split = choose_split(
        plain,
        checkpointed,
        free=free,
        whole=run.batch * longest,
        longest=longest,
        filling=FILLING_TOKENS[_KIND],
    )
    return replace(run, split=split)


def smallest(run: PlannedRun) -> PlannedRun:
    """The run in the way that takes least memory: a row at a time, with activations computed again."""
    return replace(run, split=Split(1, checkpointing=True))
