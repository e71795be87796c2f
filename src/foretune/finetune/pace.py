"""How fast this machine is: a few training steps, timed before a search whose surrogates know other hardware."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from transformers import PreTrainedModel

from foretune.finetune.adapters import setting
from foretune.finetune.batches import epoch_batches, make_batch
from foretune.finetune.data import TokenizedSplits
from foretune.finetune.evaluate import Scores, evaluate
from foretune.finetune.optim import SLICES, plan
from foretune.finetune.slices import Order, Run, lacks_memory, prepare_run, take_step
from foretune.types import Configuration, Trial

STEPS = 3
"""Of each batch size: one that loads what is needed, and two that are timed."""
_LARGER = 4
"""Times the batch size: on hardware that small batches do not fill, steps cost and not tokens."""


def timed_zero_shot(model: PreTrainedModel, data: TokenizedSplits) -> tuple[dict[str, Scores], float]:
    """Scores of the untouched base model on `validation` and `test`, and the seconds that the former takes."""
    test = evaluate(model, data.test)  # first, because an accelerator loads each kernel when it is first needed
    begun = time.perf_counter()
    validation = evaluate(model, data.validation)
    return {"validation": validation, "test": test}, time.perf_counter() - begun


def timed(configuration: Configuration, rows: int) -> list[Configuration]:
    """The configuration, and the same with larger batches where there are as many rows."""
    larger = _LARGER * int(setting(configuration, "batch_size"))
    return [configuration, Configuration({**configuration.values, "batch_size": larger})][: 2 if larger <= rows else 1]


def time_slices(
    model: PreTrainedModel,
    name: str,
    data: TokenizedSplits,
    configuration: Configuration,
    device: str,
    evaluation_seconds: float,
) -> dict[Configuration, float]:
    """What a slice takes here, by a few steps of a configuration and of the same with larger batches.

    Args:
        model: the base model on its device; it is wrapped in an adapter and trained, so nobody may need it afterwards.
        name: of the base model.
        data: tokenized splits.
        configuration: what to train.
        device: that the model is on.
        evaluation_seconds: of the validation split.

    Returns:
        Seconds of a slice, training and evaluation, by configuration.
    """
    rows = len(data.train.input_ids)
    wanted = timed(configuration, rows)
    run = prepare_run(_order(configuration, name, data, device), base=model)
    took = {one: _step_seconds(replace(run, batch_size=int(setting(one, "batch_size")))) for one in wanted}
    steps = {one: plan(one, rows).steps / SLICES for one in wanted}
    return {one: steps[one] * step + evaluation_seconds for one, step in took.items() if step is not None}


def _order(configuration: Configuration, name: str, data: TokenizedSplits, device: str) -> Order:
    """Nothing of it is kept."""
    return Order(
        trial=Trial(0, configuration, 1),
        data=data,
        model=name,
        directory=Path(),
        seed=0,
        device=device,
        test=False,
        timeout_seconds=math.inf,
        deadline=math.inf,
        keep_state=False,
        seconds=time.perf_counter,
        fingerprint={},
    )


def _step_seconds(run: Run) -> float | None:
    """Of batches of usual size; None where the memory does not suffice."""
    batches = epoch_batches(run.lengths, run.batch_size, seed=0, epoch=0)
    sizes = np.array([run.lengths[rows].sum() for rows in batches])
    usual = [batches[at] for at in np.argsort(np.abs(sizes - sizes.mean()), kind="stable")]
    try:
        _take(run, usual[:1])
        begun = time.perf_counter()
        _take(run, [usual[at % len(usual)] for at in range(1, STEPS)])
    except (RuntimeError, MemoryError) as error:
        if not lacks_memory(error):
            raise
        return None
    return (time.perf_counter() - begun) / (STEPS - 1)


def _take(run: Run, batches: Sequence[np.ndarray]) -> None:
    losses = [
        take_step(run, make_batch(run.order.data.train, rows, pad_id=0, device=run.order.device)) for rows in batches
    ]
    float(losses[-1])  # waits for the accelerator
