"""What a search stands on: the tokenized data, the base model's own scores, the task, the candidates."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from foretune.request import DataRequest
from foretune.session.guarding import Guard, read_guard
from foretune.session.measuring import Measuring, Reader
from foretune.session.memory import Fit, fit_of
from foretune.session.shipped import shipped_surrogates
from foretune.types import Configuration, Report, Task, Trial

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from foretune.finetuning.data import TokenizedSplits
    from foretune.finetuning.ending import Ending
    from foretune.finetuning.evaluate import Scores
    from foretune.metadata.shape import ModelShape
    from foretune.optimizer import Optimizer, Search
    from foretune.session.options import TuneOptions
    from foretune.session.workers import Team
    from foretune.space import SearchSpace
    from foretune.surrogate.pace import Pace
    from foretune.surrogate.protocol import Surrogates

_REPORTED_VERSIONS = ("foretune", "torch", "transformers", "peft", "numpy")

_SMALL = 30_000_000

RunTrial = Callable[[Trial, float | None], Report]


@dataclass(frozen=True)
class SearchSetup:
    """All that is known before the first trial.

    Attributes:
        data: tokenized splits; the validation split may be a part of what is there.
        whole: the same with all of it, for the scores at the end.
        as_read: the request that the splits were read by, with its length, its end and its day.
        tokenizer: of the base model.
        ending: how completions end.
        zero_shot: scores of the base model on the validation split of `data` and, where that is cheap, the test split.
        task: what the surrogates are told.
        candidates: sampled from the search space.
        default: what a practitioner would start with.
        versions: of the libraries that matter.
        surrogates: meta-learned, where there are any; with seconds of this machine where they know only others.
        pace: what slices take here, if steps were timed; see `foretune.finetuning.pace`.
        closing_seconds: that scoring a finetuned model at the end is expected to take.
        validation_seconds: that scoring the validation split of `data` took; 0 where that is not known.
        question_seconds: that an answer and its score should take, see `foretune.session.answering`; 0 likewise.
        fit: what steps take of the memory; None where it was not measured.
        fingerprint: of the tokens of all splits.
        guard: a second dataset that finetuning should not harm, if there is one.
        notes: on the data and the model, for the user.
    """

    data: TokenizedSplits
    whole: TokenizedSplits
    as_read: DataRequest
    tokenizer: PreTrainedTokenizerBase
    ending: Ending
    zero_shot: Mapping[str, Scores]
    task: Task
    candidates: tuple[Configuration, ...]
    default: Configuration
    versions: Mapping[str, str]
    surrogates: Surrogates | None
    pace: Pace
    closing_seconds: float
    validation_seconds: float
    question_seconds: float
    fit: Fit | None
    fingerprint: str
    guard: Guard | None
    notes: tuple[str, ...]

    @property
    def zero_shot_nll(self) -> float:
        """Validation loss of the base model."""
        return self.zero_shot["validation"].nll

    def optimizer(self, options: TuneOptions, make: Callable[[Search], Optimizer] | None = None) -> Optimizer:
        """A fresh optimizer: what `make` makes, or the one that the options name."""
        from foretune.optimizer import Search, find_optimizer

        given = self.task, self.candidates, self.default, self.surrogates, options.seed
        asked = Search(*given, only_candidates=False)
        return (make or find_optimizer(options.optimizer))(asked)

    def executor(self, options: TuneOptions, directory: Path, team: Team, *, stop: Callable[[], bool]) -> RunTrial:
        """What runs the trials: whichever worker is free or, without any, this process."""
        if not team.workers:
            from foretune.execution.in_process import InProcess

            return InProcess(self.data, options.model, directory, options.seed, options.device, stop=stop)
        from foretune.execution.jobs import Job
        from foretune.execution.several import Several
        from foretune.execution.subprocess import Subprocess
        from foretune.finetuning.base import release

        release()  # workers read the model for themselves
        template = Job(
            Trial(0, self.default, 1),
            options.model,
            self.as_read,
            str(directory),
            seed=options.seed,
            device=options.device,
            test=False,
            threads=team.threads,
            memory_bytes=team.memory_bytes,
        )
        return Several([Subprocess(worker, template, directory, stop=stop) for worker in team.workers])


@contextmanager
def base_model_held() -> Generator[None]:
    """Until the end of this, the process holds the base model for whatever comes; afterwards it does not."""
    try:
        yield
    finally:
        from foretune.finetuning.base import release

        release()


def prepare(
    options: TuneOptions,
    known: Mapping[str, Any] | None,
    *,
    configuration: Configuration | None = None,
    step: Callable[[str], None] = lambda _: None,
    timed: bool = True,
) -> SearchSetup:
    """Load the data and the model, score it untouched, describe the task and sample the candidates.

    Args:
        options: of the search.
        known: header of the journal, whose task, scores and day are taken over when the search is resumed.
        configuration: the only one to be trained; None for a search, where the default stands for all.
        step: is told what is being done.
        timed: whether evaluation and steps may be timed, to know what slices take here.
    """
    from foretune.finetuning.check import check_sizes
    from foretune.finetuning.provenance import fingerprint_of_splits
    from foretune.finetuning.shape import shape_of
    from foretune.finetuning.targets import available_targets, target_notes
    from foretune.optimizer import needs_surrogates
    from foretune.space import load_space
    from foretune.surrogate.pace import paced

    model, tokenizer, loading = _loaded(options, step)
    shape = shape_of(model)
    reader = _reader(options, model, tokenizer, (known or {}).get("today"))
    step("reading and tokenizing the data")
    splits, whole = reader.read()
    check_sizes(model, tokenizer, whole)
    about_targets = target_notes(model)
    space = load_space(options.space, hidden_size=shape.width).with_targets(available_targets(model))
    default, about_default = _default(options, configuration, len(whole.train), space)
    del model  # there may be no room for two
    surrogates = find_surrogates(options.surrogate, shape, needed=needs_surrogates(options.optimizer))
    seen = surrogates.card.get("hardware", ()) if surrogates else None
    measuring = Measuring(options, reader, configuration or default, seen, loading, step, timed)
    measured = measuring.measure(splits, whole) if known is None else measuring.resume(known, splits, whole)
    fit = fit_of(measured.memory, shape, whole, options.device)
    pool = _candidates(options, space, shape.width, surrogates, default)
    pool, default, about_memory = _that_fit(fit, space, default, pool, configuration)
    guard, about_guard = read_guard(options, reader, splits, whole, measured.data)
    return SearchSetup(
        data=measured.data,
        whole=whole,
        as_read=reader.of_rows(None if measured.data is whole else len(measured.data.validation)),
        tokenizer=tokenizer,
        ending=reader.ending,
        zero_shot=measured.scores,
        task=measured.task,
        candidates=pool,
        default=default,
        versions=installed_versions(),
        surrogates=paced(surrogates, measured.task, measured.pace) if surrogates else None,
        pace=measured.pace,
        closing_seconds=measured.closing_seconds,
        validation_seconds=measured.validation_seconds,
        question_seconds=measured.question_seconds,
        fit=fit,
        fingerprint=fingerprint_of_splits(whole),
        guard=guard,
        notes=(*measured.data.notes, *about_targets, *about_default, *about_memory, *about_guard),
    )


def _candidates(
    options: TuneOptions, space: SearchSpace, width: int, surrogates: Surrogates | None, default: Configuration
) -> tuple[Configuration, ...]:
    """What a search chooses from after its default."""
    from foretune.optimizer.pool import candidate_pool

    recorded = surrogates.performance.recorded if surrogates else ()
    pool = candidate_pool(space, width, recorded, options.candidates, np.random.default_rng(options.seed))
    return tuple(one for one in dict.fromkeys((space.default(), *pool)) if one != default)


def _that_fit(
    fit: Fit | None,
    space: SearchSpace,
    default: Configuration,
    pool: tuple[Configuration, ...],
    configuration: Configuration | None,
) -> tuple[tuple[Configuration, ...], Configuration, tuple[str, ...]]:
    """The candidates and the default that fit, with notes on the rest; a single run that does not fit is refused."""
    if fit and configuration:
        fit.check(configuration)
    elif fit:
        return fit.fitting(space, default, pool)
    return pool, default, ()


def _default(
    options: TuneOptions, configuration: Configuration | None, rows: int, space: SearchSpace
) -> tuple[Configuration, tuple[str, ...]]:
    """What a search begins with, and notes on it; runs of one's own tell more than what is published."""
    from foretune.session.demand import find_model
    from foretune.session.first_run import first_run

    if configuration is not None or options.surrogate is not None:
        return space.default(), ()
    return first_run(find_model(options.model), rows, space)


