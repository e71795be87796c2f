"""Seconds and peak memory of finetuning a real language model on one accelerator, from first principles.

A micro-batch takes

    1.43 F / F_peak + (B + W + 8 Q) / B_peak + 1 ms L

with F its floating-point operations, B the bytes of activations that it reads and writes, W those of weights, Q the
4-bit weights that it unpacks (QLoRA), and L the layers, each of which costs the time to launch its kernels. Per token,
with N parameters in the layers' matrices and A in the adapter:

    F = 4 N + 6 A + 6 L q s   (and 2 N + 2 A + 2 L q s more where activations are computed again)

2 N forward and 2 N for the gradients that pass through frozen weights; trained parameters have gradients of their own,
so that full finetuning takes 6 N; attention over rows of s tokens, q being heads times their size, of which causal
kernels compute half (all of it is 12 L q s: Chowdhery et al., 2022, appendix B); and 4 V h for the output head where a
completion token is predicted. An evaluation is a forward pass. B is counted operation by operation for a decoder with
RMS norms, rotary positions and a gated feed-forward block as transformers runs it, and taken thrice: forward, and twice
that backward; where weights are in 4 bits, hidden states are float32 and B is doubled. W holds the weights, once for
each pass, and once in a step what AdamW reads and writes.

Memory is at its peak when the loss of the largest micro-batch has been computed and nothing is freed yet: the weights,
what is trained with gradients and Adam's moments, what each layer keeps for the backward pass, the logits, and a
constant. With gradient checkpointing the logits are gone when a layer is computed again, so the larger of both counts.
Full finetuning can have its peak in the optimizer's step instead, which copies the parameters once more.

`benchmarks/public_costs.py` compares predictions with public tables of recorded runs, a model at a time left out, and
`benchmarks/hardware_model.py` with three more models.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foretune.finetuning.adapters import setting
from foretune.finetuning.batches import epoch_batches
from foretune.finetuning.memory import WHOLE, Split, logit_bytes, micro_batches
from foretune.finetuning.optim import SLICES, plan
from foretune.recommendation.accelerators import Accelerator
from foretune.recommendation.shape import ModelShape
from foretune.recommendation.workload import Workload
from foretune.types import Configuration

PRICES = (1 / 0.7, 1.0, 1e-3, 1.0, 8.0)
"""Of the terms of `cost_terms`: large matrix products reach 0.7 of the peak, memory its own; 1 ms launches the kernels
of a layer, forward and backward; and to unpack a 4-bit weight takes as long as to move 8 bytes."""
SECONDS_WITHIN, MEMORY_WITHIN = (0.89, 1.36), (0.84, 1.22)
"""Recorded over predicted, of four in five runs of public tables, as `benchmarks/public_costs.py` prints."""
WEIGHT_BYTES = {"lora": 2.0, "rslora": 2.0, "dora": 2.0, "loraplus": 2.0, "pissa": 6.0, "qlora": 0.52, "full": 6.0}
"""Of a base weight in memory. PiSSA's and those of full finetuning are float32, with a copy in bfloat16 while training;
QLoRA's are 4 bits and 0.127 for the constants of double quantization (Dettmers et al., 2023), embeddings aside."""
_STATE_BYTES = {4: 16.0, 2: 8.0}
"""Of a trained parameter, by its own bytes: itself, its gradient and two moments."""
_LOGIT_TRAFFIC = 40
"""Bytes read and written per logit, forward and backward."""
_FIXED_BYTES = 0.5 * 2**30
"""Context of the driver and workspaces of the libraries."""
_SAMPLED_BATCHES = 64
"""In which micro-batches are counted."""


@dataclass(frozen=True)
class Trainer:
    """What a trainer does in a way of its own; the defaults are foretune's.

    Attributes:
        autocast: whether products with the adapter are in bfloat16, or in float32.
        half: whether full finetuning keeps parameters, gradients and moments in bfloat16, without float32.
        wide: whether hidden states are float32 where weights are in 4 bits, as PEFT prepares these models.
        logit_bytes: of a logit at the peak; fused losses keep less.
        backward: what the backward pass of a layer takes with checkpointing, over what the layer keeps for it.
        devices: that weights, gradients and moments are divided over.
    """

    autocast: bool = True
    half: bool = False
    wide: bool = True
    logit_bytes: float = logit_bytes(1, 1.0)
    backward: float = 1.5
    devices: int = 1


FORETUNE = Trainer()


