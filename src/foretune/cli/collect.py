"""`foretune collect`: make a meta-dataset by finetuning many configurations on many tasks."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foretune.cli.answer import answering
from foretune.cli.metadata.counts import counts_of
from foretune.cli.options import Checkpoints, Cluster, Device
from foretune.session import checks
from foretune.session.durations import format_seconds, parse_seconds
from foretune.session.saying import remark
from foretune.session.waiting import waiting

if TYPE_CHECKING:
    from rich.console import Console

    from foretune.collect import CollectionProgress, StartRunner
    from foretune.execution.jobs import Answer, Job
    from foretune.metadata.collection import Collection
    from foretune.metadata.source import TaskSource

_CONFIGURATIONS = 24
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


@answering
def collect(
    out: Annotated[Path, typer.Option(help="folder of the meta-dataset; continues a collection in it")],
    tasks: Annotated[list[str] | None, typer.Option(help="dataset, or DIR@ROWS for a training-set size")] = None,
    more: Annotated[list[str] | None, typer.Argument(metavar="[DIR]...", help="more tasks", show_default=False)] = None,
    train_rows: Annotated[
        list[int] | None, typer.Option(help="training-set size of the tasks without @ROWS; several: each at each size")
    ] = None,
    model: Annotated[str, typer.Option(help="base model: name or folder")] = "foretune-tiny",
    configurations: Annotated[
        int | None, typer.Option(help="per task, the default included; by default 24, or all of a file")
    ] = None,
    configurations_from: Annotated[
        Path | None, typer.Option(metavar="JSONL", help="train these on every task instead of draws; one a line")
    ] = None,
    common: Annotated[float, typer.Option(help="share of them that all tasks have in common")] = 0.6,
    space: Annotated[str, typer.Option(help="search space: a shipped name or a YAML file")] = "peft",
    seed: Annotated[int, typer.Option(help="decides configurations and seeds of runs")] = 0,
    workers: Annotated[int, typer.Option(help="processes, one thread each")] = 1,
    cluster: Cluster = None,
    checkpoints: Checkpoints = None,
    max_length: Annotated[
        int | None, typer.Option(help="tokens of an example; by default what the model can take, at most 512")
    ] = None,
    max_tokens_per_run: Annotated[
        float | None, typer.Option(help="replace configurations whose epochs would train on more tokens than this")
    ] = None,
    timeout: Annotated[str | None, typer.Option(help="of a run, for instance 2m")] = None,
    device: Device = "auto",
    validation_tokens: Annotated[
        int | None, typer.Option(help="score slices on about so many tokens of the validation split; by default all")
    ] = None,
    test_tokens: Annotated[int | None, typer.Option(help="the same for the test split")] = None,
    repeats: Annotated[int, typer.Option(help="further times that each run is done, with other seeds")] = 0,
    columns: Annotated[
        str | None, typer.Option(metavar="NAME=COLUMN,...", help="columns to take, such as prompt=Q,completion=A")
    ] = None,
    last_turn_only: Annotated[
        bool, typer.Option("--last-turn-only", help="learn the last answer of a conversation alone")
    ] = False,
    skip_bad_rows: Annotated[bool, typer.Option("--skip-bad-rows", help="leave out rows that cannot be used")] = False,
    longest_first: Annotated[
        bool, typer.Option("--longest-first", help="begin with the runs of most steps: best for many workers")
    ] = False,
    finish: Annotated[bool, typer.Option("--finish", help="only compile what is in the logs into tables")] = False,
) -> Mapping[str, object]:
    """Collect a meta-dataset: sample configurations, finetune each on each task, append finished runs.

    Kill it at any time and start it again: it skips what is done.
    """
    from rich.console import Console

    named = [*(tasks or ()), *(more or ())]
    seconds = parse_seconds(timeout) if timeout else None
    checks.check_output(out, "--out")
    if not finish:
        checks.check_tasks(named)
        checks.check_space(space)
        checks.check_device(device)
        checks.check_model(model)

    from foretune.collect import collect
    from foretune.collect import finish as compile_tables
    from foretune.metadata.source import parse_sources
    from foretune.request import Reading
    from foretune.session.recipe import read_configurations

    console = Console()
    if finish:
        meta = compile_tables(out)
        console.print(f"Compiled [bold]{out}[/]; see `foretune metadata describe {out}`.")
        return counts_of(meta, out)
    sources = parse_sources(named, train_rows or ())
    given = read_configurations(configurations_from) if configurations_from else ()
    settings = {
        "configurations": configurations or len(given) or _CONFIGURATIONS,
        "given": given,
        "longest_first": longest_first,
        "common": common,
        "seed": seed,
        "max_tokens_per_run": max_tokens_per_run,
        "timeout_seconds": seconds,
        "device": device,
        "validation_tokens": validation_tokens,
        "test_tokens": test_tokens,
        "repeats": repeats,
        "reading": Reading(columns, last_turn_only, skip_bad_rows),
    }
    with waiting(console, "loading the model"):
        collection, describe = _prepare(sources, model, space, max_length, settings, console)
    store = checkpoints or str(out)
    with _alone(out), waiting(console, "starting") as step, _runners(cluster, store, device) as start:
        told, observe = partial(_described, describe, step), partial(_show, console)
        meta = collect(collection, out, describe=told, start_runner=start, workers=workers, observe=observe)
    console.print(
        f"{len(meta.runs)} runs of {len(meta.tasks)} tasks in [bold]{out}[/]. Next: foretune metadata gate {out}"
    )
    return counts_of(meta, out)


@contextmanager
def _alone(out: Path) -> Generator[None]:
    """Keeps other collections out of the folder; Ctrl-C leaves tables of what is finished."""
    from foretune.collect import finish
    from foretune.session.folder import locked

    with locked(out, "collection", "--out"):
        try:
            yield
        except KeyboardInterrupt:
            finish(out)
            raise KeyboardInterrupt("Stopped; the same command goes on from here.") from None


def _prepare(
    sources: Sequence[TaskSource],
    model_name: str,
    space_name: str,
    max_length: int | None,
    settings: Mapping[str, Any],
    console: Console,
) -> tuple[Collection, Callable[[TaskSource], dict[str, Any]]]:
    """The collection for a model's size and input length, and the function that describes tasks on it."""
    from foretune.finetuning.check import check_causal
    from foretune.finetuning.model import check_four_bit, choose_device, load_model, load_tokenizer
    from foretune.finetuning.shape import shape_of
    from foretune.finetuning.targets import available_targets, target_notes
    from foretune.finetuning.task import describe_source, longest_input
    from foretune.finetuning.train import SLICES
    from foretune.metadata.collection import Collection
    from foretune.space import load_space

    settings = {**settings, "device": choose_device(settings["device"])}
    if "qlora" in load_space(space_name).methods:
        check_four_bit(settings["device"])
    model = load_model(model_name, device=settings["device"])
    check_causal(model)
    shape = shape_of(model)
    length = max_length or longest_input(shape)
    space = load_space(space_name, hidden_size=shape.width).with_targets(available_targets(model))
    remark(console, *target_notes(model))
    collection = Collection(sources, model_name, space, max_length=length, **settings)
    describe = partial(
        describe_source,
        model_name=model_name,
        model=model,
        tokenizer=load_tokenizer(model_name),
        max_length=length,
        max_fidelity=SLICES,
        validation_tokens=collection.validation_tokens,
        test_tokens=collection.test_tokens,
        reading=collection.reading,
    )
    return collection, describe