def _loaded(
    options: TuneOptions, step: Callable[[str], None]
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, float]:
    """The base model, which is one that can be searched on, its tokenizer, and the seconds that reading them took."""
    from foretune.finetuning.base import fresh_model, release
    from foretune.finetuning.check import check_causal
    from foretune.finetuning.model import check_four_bit, load_tokenizer
    from foretune.space import load_space

    if "qlora" in load_space(options.space).methods:
        check_four_bit(options.device)
    step("loading the model")
    release()  # what lies there may have changed since an earlier search of this process
    begun = time.perf_counter()
    model = fresh_model(options.model, device=options.device, changes_weights=False)
    tokenizer = load_tokenizer(options.model)
    loading = time.perf_counter() - begun
    _choose_threads(model)
    check_causal(model)
    return model, tokenizer, loading


def _reader(
    options: TuneOptions,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    begun_on: str | None,
) -> Reader:
    """Told the day on which the journal was begun, else the one that was asked for, else today."""
    from foretune.finetuning.ending import find_ending
    from foretune.finetuning.shape import shape_of
    from foretune.finetuning.task import longest_input

    length = options.data.max_length or longest_input(shape_of(model))
    day, ending = begun_on or options.data.today or date.today().isoformat(), find_ending(model, tokenizer)
    return Reader(replace(options.data, max_length=length, today=day, end=ending.token), tokenizer, ending)


def _choose_threads(model: PreTrainedModel) -> None:
    """Compute small models on one core, unless OMP_NUM_THREADS says otherwise.

    Their steps are too short to share: on a machine with other work, two threads that wait for each other were measured
    to take 40 times as long as one. The seconds that the shipped cost surrogate learned from are of one thread, too.
    """
    import torch

    if "OMP_NUM_THREADS" not in os.environ and model.num_parameters() < _SMALL:
        torch.set_num_threads(1)


def find_surrogates(folder: str | None, shape: ModelShape, *, needed: bool) -> Surrogates | None:
    """The surrogates in `folder`, or else the shipped ones; None if those are neither there nor needed."""
    from foretune.surrogate.store import load_surrogates

    shipped = shipped_surrogates(shape)
    if folder is None and not needed and not shipped.is_dir():
        return None
    return load_surrogates(folder or shipped)


def installed_versions() -> dict[str, str]:
    """Versions of the libraries that decide a result."""
    return {name: metadata.version(name) for name in _REPORTED_VERSIONS}
