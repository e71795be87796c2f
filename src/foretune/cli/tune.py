"""`foretune tune`: search for the best finetuning of a model on a dataset within a budget."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foretune.cli.answer import answering
from foretune.cli.options import (
    Checkpoints,
    Cluster,
    Columns,
    CompletionPrice,
    Device,
    Guard,
    Judge,
    JudgeModel,
    KeyVariable,
    LastTurnOnly,
    MetricRows,
    PromptPrice,
    Rubric,
    SkipBadRows,
    metric_request,
)

if TYPE_CHECKING:
    from foretune.run import Run


@answering
def tune(
    context: typer.Context,
    data: Annotated[str, typer.Argument(help="A JSONL, JSON, CSV or Parquet file, a folder of splits, or a hub name.")],
    output: Annotated[Path, typer.Option(help="Folder for the results.")],
    budget: Annotated[str, typer.Option(help="Time that the search may take, such as 90s, 3m, 2h or 1h30m.")],
    model: Annotated[str, typer.Option(help="Base model: foretune-tiny, a folder, or a hub name.")] = "foretune-tiny",
    seed: Annotated[int, typer.Option(help="Of splits, candidates, adapters and the order of the data.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the search in the output folder.")] = False,
    space: Annotated[str, typer.Option(help="Search space: a shipped name or a YAML file.")] = "peft",
    optimizer: Annotated[
        str, typer.Option(help="Method that chooses the trials: transfer-in-context, transfer, random, ...")
    ] = "transfer-in-context",
    max_slices: Annotated[int | None, typer.Option(min=1, help="Train no more slices than this.")] = None,
    candidates: Annotated[
        int,
        typer.Option(
            min=1, help="Configurations to choose from: those of earlier tasks, and draws from the search space."
        ),
    ] = 256,
    surrogates: Annotated[
        Path | None, typer.Option("--surrogate", "--surrogates", help="Folder written by `foretune fit`.")
    ] = None,
    train_rows: Annotated[int | None, typer.Option(min=1, help="Train on only so many rows.")] = None,
    max_length: Annotated[int | None, typer.Option(min=2, help="Tokens that an example may have.")] = None,
    columns: Columns = None,
    last_turn_only: LastTurnOnly = False,
    skip_bad_rows: SkipBadRows = False,
    device: Device = "auto",
    isolate: Annotated[bool, typer.Option("--isolate", help="Run trials in a process of their own.")] = False,
    workers: Annotated[
        int, typer.Option(min=1, help="Trials at the same time, each in a process of its own, dealt out to all GPUs.")
    ] = 1,
    cluster: Cluster = None,
    checkpoints: Checkpoints = None,
    into: Annotated[
        Path | None,
        typer.Option("--learn-into", metavar="META", help="Append all runs to this meta-dataset; made if absent."),
    ] = None,
    family: Annotated[
        str | None, typer.Option(help="Kind of dataset, for --learn-into; by default the dataset's name.")
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Show the trials in a storage of Optuna, such as sqlite:///trials.db."),
    ] = None,
    track: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TOOL:ADDRESS",
            help="Show runs: mlflow:URI, tensorboard:DIR, trackio:PROJECT, wandb:DIR; may be repeated.",
        ),
    ] = None,
    average: Annotated[
        bool, typer.Option(help="Return an average of the best runs' weights where it is better; else the best run's.")
    ] = True,
    max_rank: Annotated[
        int | None, typer.Option(min=1, help="Cut the rank of such an average, which is the sum of its runs' ranks.")
    ] = None,
    guard: Guard = None,
    guard_limit: Annotated[
        str | None,
        typer.Option(
            metavar="PERCENT",
            help="Scale down or change the adapter so that the guard's loss rises by no more, as 10%.",
        ),
    ] = None,
    metric: Annotated[
        str, typer.Option(help="Chooses among the best adapters: nll, exact_match, token_f1, rouge_l or judge.")
    ] = "nll",
    metric_rows: MetricRows = 200,
    judge: Judge = "",
    judge_model: JudgeModel = "",
    rubric: Rubric = None,
    key_variable: KeyVariable = "OPENAI_API_KEY",
    prompt_price: PromptPrice = None,
    completion_price: CompletionPrice = None,
    default_comparison: Annotated[
        bool, typer.Option(help="Train the default configuration, too, if the search did not (outside of the budget).")
    ] = True,
) -> Run:
    """Find the best finetuning of MODEL on DATA within BUDGET, and keep its adapter.

    BUDGET is the time that you wait: loading, the zero-shot evaluation, the search, and scoring the best adapter.
    That is the best run's, or an average of the best runs' weights if it is better on the validation split. With
    --metric, the best of these write answers to validation questions, and the metric chooses.
    If the search did not train the default configuration, its run comes after that. Nothing is started that is
    predicted to end too late. Ctrl-C ends the search and keeps the best; a second Ctrl-C stops at once.
    """
    from rich.console import Console

    from foretune.api import tune as search
    from foretune.tuner import Clock

    request = metric_request(
        metric, judge, judge_model, rubric, key_variable, prompt_price, completion_price, metric_rows
    )
    try:
        return search(
            data,
            output,
            budget=budget,
            model=model,
            seed=seed,
            resume=resume,
            space=space,
            optimizer=optimizer,
            max_slices=max_slices,
            candidates=candidates,
            surrogates=surrogates,
            train_rows=train_rows,
            max_length=max_length,
            columns=columns,
            last_turn_only=last_turn_only,
            skip_bad_rows=skip_bad_rows,
            device=device,
            isolate=isolate,
            workers=workers,
            cluster=cluster,
            checkpoints=checkpoints,
            storage=storage,
            track=track or (),
            average=average,
            max_rank=max_rank,
            guard=guard,
            guard_limit=guard_limit,
            metric=request,
            default_comparison=default_comparison,
            learn_into=into,
            family=family,
            console=Console(),
            clock=Clock(context.obj or 0.0),
        )
    except KeyboardInterrupt:
        said = "nothing is lost. To go on, give the same command with --resume" if output.is_dir() else "nothing began"
        raise KeyboardInterrupt(f"\nInterrupted; {said} ({output}).") from None
