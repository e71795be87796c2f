"""Training and evaluating slices of one run: the loop over optimizer steps, and the files after each slice."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from transformers import PreTrainedModel

from foretune.finetuning import checkpoint, provenance
from foretune.finetuning.adapters import adapt, load_adapter, method_of, save_adapter, setting
from foretune.finetuning.base import CHANGE_WEIGHTS, fresh_model
from foretune.finetuning.batches import epoch_batches, head_selection
from foretune.finetuning.checkpoint import Slice, Slices, State
from foretune.finetuning.evaluate import evaluate
from foretune.finetuning.fast_layers import use_fast_layers
from foretune.finetuning.memory import Splitting
from foretune.finetuning.model import default_dtype, embedding_rows
from foretune.finetuning.optim import PeakRates, make_optimizer, optimizer_tensors, plan, restore_optimizer
from foretune.finetuning.randomness import generator_states, set_generators
from foretune.finetuning.recorded import with_recording
from foretune.finetuning.run import RunRequest, StoppedError, TrainingRun
from foretune.finetuning.step import chosen_split, take_step, warm_up
from foretune.types import Status

_CHECK_EVERY = 16
"""Steps between looks at the loss: each look makes an accelerator wait."""


def train_slices(request: RunRequest, state: State | None) -> Iterator[Slice]:
    """Yield each slice of a run once it is trained, scored and saved, from the saved state on.

    Random numbers come from torch's global generators, which the caller has seeded.

    Raises:
        StoppedError: diverged or timed out.
    """
    begun = provenance.now()
    provenance.reset_peak_memory(request.device)
    run = prepare_run(request, splitting=state and state.splitting)
    _note(run, begun)  # a run that goes wrong in its first slice leaves word, too
    if request.device.startswith("cuda"):
        warm_up(run)
        run = with_recording(run)
    if state:
        _restore(run, state)
    elif request.begins_with:
        load_adapter(run.adapted, request.begins_with)
    slices = state.slices if state else ()
    while len(slices) < request.trial.fidelity:
        slices = (*slices, _train_slice(run, slices))
        _keep(run, slices, begun)
        yield slices[-1]


def prepare_run(
    request: RunRequest, base: PreTrainedModel | None = None, *, splitting: Splitting | None = None
) -> TrainingRun:
    """The requested model, wrapped and ready for its first step.

    Args:
        request: of the run.
        base: the base model, which is changed; by default see `foretune.finetuning.base.fresh_model`.
        splitting: of the same run's earlier slices; by default chosen by the memory that there is.
    """
    configuration = request.trial.configuration
    method = method_of(configuration)
    if base is None:
        changes, quantized = method in CHANGE_WEIGHTS, method == "qlora"
        # Weights that are trained, or replaced by a residual, lose too much in bfloat16.
        dtype = torch.float32 if changes else default_dtype(request.device)
        base = fresh_model(
            request.model, device=request.device, dtype=dtype, quantized=quantized, changes_weights=changes
        )
    vocabulary = len(embedding_rows(base))
    adapted = adapt(base, configuration, name=request.model)
    adapted.model.train()
    if request.device == "cpu":
        use_fast_layers(adapted.model)
    optimizer = make_optimizer(adapted, configuration)
    planned = plan(configuration, len(request.data.train.input_ids))
    run = TrainingRun(
        request=request,
        adapted=adapted,
        optimizer=optimizer,
        rates=PeakRates(optimizer, configuration, planned.steps),
        plan=planned,
        selection=head_selection(adapted.model),
        lengths=request.data.train.lengths,
        completions=request.data.train.completion_lengths,
        batch_size=int(setting(configuration, "batch_size")),
        # A model that is three times worse than guessing uniformly will not come back.
        worst_loss=3.0 * math.log(vocabulary) + 5.0,
    )
    return replace(run, splitting=splitting or Splitting(chosen_split(run)))


def _train_slice(run: TrainingRun, slices: Slices) -> Slice:
    request, data = run.request, run.request.data
    fidelity = len(slices) + 1
    first, last = (run.plan.slice_end(at) for at in (fidelity - 1, fidelity))
    begun = request.seconds()
    tokens = _train_steps(run, first, last)
    trained = request.seconds()
    validation = evaluate(run.model, data.validation)
    _check(run, validation.nll, f"validation loss after slice {fidelity}")
    # A slice that validation does not choose is never asked for its test score.
    improved = validation.nll < min((one.validation_nll for one in slices), default=math.inf)
    test = evaluate(run.model, data.test) if improved and request.test and data.test.input_ids else None
    return Slice(
        fidelity=fidelity,
        epochs=last / run.plan.steps_per_epoch,
        steps=last,
        tokens=tokens + (slices[-1].tokens if slices else 0),
        validation_nll=validation.nll,
        validation_token_accuracy=validation.token_accuracy,
        validation_exact_match=validation.exact_match,
        test_nll=test.nll if test else None,
        test_token_accuracy=test.token_accuracy if test else None,
        test_exact_match=test.exact_match if test else None,
        train_seconds=trained - begun,
        evaluation_seconds=request.seconds() - trained,
    )


def _train_steps(run: TrainingRun, first: int, last: int) -> int:
    """Take steps `first` to `last` - 1; returns the tokens they read, padding not counted."""
    request, tokens = run.request, 0
    batches: list[np.ndarray] = []
    for step in range(first, last):
        epoch, at = divmod(step, run.plan.steps_per_epoch)
        if not batches or at == 0:
            batches = epoch_batches(run.lengths, run.batch_size, seed=request.seed, epoch=epoch)
        if time.perf_counter() > request.deadline:
            raise StoppedError(
                Status.TIMED_OUT, f"stopped before step {step}: over {request.timeout_seconds:g} seconds"
            )
        if request.stop():
            raise StoppedError(Status.TIMED_OUT, f"stopped before step {step}, as was asked")
        run.rates.set(step)
        loss = take_step(run, batches[at], step)
        tokens += int(run.lengths[batches[at]].sum())
        if step % _CHECK_EVERY == 0 or step == last - 1:
            _check(run, float(loss), f"training loss at step {step}")
    return tokens


def _check(run: TrainingRun, loss: float, what: str) -> None:
    if not loss <= run.worst_loss:
        raise StoppedError(
            Status.DIVERGED, f"{what} is {loss:.4g}, beyond {run.worst_loss:.4g}; a lower learning_rate may help"
        )


def _keep(run: TrainingRun, slices: Slices, begun: str) -> None:
    """Best adapter first, then the state, then the line: after a kill in between, redoing the slice writes the same."""
    directory = run.request.directory
    if run.request.keep_state:
        if checkpoint.best_fidelity(slices) == len(slices):
            checkpoint.replace_folder(directory / "best", lambda folder: save_adapter(run.adapted, folder))
        checkpoint.save_state(directory, State(run.request.fingerprint, slices, _tensors(run), run.splitting))
    checkpoint.append_slice(directory, slices[-1])
    _note(run, begun)


def _note(run: TrainingRun, begun: str) -> None:
    """Write `run.json`."""
    request = run.request
    values = {
        "schema_version": checkpoint.SCHEMA_VERSION,
        "configuration": dict(request.trial.configuration.values),
        "model": request.model,
        "seed": request.seed,
        "started": begun,
        "parameters_trained": run.adapted.parameters_trained,
        "peak_memory_bytes": provenance.peak_memory_bytes(request.device),
        **run.splitting.to_json(),
        "recorded_steps": run.recorded is not None,
        "hardware": provenance.hardware(request.device),
        "versions": provenance.versions(),
    }
    checkpoint.write_json(request.directory / "run.json", values)


def _tensors(run: TrainingRun) -> dict[str, torch.Tensor]:
    tensors = {f"parameters.{name}": value for name, value in run.adapted.trained.items()}
    tensors |= {f"optimizer.{name}": value for name, value in optimizer_tensors(run.optimizer).items()}
    return tensors | {f"generators.{kind}": value for kind, value in generator_states(run.request.device).items()}


def _restore(run: TrainingRun, state: State) -> None:
    def under(prefix: str) -> dict[str, torch.Tensor]:
        return {name[len(prefix) :]: value for name, value in state.tensors.items() if name.startswith(prefix)}

    saved = under("parameters.")
    with torch.no_grad():
        for name, parameter in run.adapted.trained.items():
            parameter.copy_(saved[name])
    restore_optimizer(run.optimizer, under("optimizer."))
    set_generators(run.request.device, under("generators."))
