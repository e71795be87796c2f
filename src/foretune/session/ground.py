"""What a search stands on: the tokenized data, the base model's own scores, the task, the candidates."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import metadata, resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from foretune.types import VALIDATION_NLL, Configuration, Report, Task, Trial

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from foretune.finetune.data import TokenizedSplits
    from foretune.finetune.evaluate import Scores
    from foretune.optimizer import Optimizer
    from foretune.session.search import Settings
    from foretune.surrogate.pace import Pace
    from foretune.surrogate.protocol import Surrogates

SHIPPED_SURROGATES = "foretune-tiny-v1"
_REPORTED_VERSIONS = ("foretune", "torch", "transformers", "peft", "numpy")

_WITHOUT_SURROGATES = {"random", "default"}
_SMALL = 30_000_000

RunTrial = Callable[[Trial, float | None], Report]


@dataclass(frozen=True)
class Ground:
    """All that is known before the first trial.

    Attributes:
        data: tokenized splits.
        max_length: tokens that an example was allowed.
        tokenizer: of the base model.
        zero_shot: scores of the base model on the validation and the test split.
        task: what the surrogates are told.
        candidates: sampled from the search space.
        default: what a practitioner would start with.
        versions: of the libraries that matter.
        surrogates: meta-learned, where there are any; with seconds of this machine where they know only others.
        pace: what slices take here, if steps were timed; see `foretune.finetune.pace`.
        notes: on the data and the model, for the user.
    """

    data: TokenizedSplits
    max_length: int
    tokenizer: PreTrainedTokenizerBase
    zero_shot: Mapping[str, Scores]
    task: Task
    candidates: tuple[Configuration, ...]
    default: Configuration
    versions: Mapping[str, str]
    surrogates: Surrogates | None
    pace: Pace
    notes: tuple[str, ...]

    @property
    def zero_shot_nll(self) -> float:
        """Validation loss of the base model."""
        return self.zero_shot["validation"].nll

    def optimizer(self, settings: Settings) -> Optimizer:
        """A fresh optimizer."""
        from foretune.optimizer import make_optimizer

        return make_optimizer(
            settings.optimizer, self.task, self.candidates, self.default, self.surrogates, seed=settings.seed
        )

    def executor(self, settings: Settings, directory: Path, stack: ExitStack, *, isolate: bool) -> RunTrial:
        """What runs the trials: this process, or a worker that lives as long as `stack`."""
        if not isolate:
            from foretune.execution.in_process import InProcess

            return InProcess(self.data, settings.model, directory, settings.seed, settings.device)
        from foretune.execution.jobs import Job
        from foretune.execution.subprocess import Subprocess, Worker

        template = Job(
            Trial(0, self.default, 1),
            settings.model,
            settings.data,
            str(directory),
            train_rows=settings.train_rows,
            data_seed=settings.seed,
            max_length=self.max_length,
            seed=settings.seed,
            device=settings.device,
            test=False,
        )
        import torch

        worker = Worker(environment={"OMP_NUM_THREADS": str(torch.get_num_threads())})
        return Subprocess(stack.enter_context(worker), template, directory)


def prepare(settings: Settings, known: Mapping[str, Any] | None) -> Ground:
    """Load the data and the model, score it untouched, describe the task and sample the candidates.

    Args:
        settings: of the search.
        known: header of the journal, whose task and scores are taken over when the search is resumed.
    """
    from foretune.execution.worker import completion_end
    from foretune.finetune.check import check_causal, check_sizes
    from foretune.finetune.data import load_splits, tokenize
    from foretune.finetune.evaluate import Scores
    from foretune.finetune.model import check_four_bit, load_model, load_tokenizer, resolve_model
    from foretune.finetune.pace import time_slices, timed_zero_shot
    from foretune.finetune.provenance import hardware
    from foretune.finetune.shape import shape_of
    from foretune.finetune.targets import available_targets, target_notes
    from foretune.finetune.task import describe_task, longest_input
    from foretune.finetune.train import SLICES
    from foretune.optimizer.pool import candidate_pool
    from foretune.space import load_space
    from foretune.surrogate.pace import paced

    if "qlora" in load_space(settings.space).methods:
        check_four_bit(settings.device)
    splits = load_splits(settings.data, seed=settings.seed, train_rows=settings.train_rows)
    model, tokenizer = load_model(settings.model, device=settings.device), load_tokenizer(settings.model)
    _choose_threads(model)
    check_causal(model)
    shape = shape_of(model)
    max_length = settings.max_length or longest_input(shape)
    data = tokenize(splits, tokenizer, max_length, end_token_id=completion_end(settings.model, tokenizer, model))
    check_sizes(model, tokenizer, data)
    width, notes = shape.width, (*data.notes, *target_notes(model))
    space = load_space(settings.space, hidden_size=width).with_targets(available_targets(model))
    default = space.default()
    surrogates = find_surrogates(settings.surrogate, needed=settings.optimizer not in _WITHOUT_SURROGATES)
    if known is None:
        scores, seconds = timed_zero_shot(model, data)
        task = describe_task(splits, data, resolve_model(settings.model), model, SLICES, scores=scores)
        elsewhere = surrogates and hardware(settings.device) not in surrogates.card.get("hardware", ())
        # The last that is done with this model: it does not come back from it.
        pace = time_slices(model, settings.model, data, default, settings.device, seconds) if elsewhere else {}
    else:
        scores = {split: Scores(**values) for split, values in known["zero_shot"].items()}
        task = Task(metric=VALIDATION_NLL, **known["task"])
        pace = {Configuration(one["configuration"]): float(one["seconds"]) for one in known.get("pace", ())}
    recorded = surrogates.performance.recorded if surrogates else ()
    pool = candidate_pool(space, width, recorded, settings.candidates, np.random.default_rng(settings.seed))
    if surrogates:
        surrogates = paced(surrogates, task, pace)
    return Ground(
        data, max_length, tokenizer, scores, task, pool, default, installed_versions(), surrogates, pace, notes
    )


def _choose_threads(model: PreTrainedModel) -> None:
    """Compute small models on one core, unless OMP_NUM_THREADS says otherwise.

    Their steps are too short to share: on a machine with other work, two threads that wait for each other were measured
    to take 40 times as long as one. The seconds that the shipped cost surrogate learned from are of one thread, too.
    """
    import torch

    if "OMP_NUM_THREADS" not in os.environ and model.num_parameters() < _SMALL:
        torch.set_num_threads(1)


def find_surrogates(folder: str | None, *, needed: bool) -> Surrogates | None:
    """The surrogates in `folder`, or else the shipped ones; None if those are neither there nor needed."""
    from foretune.surrogate.store import load_surrogates

    shipped = Path(str(resources.files("foretune"))) / "data" / "surrogates" / SHIPPED_SURROGATES
    if folder is None and not needed and not shipped.is_dir():
        return None
    return load_surrogates(folder or shipped)


def installed_versions() -> dict[str, str]:
    """Versions of the libraries that decide a result."""
    return {name: metadata.version(name) for name in _REPORTED_VERSIONS}
