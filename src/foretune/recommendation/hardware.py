"""Seconds and peak memory of finetuning a real language model on one accelerator, from first principles.

A step of LoRA on frozen weights takes

    F / (0.7 F_peak) + B / B_peak + 1 ms L

with F its floating-point operations, B the bytes that its element-wise operations read and write, and L the layers,
each of which costs the time to launch its kernels, once for each micro-batch that the step is computed in. Per token,
with N parameters in the layers' matrices and A in the adapter:

    F = 4 N + 6 A + 6 L q s   (and 2 N + 2 A + 2 L q s more where activations are computed again)

2 N forward and 2 N for the gradients that pass through frozen weights; the adapter's parameters have gradients of their
own; attention over rows of s tokens, q being heads times their size, of which causal kernels compute half (all of it is
12 L q s: Chowdhery et al., 2022, appendix B); and 4 V h for the output head where a completion token is predicted. An
evaluation is a forward pass. B is counted operation by operation for a decoder with RMS norms, rotary positions and a
gated feed-forward block as transformers runs it, and taken thrice: forward, and twice that backward.

Memory is at its peak when the loss of the largest micro-batch has been computed and nothing is freed yet: the weights,
the adapter with gradients and Adam's moments (float32), what each layer keeps for the backward pass, the logits, and a
constant.

The two constants of time are round numbers, set with recorded runs of three models on two accelerators in view;
`benchmarks/hardware_model.py` compares predictions with those, and with their memory, which nothing was fitted to.
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

EFFICIENCY = 0.7
"""Share of the peak that large matrix products reach."""
LAYER_SECONDS = 1e-3
"""To launch the kernels of a layer, forward and backward."""
WEIGHT_BYTES = {"lora": 2.0, "rslora": 2.0, "dora": 2.0, "loraplus": 2.0, "pissa": 6.0, "qlora": 0.52}
"""Of a frozen weight in memory. PiSSA's are float32, with a copy in bfloat16 while training; QLoRA's are 4 bits and
0.127 for the constants of double quantization (Dettmers et al., 2023), embeddings aside."""
_UNTIMED = frozenset({"qlora"})
"""Methods that decompress weights on the way, whose price is not known here."""
_TRAINED_BYTES = 16
"""Of an adapter's parameter: itself, its gradient and two moments, in float32."""
_LOGIT_TRAFFIC = 40
"""Bytes read and written per logit, forward and backward."""
_FIXED_BYTES = 0.5 * 2**30
"""Context of the driver and workspaces of the libraries."""
_SAMPLED_BATCHES = 64
"""In which micro-batches are counted."""


@dataclass(frozen=True)
class PlannedRun:
    """A run before it is run.

    Attributes:
        shape: of the base model.
        workload: of the dataset.
        configuration: of one of `WEIGHT_BYTES`, with all that its method needs.
        split: how gradients of a batch are computed.
        autocast: whether products with the adapter are in bfloat16, as in foretune's own training, or in float32.
    """

    shape: ModelShape
    workload: Workload
    configuration: Configuration
    split: Split = WHOLE
    autocast: bool = True

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
        """Input and output sizes of the adapted matrices of a layer."""
        return _modules(self.shape, self.configuration)

    @property
    def adapter_parameters(self) -> float:
        """That are trained, in all layers."""
        return adapter_parameters(self.shape, self.configuration)

    @property
    def weight_bytes(self) -> float:
        """Of the base model."""
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
    logits = predicted * logit_bytes(run.shape.vocabulary, 1.0)
    return sum(fixed_bytes(run)) + tokens * _kept_bytes(run) + logits


def fixed_bytes(run: PlannedRun) -> tuple[float, float]:
    """What lies in memory before the first step, and what gradients and moments add to it."""
    trained = run.adapter_parameters
    return run.weight_bytes + 4 * trained + _FIXED_BYTES, (_TRAINED_BYTES - 4) * trained


def token_bytes(run: PlannedRun) -> float:
    """What a padded token takes at most, logits included, as far as a split is chosen by it."""
    share = float((run.workload.completions / run.workload.lengths).max())
    return _kept_bytes(run) + logit_bytes(run.shape.vocabulary, share)


def _kept_bytes(run: PlannedRun) -> float:
    """What a token leaves in all layers for the backward pass.

    Per layer: two norms keep their input in float32; attention keeps queries, keys, values and output; the gated block
    keeps the gate, its activation and the other factor; an adapted matrix its input, and which of it was dropped. With
    checkpointing only what goes into each layer is kept, and all of one layer.
    """
    shape = run.shape
    copy = (2 if run.autocast else 4) + (1 if float(run.configuration.values.get("dropout", 0.0)) > 0 else 0)
    adapters = copy * sum(before for before, _ in run.modules)
    layer = 8.0 * shape.width + 4.0 * (shape.queries + shape.pairs) + 6.0 * shape.inner + adapters
    return 2.0 * shape.width * shape.layers + layer if run.split.checkpointing else layer * shape.layers


def run_seconds(run: PlannedRun, accelerator: Accelerator) -> float | None:
    """Of all epochs and the validation after each slice, loading aside; None where the method's price is not known."""
    if run.method not in WEIGHT_BYTES.keys() - _UNTIMED:
        return None
    shape, work, again = run.shape, run.workload, 1 if run.split.checkpointing else 0
    planned = plan(run.configuration, len(work.lengths))
    tokens, predicted = int(work.lengths.sum()), int(work.completions.sum())
    weights = shape.layers * shape.layer_parameters
    operations = 2 * tokens * ((2 + again) * weights + (3 + again) * run.adapter_parameters)
    operations += 2 * (3 + again) * shape.layers * shape.queries * int((work.lengths**2).sum())
    operations += 4 * shape.vocabulary * shape.width * predicted
    traffic = (3 + again) * tokens * _forward_traffic(run) + _LOGIT_TRAFFIC * shape.vocabulary * predicted
    epochs = planned.steps / planned.steps_per_epoch * _seconds(operations, traffic, accelerator)
    validated = work.validation_tokens
    evaluation = _seconds(2 * validated * weights, validated * _forward_traffic(run), accelerator)
    launches = planned.steps * run.pieces * shape.layers
    return epochs + launches * LAYER_SECONDS * (1 + again / 2) + SLICES * evaluation


def _seconds(operations: float, traffic: float, accelerator: Accelerator) -> float:
    return operations / (EFFICIENCY * accelerator.flops) + traffic / accelerator.bandwidth


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
