"""How fast this machine is: a few rows and training steps, timed before a search.

Steps are timed where the surrogates know other hardware only, and where evaluation is dear. There it is bounded: eight
evaluations take `SHARE` of a run of the default configuration at most, on a part of the validation rows if need be.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from transformers import PreTrainedModel

from foretune.finetuning.adapters import method_of, setting
from foretune.finetuning.batches import epoch_batches
from foretune.finetuning.data import TokenizedSplits, Tokens
from foretune.finetuning.evaluate import Scores, evaluate
from foretune.finetuning.fast_layers import use_fast_layers
from foretune.finetuning.memory import Splitting, StepBytes, lacks_memory
from foretune.finetuning.optim import SLICES, plan
from foretune.finetuning.recorded import with_recording
from foretune.finetuning.run import RunRequest, TrainingRun
from foretune.finetuning.slices import prepare_run
from foretune.finetuning.step import checkpointed_bytes, resized, step_bytes, take_step
from foretune.finetuning.task import LEAST_ROWS
from foretune.types import Configuration, Trial

STEPS = 3
"""Of each batch size: a first step that loads kernels, and two timed steps."""
SHARE = 1 / 3
"""Of a run's time that its evaluations may take."""
CHEAP_SECONDS = 3.0
"""An evaluation that takes no longer is never made smaller."""
_LARGER = 4
"""Times the batch size: on hardware that small batches do not fill, steps cost and not tokens."""
_FILLED_SECONDS = 1.0
"""A longer step fills the hardware, so larger batches need no timing."""
_FIRST_ROWS, _TIMED_SECONDS = 4, 0.5
"""Rows that are timed first, and the time from which on a clock is trusted."""


def evaluation_seconds(model: PreTrainedModel, tokens: Tokens, seed: int) -> float:
    """Seconds of an evaluation of a split, from a few rows of it.

    More rows are timed, four times as many each time, until the whole split is known to be cheap or the clock can be
    trusted: few rows do not fill an accelerator, so their estimate is too high rather than too low.

    Args:
        model: on its device.
        tokens: the split.
        seed: chooses the rows.
    """
    order = np.random.default_rng(seed).permutation(len(tokens))
    evaluate(model, tokens, rows=order[:1])  # reads weights and loads kernels
    count = _FIRST_ROWS
    while True:
        rows = order[:count]
        begun = time.perf_counter()
        evaluate(model, tokens, rows=rows)
        took = time.perf_counter() - begun
        whole = took * tokens.total / float(tokens.lengths[rows].sum())
        if whole <= CHEAP_SECONDS or took >= _TIMED_SECONDS or len(rows) == len(tokens):
            return whole
        count *= 4


def rows_within(model: PreTrainedModel, tokens: Tokens, seconds: float, seed: int, *, least: int) -> np.ndarray:
    """Numbers of rows, chosen by seed, that are evaluated within a time, after a few were timed; all if these are.

    Args:
        model: on its device.
        tokens: the split.
        seconds: that the evaluation may take.
        seed: chooses the rows.
        least: so many rows, or all if there are fewer, whatever they take.
    """
    rows = len(tokens)
    whole = evaluation_seconds(model, tokens, seed)
    count = rows if whole <= seconds else affordable_rows(rows, whole / rows, seconds, least)
    return np.sort(np.random.default_rng(seed).permutation(rows)[:count])


def affordable_rows(rows: int, row_seconds: float, seconds: float, least: int) -> int:
    """So many of a split's rows can be evaluated within a time; `least`, or all, if there are fewer, at least.

    Args:
        rows: of the split.
        row_seconds: that one of them takes.
        seconds: that all may take together.
        least: rows that are scored whatever they take.
    """
    fitting = math.floor(seconds / row_seconds + 1e-9) if row_seconds > 0 else rows  # 500 is not 499.99...
    return min(rows, max(fitting, least))


def validation_rows(rows: int, whole_seconds: float, training_seconds: float) -> int:
    """How many validation rows a search should score after each slice.

    All of them where that is cheap, or takes no more than `SHARE` of a run; else as many as take that.

    Args:
        rows: of the validation split.
        whole_seconds: of one evaluation of all of them.
        training_seconds: of all steps of the default configuration.
    """
    if whole_seconds <= CHEAP_SECONDS:
        return rows
    allowed = SHARE / (1.0 - SHARE) * training_seconds
    return affordable_rows(rows, whole_seconds / rows, allowed / SLICES, LEAST_ROWS)


