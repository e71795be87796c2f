"""`foretune recommend`: which configurations to finetune with, before anything is trained."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foretune.session.durations import format_seconds, parse_seconds

if TYPE_CHECKING:
    from rich.table import Table

    from foretune.metadata import MetaDataset
    from foretune.metadata.shape import ModelShape
    from foretune.recommend import Accelerator, Advice, Recommendation
    from foretune.types import Task

PUBLISHED = "public-llm-v1"
LEARNED_FROM = "foretune-tiny-v1"
_EVERY = 1_000
"""More pairs than were published of any model."""


def register(commands: typer.Typer) -> None:
    """Add the verb."""
    commands.command("recommend")(recommend)


def recommend(
    data: Annotated[str, typer.Argument(help="A JSONL, JSON, CSV or Parquet file, a folder of splits, or a hub name.")],
    model: Annotated[
        str, typer.Option(help="Base model: foretune-tiny, a folder with config.json and tokenizer, or a hub name.")
    ] = "foretune-tiny",
    top: Annotated[int, typer.Option(min=1, help="So many configurations.")] = 5,
    budget: Annotated[str | None, typer.Option(help="Leave out runs that are predicted to take longer.")] = None,
    hardware: Annotated[
        str | None, typer.Option(help="Accelerator to train a real LLM on, such as rtx-4090, a100-80gb or h100.")
    ] = None,
    space: Annotated[str, typer.Option(help="Search space: a shipped name or a YAML file.")] = "peft",
    candidates: Annotated[int, typer.Option(min=1, help="Configurations to sample from it.")] = 256,
    surrogates: Annotated[
        Path | None, typer.Option("--surrogate", "--surrogates", help="Folder written by `foretune fit`.")
    ] = None,
    learned_from: Annotated[
        Path | None, typer.Option(metavar="META", help="Meta-dataset that the surrogates were fitted on.")
    ] = None,
    train_rows: Annotated[int | None, typer.Option(min=1, help="Train on only so many rows.")] = None,
    seed: Annotated[int, typer.Option(help="Of splits and candidates.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Rank configurations for finetuning MODEL on DATA, with what is predicted of each, without training a step.

    For base models of a size that the surrogates learned from, they predict; for larger ones published sweeps over real
    models tell learning rate and rank; else the usual rule is given. The model's weights need not be there.
    """
    from rich.console import Console

    from foretune.recommend.accelerators import find_accelerator

    seconds = math.inf if budget is None else parse_seconds(budget)
    card = None if hardware is None else find_accelerator(hardware)
    asked = _Asked(data, model, top, seconds, card, space, candidates, surrogates, learned_from, train_rows, seed)
    advice = asked.advice()
    if as_json:
        typer.echo(json.dumps(advice.to_json(), indent=2))
        return
    console = Console()
    for warning in advice.warnings:
        console.print(f"note: {warning}", style="yellow", highlight=False, soft_wrap=True)
    console.print(_table(advice, model))
    for number, one in enumerate(advice.recommendations, start=1):
        console.print(_details(number, one), highlight=False, soft_wrap=True)
    if advice.distance:
        console.print(advice.distance, highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class _Asked:
    """The options, and what follows from them."""

    data: str
    model: str
    top: int
    seconds: float
    card: Accelerator | None
    space: str
    candidates: int
    surrogates: Path | None
    learned_from: Path | None
    train_rows: int | None
    seed: int

    def advice(self) -> Advice:
        """The best that can be said of this model."""
        from foretune.metadata import read_meta_dataset
        from foretune.metadata.features import model_features
        from foretune.recommend import by_rule, is_of_a_size_seen
        from foretune.space import load_space

        shape = self._shape()
        if shape is None:
            why, space = f"nothing is known of {self.model}", load_space(self.space)
        else:
            table = read_meta_dataset(self.learned_from or LEARNED_FROM)
            if is_of_a_size_seen(model_features(shape), table):
                return self._from_surrogates(shape, table)
            why = f"neither earlier runs nor published sweeps are of a model like {self.model}"
            space = load_space(self.space, hidden_size=shape.width)
        return self._affordable(self._from_published(shape) or by_rule(space, why), shape)

    def _affordable(self, advice: Advice, shape: ModelShape | None) -> Advice:
        """With the time and the memory that a model of this size takes, and without what takes too much."""
        from foretune.cli.demand import find_demand
        from foretune.finetune.data import load_splits
        from foretune.recommend import affordable, with_memory

        splits = load_splits(self.data, seed=self.seed, train_rows=self.train_rows)
        demand, notes = find_demand(self.model, shape, splits)
        advice = replace(advice, warnings=(*advice.warnings, *notes))
        if self.card:
            advice = affordable(advice, demand, self.card, self.seconds)
        else:
            advice = with_memory(advice, demand)
            if math.isfinite(self.seconds):
                note = "for a model of this size --budget needs --hardware: nothing was left out"
                advice = replace(advice, warnings=(*advice.warnings, note))
        return replace(advice, recommendations=advice.recommendations[: self.top])

    def _shape(self) -> ModelShape | None:
        """Of the base model; None for one on the hub whose name says its size, all that published sweeps ask for."""
        from foretune.finetune.model import SHIPPED
        from foretune.finetune.shape import read_shape
        from foretune.recommend.published import billions_of

        is_local = self.model == SHIPPED or Path(self.model).expanduser().is_dir()
        return read_shape(self.model) if is_local or billions_of(self.model) is None else None

    def _from_published(self, shape: ModelShape | None) -> Advice | None:
        from foretune.metadata import read_meta_dataset
        from foretune.recommend import from_published, read_published
        from foretune.recommend.published import billions_of
        from foretune.space import load_space

        billions = billions_of(self.model)
        if billions is None and shape is not None:
            billions = shape.matrices / 1e9
        if billions is None:
            return None
        models = read_published(read_meta_dataset(PUBLISHED))
        return from_published(self.model, billions, models, load_space(self.space).default(), _EVERY)

    def _from_surrogates(self, shape: ModelShape, table: MetaDataset) -> Advice:
        import numpy as np

        from foretune.metadata.digest import data_sha256
        from foretune.optimizer.pool import candidate_pool
        from foretune.recommend import from_surrogates
        from foretune.session.ground import find_surrogates
        from foretune.space import Encoder, load_space

        surrogates = find_surrogates(None if self.surrogates is None else str(self.surrogates), needed=True)
        if surrogates is None:
            raise ValueError("surrogates that are needed are found or an error is raised")
        task, notes = self._task(shape, dict(surrogates.performance.typical_features))
        width = shape.width
        space = load_space(self.space, hidden_size=width)
        rng = np.random.default_rng(self.seed)
        drawn = candidate_pool(space, width, surrogates.performance.recorded, self.candidates, rng)
        pool, encoder = [space.default(), *drawn], Encoder.of(space).at(width)
        advice = from_surrogates(
            task, list(dict.fromkeys(pool)), surrogates, table, encoder, top=self.top, seconds=self.seconds
        )
        if data_sha256(table) not in surrogates.card.get("data_sha256", ()):
            notes = (*notes, self._other_table())
        if self.card:
            notes = (*notes, "--hardware is ignored: the times are those of the machine of the recorded runs")
        return replace(advice, warnings=(*notes, *advice.warnings))

    def _other_table(self) -> str:
        """What to know of reasons that are not drawn from what predicts."""
        if self.learned_from:
            return f"the surrogates were not fitted on {self.learned_from} as it is now, where the reasons are from"
        return (
            f"the reasons are from {LEARNED_FROM}, the surrogates are not; give what they learned from: --learned-from"
        )

    def _task(self, shape: ModelShape, typical: dict[str, float]) -> tuple[Task, tuple[str, ...]]:
        """The task, with typical zero-shot scores if the base model cannot be scored, and notes."""
        from foretune.cli.demand import tokenize_without_weights
        from foretune.execution.worker import completion_end
        from foretune.finetune.data import load_splits, tokenize
        from foretune.finetune.model import has_weights, load_model, load_tokenizer
        from foretune.finetune.task import describe_task, features_without_weights, longest_input
        from foretune.finetune.train import SLICES
        from foretune.metadata.source import task_id
        from foretune.types import VALIDATION_NLL, Task

        splits = load_splits(self.data, seed=self.seed, train_rows=self.train_rows)
        tokenizer = load_tokenizer(self.model, weights=False)
        if has_weights(self.model):
            model = load_model(self.model)
            end = completion_end(self.model, tokenizer, model)
            data = tokenize(splits, tokenizer, longest_input(shape), end_token_id=end)
            return describe_task(splits, data, self.model, model, SLICES), ()
        data = tokenize_without_weights(splits, tokenizer, shape)
        features = {**typical, **features_without_weights(splits, data, shape)}
        name = task_id(splits.name, len(splits.train), self.model)
        note = (
            f"the weights of {self.model} are not there, so its loss on the data is taken to be "
            f"{features['zero_shot_nll']:.2f}, as is typical; predicted losses are as rough as that"
        )
        return Task(name, VALIDATION_NLL, features, SLICES), (note,)


def _table(advice: Advice, model: str) -> Table:
    from rich.table import Table

    from foretune.report.tables import describe

    table = Table(title=f"For {model}, by {advice.basis}", title_justify="left", header_style="bold")
    columns = ("", "finetune with", advice.scored_by or "score", "4 of 5 within", "time", "memory")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 1 else "right")
    for number, one in enumerate(advice.recommendations, start=1):
        table.add_row(str(number), describe(one.configuration.values, short=True), *_cells(one))
    return table


def _cells(one: Recommendation) -> tuple[str, str, str, str]:
    score = one.score
    return (
        f"{score.middle:.3g}" if score else "-",
        f"{score.low:.2g} to {score.high:.2g}" if score else "-",
        format_seconds(one.seconds) if one.seconds is not None else "-",
        f"{one.memory_bytes / 2**30:.1f} GiB" if one.memory_bytes is not None else "-",
    )


def _details(number: int, one: Recommendation) -> str:
    """What the table has no room for."""
    shown = ("method", "rank", "learning_rate", "batch_size", "epochs")
    rest = {name: value for name, value in one.configuration.values.items() if name not in shown}
    said = ", ".join(
        f"{name.replace('_', ' ')} {value:.3g}" if isinstance(value, float) else f"{name.replace('_', ' ')} {value}"
        for name, value in rest.items()
    )
    return f"{number}: {one.reason} ({said})"
