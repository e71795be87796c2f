"""One optimizer step: its gradients, whole or in micro-batches, and the way out where memory runs out."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from foretune.finetuning.activations import can_checkpoint, checkpointed, measure, measure_checkpointed
from foretune.finetuning.batches import Batch, completion_logits, make_batch
from foretune.finetuning.memory import (
    FILLING_TOKENS,
    WHOLE,
    Shortage,
    Split,
    Splitting,
    StepBytes,
    choose_split,
    device_kind,
    finer,
    lacks_memory,
    logit_bytes,
    micro_batches,
    release_memory,
    usable_memory,
)
from foretune.finetuning.model import autocast, vocabulary_size
from foretune.finetuning.randomness import generator_states, set_generators
from foretune.finetuning.run import StoppedError, TrainingRun
from foretune.types import Status

_GRADIENT_NORM = 1.0


class TooLargeError(StoppedError, MemoryError):
    """A step does not fit into memory, however it is split."""

    def __init__(self, message: str) -> None:
        super().__init__(Status.OUT_OF_MEMORY, message)


def take_step(run: TrainingRun, rows: np.ndarray, step: int = 0) -> torch.Tensor:
    """Train on a batch at the learning rates as they are; returns its loss, for which an accelerator is not waited.

    Args:
        run: its splitting becomes finer where memory runs out; the step is then computed again with the same random
            numbers.
        rows: numbers of the training rows.
        step: its number, to keep record.

    Raises:
        TooLargeError: not even a single row fits.
    """
    loss = _gradients(run, rows, step)
    nn.utils.clip_grad_norm_(run.adapted.trained.values(), _GRADIENT_NORM)
    run.optimizer.step()
    run.optimizer.zero_grad(set_to_none=True)
    return loss.detach()


def chosen_split(run: TrainingRun) -> Split:
    """How to split the run's steps by the memory that is free."""
    request, longest = run.request, int(run.lengths.max())
    kind = device_kind(request.device)
    whole = min(run.batch_size, len(run.lengths)) * longest
    plain = step_bytes(run)
    free = usable_memory(request.device, run.adapted.parameters_trained, request.memory_bytes)
    choose = partial(choose_split, plain, free=free, whole=whole, longest=longest, filling=FILLING_TOKENS[kind])
    split = choose(None)
    return split if split == WHOLE else choose(checkpointed_bytes(run, plain))


def step_bytes(run: TrainingRun) -> StepBytes:
    """Bytes of a step of the run, measured."""
    return measure(run.model, partial(batch_loss, run), _longest_row(run), logits=_logit_bytes(run))


def checkpointed_bytes(run: TrainingRun, plain: StepBytes) -> StepBytes | None:
    """The same with gradient checkpointing, given the bytes without; None where the architecture has none."""
    if not can_checkpoint(run.model):
        return None
    loss = partial(batch_loss, run)
    return measure_checkpointed(run.model, loss, _longest_row(run), logits=_logit_bytes(run), plain=plain)


def _longest_row(run: TrainingRun) -> torch.Tensor:
    ids = run.request.data.train.input_ids[int(run.lengths.argmax())]
    return torch.from_numpy(ids.astype(np.int64)).to(run.request.device)


def _logit_bytes(run: TrainingRun) -> float:
    """Of the logits of a padded token."""
    share = float((run.completions / run.lengths).max()) if run.selection == "mask" else 1.0
    return logit_bytes(vocabulary_size(run.model), share)


def resized(run: TrainingRun, batch_size: int) -> TrainingRun:
    """The same with batches of another size, split anew by the memory that there is."""
    run = replace(run, batch_size=batch_size)
    return replace(run, splitting=Splitting(chosen_split(run)))


def warm_up(run: TrainingRun) -> None:
    """Take gradients once, and drop them: an accelerator loads each kernel on first use, which takes seconds in all,
    and the seconds of the first slice should predict the other slices."""
    request, rows = run.request, np.arange(min(run.batch_size, len(run.lengths)))
    with torch.random.fork_rng(devices=[torch.device(request.device).index or 0]):
        _gradients(run, rows, 0)
    run.optimizer.zero_grad(set_to_none=True)
    torch.cuda.synchronize(request.device)


def _gradients(run: TrainingRun, rows: np.ndarray, step: int) -> torch.Tensor:
    """Leave the gradients of a batch's mean loss, and return that; where memory runs out, split further."""
    if run.recorded is not None:
        return run.recorded(rows)
    while True:
        states = generator_states(run.request.device)
        loss = _accumulated(run, rows)
        if isinstance(loss, torch.Tensor):
            return loss
        run.optimizer.zero_grad(set_to_none=True)
        set_generators(run.request.device, states)
        release_memory()
        _split_further(run, loss, step)


def _accumulated(run: TrainingRun, rows: np.ndarray) -> torch.Tensor | Shortage:
    """Add up the gradients of a batch's micro-batches; returns the mean loss of all, or where memory ran out."""
    request, split = run.request, run.splitting.split
    parts = micro_batches(rows, run.lengths, split.tokens)
    losses: list[torch.Tensor] = []
    with checkpointed(run.model, on=split.checkpointing):
        for part in parts:
            try:
                batch = make_batch(request.data.train, part, pad_id=0, device=request.device)
                loss = batch_loss(run, batch, int(run.completions[rows].sum()) if len(parts) > 1 else None)
                loss.backward()
            except (RuntimeError, MemoryError) as error:
                if not lacks_memory(error):
                    raise
                return Shortage(len(part), len(part) * int(run.lengths[part].max()), str(error).partition("\n")[0])
            losses.append(loss.detach())
    return torch.stack(losses).sum() if len(losses) > 1 else losses[0]


def _split_further(run: TrainingRun, shortage: Shortage, step: int) -> None:
    splitting, able = run.splitting, can_checkpoint(run.model)
    splitting.shortages.append(step)
    filling = FILLING_TOKENS[device_kind(run.request.device)]
    split = finer(splitting.split, shortage, filling=filling, can_checkpoint=able)
    if split is None:
        how = "with gradient checkpointing" if able else "and this architecture has no gradient checkpointing"
        raise TooLargeError(
            f"memory ran out at step {step} with one row of {shortage.tokens} tokens at a time, {how} "
            f"({shortage.message}); shorter rows (max_length), a lower rank or a smaller model need less"
        )
    splitting.split = split


def batch_loss(run: TrainingRun, batch: Batch, predicted: int | None = None) -> torch.Tensor:
    """Of a batch's tokens, the mean; of a micro-batch, its share of the mean over so many tokens of the whole batch."""
    # One context a step: inside of it, torch keeps the copies of weights in bfloat16 that it has once made.
    with autocast(run.request.device):
        logits = completion_logits(run.model, batch, run.selection).float()
    if predicted is None:
        return functional.cross_entropy(logits, batch.labels)
    return functional.cross_entropy(logits, batch.labels, reduction="sum") / predicted
