"""Gradients of small models on a GPU without launching thousands of kernels one by one.

A training step of a model of 135 million parameters on a few hundred tokens is thousands of kernels of some
microseconds. The processor needs longer to launch them than the GPU to compute them. A CUDA graph records them once and
launches all of them with one call. A recording is of one shape and of fixed places in memory: batches are padded to the
longest row, and short batches are filled up with rows that nothing is learned from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from jaxtyping import Int
from torch import nn
from torch.nn import functional

from foretune.finetuning.adapters import method_of
from foretune.finetuning.data import Tokens
from foretune.finetuning.memory import WHOLE, lacks_memory, release_memory
from foretune.finetuning.model import autocast, vocabulary_size
from foretune.finetuning.randomness import generator_states, set_generators
from foretune.finetuning.run import TrainingRun

_IGNORED = -100
_MOST_WORK = 1e12
"""Parameters times padded tokens of a batch: beyond that the GPU is busy for longer than the processor."""
_MOST_LOGITS = 2**28
"""Of a batch: a recording computes logits at all positions, since kernels that pick some wait for the processor."""


@dataclass(frozen=True)
class Recording:
    """The gradients of a batch of B rows of W tokens, to be replayed.

    Attributes:
        replay: computes loss and gradients of the inputs and labels.
        inputs: (B, W) tokens.
        labels: (B, W) the next token at each position, -100 where it is not learned.
        loss: () mean over all learned tokens.
        gradients: where they are found, of each parameter.
    """

    replay: Callable[[], None]
    inputs: torch.Tensor
    labels: torch.Tensor
    loss: torch.Tensor
    gradients: Sequence[tuple[nn.Parameter, torch.Tensor]]

    def take(self, tokens: Tokens, rows: Sequence[int] | np.ndarray) -> torch.Tensor:
        """Leave the gradients of a batch's mean loss with the parameters, and return that loss.

        Args:
            tokens: of the training split.
            rows: numbers of B rows or fewer.
        """
        inputs, labels = padded(tokens, rows, self.inputs.shape)
        self.inputs.copy_(torch.from_numpy(inputs))
        self.labels.copy_(torch.from_numpy(labels))
        self.replay()
        for parameter, gradient in self.gradients:
            parameter.grad = gradient
        return self.loss.clone()


def padded(
    tokens: Tokens, rows: Sequence[int] | np.ndarray, shape: Sequence[int]
) -> tuple[Int[np.ndarray, "B W"], Int[np.ndarray, "B W"]]:
    """Inputs and labels of some rows, filled up to a shape."""
    inputs, labels = np.zeros(shape, dtype=np.int64), np.full(shape, _IGNORED, dtype=np.int64)
    for at, row in enumerate(rows):
        sequence, learned = tokens.input_ids[row], tokens.learned(int(row))
        inputs[at, : len(sequence)] = sequence
        labels[at, : len(sequence) - 1] = np.where(learned[1:], sequence[1:], _IGNORED)
    return inputs, labels


def with_recording(run: TrainingRun) -> TrainingRun:
    """The same run, whose steps are recorded where that pays."""
    return replace(run, recorded=record(run))


def record(run: TrainingRun) -> Callable[[np.ndarray], torch.Tensor] | None:
    """What computes the gradients of a run's batches; None where it does not pay, or the model cannot be recorded.

    The state of the random generators is as before.
    """
    shape = min(run.batch_size, len(run.lengths)), int(run.lengths.max())
    if not _pays(run, shape):
        return None
    device = run.request.device
    states = generator_states(device)
    try:
        inputs = torch.zeros(shape, dtype=torch.int64, device=device)
        return partial(captured(run, inputs, torch.zeros_like(inputs)).take, run.request.data.train)
    except RuntimeError as error:
        # Such as layers that ask the GPU for numbers in between; the run then launches its kernels one by one.
        if lacks_memory(error):
            release_memory()
        return None
    finally:
        run.optimizer.zero_grad(set_to_none=True)
        set_generators(device, states)


def _pays(run: TrainingRun, shape: tuple[int, int]) -> bool:
    on_gpu = run.request.device.startswith("cuda") and method_of(run.request.trial.configuration) != "qlora"
    tokens = shape[0] * shape[1]
    parameters = sum(parameter.numel() for parameter in run.model.parameters())
    is_small = parameters * tokens <= _MOST_WORK and tokens * vocabulary_size(run.model) <= _MOST_LOGITS
    return on_gpu and is_small and run.splitting.split == WHOLE


def captured(run: TrainingRun, inputs: torch.Tensor, labels: torch.Tensor) -> Recording:
    """Record what is computed of these tensors, after doing it once as CUDA asks for, on a stream of its own.

    Gradients are added up on the stream where a parameter was last used while that use is remembered, so nothing may
    hold the graph of an earlier step.
    """
    with torch.cuda.device(run.request.device):
        side, graph = torch.cuda.Stream(), torch.cuda.CUDAGraph()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            compute_gradients(run, inputs, labels)
            run.optimizer.zero_grad(set_to_none=True)
        torch.cuda.current_stream().wait_stream(side)
        with torch.cuda.graph(graph, stream=side):
            loss = compute_gradients(run, inputs, labels)
    return Recording(graph.replay, inputs, labels, loss, gradients_of(run))


def compute_gradients(run: TrainingRun, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Leave gradients with the parameters; returns the mean loss of the learned tokens."""
    with autocast(run.request.device):
        logits = run.model(input_ids=inputs, use_cache=False).logits.float()
    loss = functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=_IGNORED)
    loss.backward()
    return loss.detach()


def gradients_of(run: TrainingRun) -> list[tuple[nn.Parameter, torch.Tensor]]:
    """The trained parameters that have a gradient, with it."""
    trained = run.adapted.trained.values()
    return [(one, one.grad) for one in trained if one.grad is not None]
