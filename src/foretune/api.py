"""The Python interface: what the verbs of the command line do, as functions with typed results."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foretune.errors import ConfigurationError
from foretune.run import Run, load_run
from foretune.session.durations import parse_seconds
from foretune.session.lineage import linked
from foretune.session.scoring import MetricRequest
from foretune.tuner import Budget, Clock
from foretune.types import Configuration, Value

if TYPE_CHECKING:
    from rich.console import Console

    from foretune.optimizer import Optimizer, Search
    from foretune.recommendation import Advice


def tune(
    data: str | Path,
    output: str | Path,
    *,
    budget: str | float,
    model: str | Path = "foretune-tiny",
    seed: int = 0,
    resume: bool = False,
    space: str | Path = "peft",
    optimizer: str | Callable[[Search], Optimizer] = "transfer-in-context",
    max_slices: int | None = None,
    candidates: int = 256,
    surrogates: str | Path | None = None,
    train_rows: int | None = None,
    max_length: int | None = None,
    columns: str | None = None,
    last_turn_only: bool = False,
    skip_bad_rows: bool = False,
    device: str = "auto",
    isolate: bool = False,
    workers: int = 1,
    cluster: str | None = None,
    checkpoints: str | Path | None = None,
    storage: str | None = None,
    track: Sequence[str] = (),
    average: bool = True,
    max_rank: int | None = None,
    guard: str | Path | None = None,
    guard_limit: str | float | None = None,
    metric: str | MetricRequest = "nll",
    default_comparison: bool = True,
    learn_into: str | Path | None = None,
    family: str | None = None,
    console: Console | None = None,
    clock: Clock | None = None,
) -> Run:
    """Find the best finetuning of a model on a dataset within a budget.

    Args:
        data: file, folder or hub name of the dataset.
        output: folder for everything that comes of it.
        budget: time that the search may take, in seconds or as in `1h30m`.
        model: base model: `foretune-tiny`, a folder, or a hub name.
        seed: of splits, candidates, adapters and the order of the data.
        resume: go on with the search in `output`.
        space: search space: a shipped name or a YAML file.
        optimizer: chooses the trials: a name, or a function that makes an optimizer of a `Search`.
        max_slices: train no more slices than this.
        candidates: configurations to choose from.
        surrogates: folder written by `foretune fit`; None for the shipped ones.
        train_rows: train on only so many rows.
        max_length: tokens that an example may have; None for what the model takes, at most 512.
        columns: which columns to take, such as `prompt=Q,completion=A`.
        last_turn_only: learn the last answer of a conversation alone.
        skip_bad_rows: leave out rows that cannot be used.
        device: `auto` (a GPU if there is one), `cpu`, `cuda`, ...
        isolate: run trials in a process of their own.
        workers: trials at the same time, each in a process of its own, dealt out to all GPUs.
        cluster: a Ray cluster that runs the trials, as `ray` or `ray:ADDRESS`.
        checkpoints: folder or bucket that all of its nodes reach; None for the output folder.
        storage: address of a storage of Optuna that shows the trials, such as `sqlite:///trials.db`.
        track: trackers that show the runs, as `mlflow:URI`, `tensorboard:DIR`, `trackio:PROJECT` or `wandb:DIR`.
        average: return an average of the best runs' weights where it is better; else the best run's.
        max_rank: cut the rank of such an average, which is the sum of its runs' ranks.
        guard: second dataset, to see what finetuning costs there; `general` comes with foretune.
        guard_limit: scale down or change the adapter so that the guard's loss rises by no more, as in `10%` or 0.1.
        metric: chooses among the best adapters: `nll`, or by written answers `exact_match`, `token_f1`, `rouge_l`; for
            a judge, a `MetricRequest`.
        default_comparison: train the default configuration, too, outside of the budget.
        learn_into: append all runs to this meta-dataset, which is made if absent.
        family: kind of dataset, for `learn_into`; None for the dataset's name.
        console: where progress is shown; None for nowhere.
        clock: that the budget is measured by; None begins now.

    Raises:
        ForetuneError: whatever is wrong with the input, or if nothing was trained.
    """
    from foretune.integrations.following import followed
    from foretune.session.closing import close
    from foretune.session.guarding import parse_limit
    from foretune.session.options import TuneOptions
    from foretune.session.search import search
    from foretune.session.teaching import check_team, teach
    from foretune.session.waiting import nowhere
    from foretune.session.workers import RayRequest, parse_cluster

    team = None if learn_into is None else Path(learn_into)
    if team is not None:
        check_team(team)
    name, make = (optimizer, None) if isinstance(optimizer, str) else (_name_of(optimizer), optimizer)
    options = TuneOptions.of(
        data,
        model,
        seed=seed,
        space=str(space),
        optimizer=name,
        candidates=candidates,
        surrogates=surrogates,
        max_length=max_length,
        train_rows=train_rows,
        device=device,
        columns=columns,
        last_turn_only=last_turn_only,
        skip_bad_rows=skip_bad_rows,
        average=average,
        max_rank=max_rank,
        guard=None if guard is None else str(guard),
        guard_limit=parse_limit(guard_limit),
        metric=MetricRequest(metric) if isinstance(metric, str) else metric,
    )
    limits, shown = Budget(_seconds(budget), max_slices), console or nowhere()
    store = None if checkpoints is None else str(checkpoints)
    ray = None if cluster is None else RayRequest(parse_cluster(cluster), store)
    with followed(storage, track, Path(output), shown) as observers:
        found = search(
            options,
            limits,
            Path(output),
            shown,
            resume=resume,
            isolate=isolate,
            workers=workers,
            cluster=ray,
            clock=clock,
            make=make,
            observers=observers,
        )
    close(found, shown, compare_default=default_comparison)
    if team is not None:
        teach(found, team, family, shown)
    return load_run(output)


def finetune(
    data: str | Path,
    output: str | Path,
    *,
    configuration: Configuration | Mapping[str, Value],
    after: Sequence[Configuration | Mapping[str, Value]] = (),
    model: str | Path = "foretune-tiny",
    seed: int = 0,
    train_rows: int | None = None,
    max_length: int | None = None,
    columns: str | None = None,
    last_turn_only: bool = False,
    skip_bad_rows: bool = False,
    guard: str | Path | None = None,
    device: str = "auto",
    console: Console | None = None,
) -> Run:
    """Train one configuration to its end, keep its best slice, and score that on the test split.

    Args:
        data: see `tune`.
        output: folder for the run; one that was begun is gone on with.
        configuration: the hyperparameters, for instance of a `Run` or a recommendation.
        after: those of earlier runs, first to last; each run begins with the best adapter of the run before it.
        model: see `tune`.
        seed: see `tune`.
        train_rows: see `tune`.
        max_length: see `tune`.
        columns: see `tune`.
        last_turn_only: see `tune`.
        skip_bad_rows: see `tune`.
        guard: see `tune`.
        device: see `tune`.
        console: see `tune`.

    Raises:
        ForetuneError: whatever is wrong with the input, or if no slice was trained.
    """
    from foretune.session.checks import check_recipe
    from foretune.session.options import TuneOptions
    from foretune.session.single import finetune_once
    from foretune.session.waiting import nowhere

    runs = [one.values if isinstance(one, Configuration) else one for one in (*after, configuration)]
    for values in runs:
        check_recipe(dict(values), "configuration")
    options = TuneOptions.of(
        data,
        model,
        seed=seed,
        max_length=max_length,
        train_rows=train_rows,
        device=device,
        columns=columns,
        last_turn_only=last_turn_only,
        skip_bad_rows=skip_bad_rows,
        guard=None if guard is None else str(guard),
    )
    finetune_once(options, linked(runs), Path(output), console or nowhere())
    return load_run(output)


def recommend(
    data: str | Path,
    *,
    model: str | Path = "foretune-tiny",
    top: int = 5,
    budget: str | float | None = None,
    hardware: str | None = None,
    price_per_hour: float | None = None,
    space: str | Path | None = None,
    seed: int = 0,
    **options: Any,
) -> Advice:
    """Configurations for finetuning a model on a dataset, best first, without training a step.

    Args:
        data: file, folder or hub name of the dataset.
        model: base model; its weights need not be there.
        top: how many configurations.
        budget: leave out runs that are predicted to take longer, in seconds or as in `1h30m`.
        hardware: accelerator to train a real LLM on, such as `rtx-4090` or `h100`.
        price_per_hour: of it, in dollars; gives the dollars of each run.
        space: search space: a shipped name or a YAML file.
        seed: of splits and candidates.
        options: further fields of `foretune.session.advising.RecommendRequest`.

    Raises:
        ForetuneError: whatever is wrong with the input.
    """
    from foretune.recommendation.accelerators import find_accelerator
    from foretune.session.advising import RecommendRequest
    from foretune.session.prices import parse_price

    question = RecommendRequest(
        data=str(data),
        model=str(model),
        top=top,
        seconds=math.inf if budget is None else _seconds(budget),
        card=None if hardware is None else find_accelerator(hardware),
        price=None if price_per_hour is None else parse_price(str(price_per_hour), hardware),
        space=None if space is None else str(space),
        seed=seed,
        **options,
    )
    question.check()
    return question.advice()


def _seconds(budget: str | float) -> float:
    return parse_seconds(budget if isinstance(budget, str) else str(budget))


def _name_of(make: Callable[..., object]) -> str:
    """As the command line would have it, for the journal: a search is only resumed with the same optimizer."""
    name = getattr(make, "__qualname__", None)
    if name is None:
        raise ConfigurationError(
            f"{make!r} has no name; give a function or a class that makes an optimizer of a Search"
        )
    return f"{make.__module__}:{name}"