@dataclass(frozen=True)
class PlannedRun:
    """A run before it is run.

    Attributes:
        shape: of the base model.
        workload: of the dataset.
        configuration: of one of `WEIGHT_BYTES`, with all that its method needs.
        split: how gradients of a batch are computed.
        trainer: that runs it.
    """

    shape: ModelShape
    workload: Workload
    configuration: Configuration
    split: Split = WHOLE
    trainer: Trainer = FORETUNE

    @property
    def batch(self) -> int:
        """Rows of a batch, of which there are no more than the dataset has."""
        return min(int(setting(self.configuration, "batch_size")), len(self.workload.lengths))

    @property
    def rows_at_once(self) -> int:
        """Rows of the longest micro-batch."""
        if self.split.tokens is None:
            return self.batch
        return min(max(self.split.tokens // int(self.workload.lengths.max()), 1), self.batch)

    @property
    def pieces(self) -> float:
        """Micro-batches of a batch, on the average of a few."""
        if self.split.tokens is None:
            return 1.0
        lengths = self.workload.lengths
        batches = epoch_batches(lengths, self.batch, seed=0, epoch=0)[:_SAMPLED_BATCHES]
        return float(np.mean([len(micro_batches(rows, lengths, self.split.tokens)) for rows in batches]))

    @property
    def method(self) -> str:
        """Of finetuning."""
        return str(setting(self.configuration, "method"))

    @property
    def modules(self) -> list[tuple[float, float]]:
        """Input and output sizes of the adapted matrices of a layer; none if all weights are trained."""
        return [] if self.method == "full" else _modules(self.shape, self.configuration)

    @property
    def trained_parameters(self) -> float:
        """In all layers, and embeddings if all weights are trained."""
        return self.shape.parameters if self.method == "full" else adapter_parameters(self.shape, self.configuration)

    @property
    def trained_bytes(self) -> int:
        """Of a trained parameter."""
        return 2 if self.method == "full" and self.trainer.half else 4

    @property
    def is_wide(self) -> bool:
        """Whether hidden states are float32."""
        return self.method == "qlora" and self.trainer.wide

    @property
    def weight_bytes(self) -> float:
        """Of the base model."""
        if self.method == "full" and self.trainer.half:
            return 2.0 * self.shape.parameters
        whole = self.shape.embeddings if self.method == "qlora" else 0.0
        return WEIGHT_BYTES[self.method] * (self.shape.parameters - whole) + 2.0 * whole


def adapter_parameters(shape: ModelShape, configuration: Configuration) -> float:
    """That LoRA and its variants train, in all layers of a model."""
    return int(setting(configuration, "rank")) * shape.layers * sum(map(sum, _modules(shape, configuration)))


def _modules(shape: ModelShape, configuration: Configuration) -> list[tuple[float, float]]:
    return list(shape.modules(str(setting(configuration, "target_modules"))).values())


def peak_memory_bytes(run: PlannedRun) -> float | None:
    """Of the accelerator, at the largest micro-batch that can come; None for a method that is not in `WEIGHT_BYTES`."""
    if run.method not in WEIGHT_BYTES:
        return None
    tokens, predicted = run.workload.longest_batch(run.rows_at_once)
    loss = sum(fixed_bytes(run)) + _step_bytes(run, tokens, predicted)
    if run.method != "full":
        return loss
    gradients = run.trained_bytes * run.trained_parameters / run.trainer.devices
    # The first micro-batch of a step finds no gradients; AdamW's step copies the parameters.
    return max(loss - (gradients if run.rows_at_once == run.batch else 0.0), sum(fixed_bytes(run)) + gradients)


def fixed_bytes(run: PlannedRun) -> tuple[float, float]:
    """What lies in memory before the first step, and what gradients and moments add to it."""
    adapter = 0.0 if run.method == "full" else 4 * run.trained_parameters
    growing = (_STATE_BYTES[run.trained_bytes] - run.trained_bytes) * run.trained_parameters
    return (run.weight_bytes + adapter) / run.trainer.devices + _FIXED_BYTES, growing / run.trainer.devices


def token_bytes(run: PlannedRun) -> float:
    """What a padded token takes at most, logits included, as far as a split is chosen by it."""
    share = float((run.workload.completions / run.workload.lengths).max())
    return _step_bytes(run, 1.0, share)


def _step_bytes(run: PlannedRun, tokens: float, predicted: float) -> float:
    """What a micro-batch takes beside weights, gradients and moments, if the loss is taken on so many tokens."""
    logits = run.trainer.logit_bytes * run.shape.vocabulary * predicted
    layer, layers = tokens * _layer_bytes(run), run.shape.layers
    if not run.split.checkpointing:
        return layer * layers + logits
    inputs = tokens * (4.0 if run.is_wide else 2.0) * run.shape.width * layers
    return inputs + max(run.trainer.backward * layer, logits)


def _layer_bytes(run: PlannedRun) -> float:
    """What a token leaves in a layer for the backward pass.

    Two norms keep their input in float32; attention keeps queries, keys, values and output; the gated block keeps the
    gate, its activation and the other factor, in float32 where matrices in 4 bits return what they were given; an
    adapted matrix its input, and which of it was dropped; a trained matrix its input, as far as nothing else keeps it.
    """
    shape = run.shape
    copy = (2 if run.trainer.autocast else 4) + (1 if float(run.configuration.values.get("dropout", 0.0)) > 0 else 0)
    adapters = copy * sum(before for before, _ in run.modules)
    gated = (12.0 if run.is_wide else 6.0) * shape.inner
    inputs = 4.0 * shape.width + 2.0 * shape.inner if run.method == "full" else 0.0
    return 8.0 * shape.width + 4.0 * (shape.queries + shape.pairs) + gated + adapters + inputs


def run_seconds(run: PlannedRun, accelerator: Accelerator) -> float | None:
    """Of all epochs and the validation after each slice, loading aside; None where the method's price is not known."""
    if run.method not in WEIGHT_BYTES:
        return None
    return float(np.dot(cost_terms(run, accelerator), PRICES))


def cost_terms(run: PlannedRun, accelerator: Accelerator) -> np.ndarray:
    """What `PRICES` are multiplied with.

    Returns:
        (5,) seconds of all products at the peak; of moving activations; launches, one for each layer of a micro-batch;
        seconds of moving weights, and of moving a byte for each 4-bit weight that is unpacked.
    """
    planned = plan(run.configuration, len(run.workload.lengths))
    epochs, parts = planned.steps / planned.steps_per_epoch, planned.steps * run.pieces
    again = 1 if run.split.checkpointing else 0
    shape, validated = run.shape, SLICES * run.workload.validation_tokens
    operations = epochs * _operations(run, again) + 2 * validated * shape.layers * shape.layer_parameters
    activations = epochs * _traffic(run, again) + validated * _forward_traffic(run)
    launches = parts * shape.layers * (1 + again / 2)
    moved = 2 * _STATE_BYTES[run.trained_bytes] - run.trained_bytes
    weights = 2 * (2 + again) * parts * shape.parameters + planned.steps * moved * run.trained_parameters
    unpacked = (2 + again) * parts * (shape.parameters - shape.embeddings) if run.method == "qlora" else 0.0
    moved_bytes = np.array([activations, weights, unpacked]) / accelerator.bandwidth
    return np.array([operations / accelerator.flops, moved_bytes[0], launches, *moved_bytes[1:]])


def _operations(run: PlannedRun, again: int) -> float:
    """Of an epoch."""
    shape, work = run.shape, run.workload
    tokens, predicted = int(work.lengths.sum()), int(work.completions.sum())
    weights = shape.layers * shape.layer_parameters
    trained = weights if run.method == "full" else run.trained_parameters
    found = 2.0 * tokens * ((2 + again) * weights + trained * (1 if run.method == "full" else 3 + again))
    found += 2.0 * (3 + again) * shape.layers * shape.queries * int((work.lengths**2).sum())
    return found + 4.0 * shape.vocabulary * shape.width * predicted


def _traffic(run: PlannedRun, again: int) -> float:
    """Of the activations of an epoch, in bytes."""
    work = run.workload
    logits = _LOGIT_TRAFFIC * run.shape.vocabulary * int(work.completions.sum())
    wide = 2 if run.is_wide else 1
    return wide * (3 + again) * int(work.lengths.sum()) * _forward_traffic(run) + logits


def _forward_traffic(run: PlannedRun) -> float:
    """Bytes that a token's element-wise operations read and write in all layers, forward.

    Per layer and unit of width: a norm in float32 takes 36 and an addition 6, twice each; rotary positions 20, on
    queries and keys; copying keys and values to all heads, attention itself and a transposition 20, on queries; the
    gate 10; an adapter 10, on what goes in (a copy in float32) and on what comes out.
    """
    shape = run.shape
    attention = 40.0 * shape.queries + 20.0 * shape.pairs
    adapters = 10.0 * sum(map(sum, run.modules))
    return shape.layers * (84.0 * shape.width + attention + 10.0 * shape.inner + adapters)