def _described(
    describe: Callable[[TaskSource], dict[str, Any]], step: Callable[[str], None], source: TaskSource
) -> dict[str, Any]:
    """The row of a task; the user is told of it."""
    step(f"scoring the base model on {source.id}")
    row = describe(source)
    step("training")
    return row


@contextmanager
def _runners(cluster: str | None, store: str, device: str) -> Generator[StartRunner]:
    """What starts a worker, or takes one more task of a cluster."""
    if cluster is None:
        yield _start_worker
        return
    from foretune.session.workers import on_ray, parse_cluster

    with on_ray(parse_cluster(cluster), store, device) as tasks:
        yield lambda: nullcontext(tasks.run)


@contextmanager
def _start_worker() -> Generator[Callable[[Job], Answer]]:
    from foretune.execution.subprocess import Worker

    with Worker(environment=_ONE_THREAD) as worker:
        yield worker.run


def _show(console: Any, progress: CollectionProgress) -> None:
    if not progress.last:
        console.print(f"{progress.finished} of {progress.planned} runs are done already.", highlight=False)
        return
    left = (progress.planned - progress.finished) * progress.seconds / progress.fresh
    rate = f"{60 * progress.fresh / progress.seconds:.1f} a minute, {format_seconds(left)} left"
    console.print(f"{progress.finished:>6}/{progress.planned}  {rate:<32}  {progress.last}", highlight=False)
