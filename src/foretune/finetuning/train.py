"""One finetuning run, a slice at a time: train a share of the planned steps, evaluate, save, report.

A run that is killed after any slice and resumed gives the same numbers, bit for bit, as one that was not: parameters,
optimizer and random generators are saved; data order and learning rates are functions of (seed, step).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from zlib import crc32

import numpy as np
import torch

from foretune.disk import written
from foretune.errors import ConfigurationError, DataError, ForetuneError, JournalError, OutputError
from foretune.finetuning import checkpoint, provenance
from foretune.finetuning.adapters import method_of
from foretune.finetuning.checkpoint import Slices, State
from foretune.finetuning.data import TokenizedSplits
from foretune.finetuning.memory import lacks_memory
from foretune.finetuning.model import resolve_model
from foretune.finetuning.optim import SLICES
from foretune.finetuning.run import RunRequest, StoppedError
from foretune.finetuning.slices import train_slices
from foretune.types import CONTINUES, VALIDATION_NLL, LearningCurve, Report, Status, Trial

__all__ = ["SLICES", "finetune"]


def finetune(
    trial: Trial,
    data: TokenizedSplits,
    model: str,
    directory: Path,
    *,
    seed: int = 0,
    device: str = "cpu",
    test: bool = True,
    timeout_seconds: float | None = None,
    keep_state: bool = True,
    processor_time: bool = False,
    stop: Callable[[], bool] = lambda: False,
    memory_bytes: float | None = None,
) -> Report:
    """Train a trial's configuration from its last saved slice up to `trial.fidelity`.

    Whatever goes wrong in training (divergence, memory, time, layers that the model lacks, any exception) is a status
    and a message in the report.

    Args:
        trial: which configuration, and how far.
        data: tokenized splits; only validation decides which slice is best.
        model: base model, see `foretune.finetuning.model.resolve_model`.
        directory: of this run alone, see `foretune.finetuning.checkpoint`; made if absent. A run that continues another
            finds that in a folder beside it, with its key as name.
        seed: of initial adapter values, dropout and data order.
        device: `cpu` or for instance `cuda:0`.
        test: also score the test split after every slice that is the best so far on validation.
        timeout_seconds: for this call; looked at between steps.
        keep_state: save the resume state and the best adapter; otherwise only the figures.
        processor_time: measure slices in seconds of the processor, all threads together, instead of the clock: on an
            idle CPU with one thread both are the same.
        stop: is asked before each step whether to end there, as after `timeout_seconds`.
        memory_bytes: of the device that steps are planned with at most, for others want it, too; None for all that is
            free.

    Returns:
        The curve of validation scores from the first slice on. `seconds` is the wall-clock time of this call, model
        loading included, plus that of slices beyond `trial.resumes_from` which a killed call had already saved.

    Raises:
        ConfigurationError: the method or a hyperparameter is unknown or missing, or the fidelity is beyond `SLICES`.
        DataError: the training or validation split is empty.
        JournalError: the trial cannot be resumed from this folder.
        ModelError: there is no base model.
    """
    started = time.perf_counter()
    _check(trial, data)
    name = resolve_model(model)
    timeout = math.inf if timeout_seconds is None else timeout_seconds
    request = RunRequest(
        trial=trial,
        data=data,
        model=name,
        directory=Path(directory),
        seed=_own_seed(seed, trial),
        device=device,
        test=test,
        timeout_seconds=timeout,
        deadline=started + timeout,
        keep_state=keep_state,
        seconds=time.process_time if processor_time else time.perf_counter,
        fingerprint=provenance.fingerprint(data, name, trial.configuration.key, seed),
        stop=stop,
        memory_bytes=math.inf if memory_bytes is None else memory_bytes,
        begins_with=_begins_with(trial, Path(directory)),
    )
    state = _found(request)
    before = state.slices if state else ()
    checkpoint.write_slices(request.directory, before)
    slices, status, message = _trained(request, state)
    recovered = sum(one.seconds for one in before[trial.resumes_from : trial.fidelity])
    seconds = time.perf_counter() - started + recovered
    return Report(trial, status, _curve(slices[: trial.fidelity]), message, seconds)


def _check(trial: Trial, data: TokenizedSplits) -> None:
    method_of(trial.configuration)
    if trial.fidelity > SLICES:
        raise ConfigurationError(f"trial {trial.id} asks for slice {trial.fidelity}; a planned run has {SLICES} slices")
    if not data.train.input_ids or not data.validation.input_ids:
        raise DataError(f"{data.name}: the training and validation splits need at least one row each")


def _begins_with(trial: Trial, directory: Path) -> Path | None:
    """Folder of the adapter that a configuration continues."""
    key = trial.configuration.values.get(CONTINUES)
    return directory.parent / str(key) / "best" if key else None


def _own_seed(seed: int, trial: Trial) -> int:
    """A run that continues another reads the rows in another order."""
    key = trial.configuration.values.get(CONTINUES)
    return seed + crc32(str(key).encode()) if key else seed


def _found(request: RunRequest) -> State | None:
    """The saved state to go on from; more slices than the trial knows of are welcome, fewer are an error."""
    state = checkpoint.load_state(request.directory, request.fingerprint) if request.keep_state else None
    found, wanted = len(state.slices) if state else 0, request.trial.resumes_from
    if found < wanted:
        raise JournalError(
            f"trial {request.trial.id} resumes from slice {wanted} but {request.directory} has {found}; "
            "give the folder of its earlier slices (trained with keep_state) or start from slice 0"
        )
    return state


def _curve(slices: Slices) -> LearningCurve:
    scores = [VALIDATION_NLL.score(one.validation_nll) for one in slices]
    return LearningCurve(np.array(scores), np.array([one.seconds for one in slices]))


def _trained(request: RunRequest, state: State | None) -> tuple[Slices, Status, str]:
    """Train slice after slice; slices saved before a failure count."""
    done = list(state.slices) if state else []
    if len(done) >= request.trial.fidelity:
        return tuple(done), Status.OK, ""
    status, message = Status.OK, ""
    try:
        with written(request.directory), _own_randomness(request):
            done.extend(train_slices(request, state))
    except OutputError:
        raise  # the next trial would fail, too
    except Exception as error:  # noqa: BLE001 - a failed trial is data: the search goes on with the next one
        status, message = _failure(error)
    return tuple(done), status, message


def _failure(error: Exception) -> tuple[Status, str]:
    message = f"{type(error).__name__}: {error}"
    if isinstance(error, StoppedError):
        return error.status, str(error)
    if isinstance(error, ForetuneError):  # such as a kind of layer that this model does not have
        return Status.FAILED, str(error)
    if lacks_memory(error):
        return Status.OUT_OF_MEMORY, f"{message}; a lower rank or a smaller model needs less"
    return Status.FAILED, message


@contextmanager
def _own_randomness(request: RunRequest) -> Generator[None]:
    """Dropout and initial values draw from torch's global generators: seed them, and give them back as they were."""
    cuda = [torch.device(request.device).index or 0] if request.device.startswith("cuda") else []
    with torch.random.fork_rng(devices=cuda):
        torch.manual_seed(request.seed)
        yield