@dataclass(frozen=True)
class Effort:
    """Cost of a run on this machine, as far as it had to be measured.

    Attributes:
        validation_rows: to score after each slice; None for all.
        training: seconds of a slice by configuration, its evaluation aside; empty if no step was timed.
        is_dear: whether an evaluation of all validation rows takes more than `CHEAP_SECONDS`.
    """

    validation_rows: int | None = None
    training: Mapping[Configuration, float] = field(default_factory=dict[Configuration, float])
    is_dear: bool = False


def measure_effort(
    model: PreTrainedModel, name: str, data: TokenizedSplits, configuration: Configuration, device: str, seed: int
) -> Effort:
    """Time a few rows and, where these are dear, a few steps of `configuration`: see `validation_rows`.

    The model is changed for that, as it is in runs.
    """
    rows = len(data.validation)
    if device == "cpu":
        use_fast_layers(model)
    whole = evaluation_seconds(model, data.validation, seed)
    if whole <= CHEAP_SECONDS:
        return Effort()
    training = time_training(model, name, data, configuration, device)
    chosen = validation_rows(rows, whole, SLICES * training.get(configuration, 0.0))
    return Effort(chosen if chosen < rows else None, training, is_dear=True)


def timed_zero_shot(
    model: PreTrainedModel, data: TokenizedSplits, *, test: bool = True
) -> tuple[dict[str, Scores], float]:
    """Scores of the untouched base model on `validation` and `test`, and the seconds that the former takes.

    Without `test`, that split is left out.
    """
    # The test split first, because an accelerator loads each kernel when it is first needed.
    scores = {"test": evaluate(model, data.test)} if test else {}
    begun = time.perf_counter()
    scores = {"validation": evaluate(model, data.validation), **scores}
    return scores, time.perf_counter() - begun


def timed(configuration: Configuration, rows: int) -> list[Configuration]:
    """The configuration, and the same with larger batches where there are as many rows."""
    larger = _LARGER * int(setting(configuration, "batch_size"))
    return [configuration, Configuration({**configuration.values, "batch_size": larger})][: 2 if larger <= rows else 1]


def time_training(
    model: PreTrainedModel, name: str, data: TokenizedSplits, configuration: Configuration, device: str
) -> dict[Configuration, float]:
    """Seconds of training a slice here, from a few steps of a configuration, and of the same with larger batches.

    Args:
        model: the base model on its device; it is wrapped in an adapter and trained, so nobody may need it afterwards.
        name: of the base model.
        data: tokenized splits.
        configuration: to train.
        device: that the model is on.

    Returns:
        Seconds of a slice by configuration, its evaluation aside; without configurations that lack memory.
    """
    rows = len(data.train.input_ids)
    run = _prepared(RunRequest(Trial(0, configuration, 1), data, name, device), model)
    if run is None:
        return {}
    found: dict[Configuration, float] = {}
    for one in timed(configuration, rows):
        step = _step_seconds(resized(run, int(setting(one, "batch_size"))))
        if step is not None:
            found[one] = plan(one, rows).steps / SLICES * step
        if step is None or step > _FILLED_SECONDS:
            break
    return found


def measure_step_bytes(
    name: str, data: TokenizedSplits, configuration: Configuration, device: str
) -> tuple[StepBytes, StepBytes | None] | None:
    """Bytes of a step of a configuration, without and (if the architecture has it) with gradient checkpointing.

    None where the memory does not even suffice to measure it.
    """
    run = _prepared(RunRequest(Trial(0, configuration, 1), data, name, device), splitting=Splitting())
    if run is None:
        return None
    plain = step_bytes(run)
    return plain, checkpointed_bytes(run, plain)


def _prepared(
    request: RunRequest, model: PreTrainedModel | None = None, *, splitting: Splitting | None = None
) -> TrainingRun | None:
    """The requested run on this model, or on a fresh one; None where the memory does not suffice."""
    quantized = method_of(request.trial.configuration) == "qlora"
    try:
        return prepare_run(request, base=None if quantized else model, splitting=splitting)
    except (RuntimeError, MemoryError) as error:
        if not lacks_memory(error):
            raise
        return None


def _step_seconds(run: TrainingRun) -> float | None:
    """Of batches of usual size; None where the memory does not suffice."""
    run = with_recording(run)
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


def _take(run: TrainingRun, batches: Sequence[np.ndarray]) -> None:
    losses = [take_step(run, rows) for rows in batches]
    float(losses[-1])  # waits for the accelerator
