"""`foretune recommend`: which configurations to finetune with, before anything is trained."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foretune.session import checks
from foretune.session.durations import parse_seconds
from foretune.session.waiting import waiting

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from foretune.cli.demand import BaseModel
    from foretune.finetune.data import Tokens
    from foretune.finetune.evaluate import Scores
    from foretune.metadata import MetaDataset
    from foretune.recommend import Accelerator, Advice
    from foretune.space import SearchSpace
    from foretune.types import Task

PUBLISHED = "public-llm-v1"
LEARNED_FROM = "foretune-tiny-v1"
ZERO_SHOT_SECONDS = 10.0
"""That scoring the base model may take, on a part of the validation rows if need be."""
_FEWEST_ROWS = 16
"""That are scored whatever they take."""
_PLAIN_WIDTH = 120
"""Of the table where there is no terminal, so that no row is broken."""
_EVERY = 1_000
"""More pairs than were published of any model."""
_SPACE = "peft"


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
    space: Annotated[
        str | None, typer.Option(help="Only configurations of this search space: a shipped name or a YAML file.")
    ] = None,
    candidates: Annotated[int, typer.Option(min=1, help="Configurations to sample from it.")] = 256,
    surrogates: Annotated[
        Path | None, typer.Option("--surrogate", "--surrogates", help="Folder written by `foretune fit`.")
    ] = None,
    learned_from: Annotated[
        Path | None, typer.Option(metavar="META", help="Meta-dataset that the surrogates were fitted on.")
    ] = None,
    train_rows: Annotated[int | None, typer.Option(min=1, help="Train on only so many rows.")] = None,
    columns: Annotated[
        str | None, typer.Option(metavar="NAME=COLUMN,...", help="Columns to take, such as prompt=Q,completion=A.")
    ] = None,
    last_turn_only: Annotated[
        bool, typer.Option("--last-turn-only", help="Learn the last answer of a conversation alone.")
    ] = False,
    skip_bad_rows: Annotated[
        bool, typer.Option("--skip-bad-rows", help="Leave out rows that cannot be used, and say how many.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of splits, candidates and the rows that are scored.")] = 0,
    export: Annotated[
        Path | None, typer.Option(metavar="YAML", help="Write a pick for `foretune finetune --config`.")
    ] = None,
    pick: Annotated[int, typer.Option(min=1, help="Which one to write.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Rank configurations for finetuning MODEL on DATA, with what is predicted of each, without training a step.

    For base models of a size that the surrogates learned from, they predict; for larger ones published sweeps over real
    models tell learning rate and rank; else the usual rule is given. The model's weights need not be there.
    """
    from rich.console import Console

    from foretune.cli.advice import check_target, show
    from foretune.cli.advice import export as write

    seconds = math.inf if budget is None else parse_seconds(budget)
    check_target(export, pick)
    checks.check_accelerator(hardware)
    checks.check_space(space)
    checks.check_surrogates(surrogates)
    checks.check_model(model, weights=False)
    reading = {"columns": columns, "last_turn_only": last_turn_only, "skip_bad_rows": skip_bad_rows}
    checks.check_data(data, seed=seed, train_rows=train_rows, **reading)

    from foretune.recommend.accelerators import find_accelerator

    card = None if hardware is None else find_accelerator(hardware)
    asked = _Asked(
        data, model, top, seconds, card, space, candidates, surrogates, learned_from, train_rows, seed, reading
    )
    aside = Console(stderr=True)
    with waiting(aside, "reading what is known", first=1.0, then=5.0) as step:
        advice = asked.advice(step)
    if as_json:
        typer.echo(json.dumps(advice.to_json(), indent=2))
    else:
        console = Console()
        if not console.is_terminal:
            console.width = max(console.width, _PLAIN_WIDTH)
        show(advice, model, console, on_hardware=card is not None)
    if export is not None:
        write(advice, pick, export, model=model, data=data, seed=seed)
        command = shlex.join(["foretune", "finetune", data, "--config", str(export), "--output", "RUN"])
        aside.print(f"Pick {pick} is in {export}: {command}", markup=False, highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class _Asked:
    """The options, and what follows from them."""

    data: str
    model: str
    top: int
    seconds: float
    card: Accelerator | None
    space: str | None
    candidates: int
    surrogates: Path | None
    learned_from: Path | None
    train_rows: int | None
    seed: int
    reading: Mapping[str, Any]

    def advice(self, step: Callable[[str], None] = lambda _: None) -> Advice:
        """The best that can be said of this model; `step` is told what is being computed."""
        from foretune.cli.demand import find_model
        from foretune.metadata import read_meta_dataset
        from foretune.metadata.features import model_features
        from foretune.recommend import is_of_a_size_seen, ranked

        model = find_model(self.model)
        table = read_meta_dataset(self.learned_from or LEARNED_FROM)
        if model.source is not None and is_of_a_size_seen(model_features(model.shape), table):
            return ranked(self._from_surrogates(model, table, step))
        step("computing time and memory")
        return ranked(self._affordable(self._without_surrogates(model), model))

    def _space(self, model: BaseModel) -> SearchSpace:
        from foretune.space import load_space

        return load_space(self.space or _SPACE, hidden_size=model.shape.width)

    def _affordable(self, advice: Advice, model: BaseModel) -> Advice:
        """With the time and the memory that a model of this size takes, and without what takes too much."""
        from foretune.cli.demand import find_demand
        from foretune.finetune.data import load_splits
        from foretune.recommend import affordable, with_memory

        splits = load_splits(self.data, seed=self.seed, train_rows=self.train_rows, **self.reading)
        demand, notes = find_demand(model, splits)
        advice = replace(advice, warnings=(*model.notes, *advice.warnings, *splits.notes, *notes))
        if self.card:
            advice = affordable(advice, demand, self.card, self.seconds)
        else:
            advice = with_memory(advice, demand)
            if math.isfinite(self.seconds):
                note = "for a model of this size --budget needs --hardware: nothing was left out"
                advice = replace(advice, warnings=(*advice.warnings, note))
        return replace(advice, recommendations=advice.recommendations[: self.top])

    def _without_surrogates(self, model: BaseModel) -> Advice:
        """From published sweeps, if there are any of models of such a size and pairs that the space allows."""
        from foretune.metadata import read_meta_dataset
        from foretune.recommend import by_rule, from_published, read_published

        space = self._space(model)
        methods = [method for method in ("lora", "qlora") if method in space.methods]
        models = read_published(read_meta_dataset(PUBLISHED))
        allows = space.allows if self.space else lambda _: True
        found = from_published(
            self.model, model.billions, models, space.default(), _EVERY, methods=methods, allows=allows
        )
        if found is not None:
            return found
        why = f"neither earlier runs nor published sweeps are of a model like {self.model}"
        if from_published(self.model, model.billions, models, space.default(), 1) is not None:
            why = f"the published sweeps are of LoRA, at rates and ranks that the search space {space.name} lacks"
        return by_rule(space, why)

    def _from_surrogates(self, model: BaseModel, table: MetaDataset, step: Callable[[str], None]) -> Advice:
        import numpy as np

        from foretune.metadata.digest import data_sha256
        from foretune.optimizer.pool import candidate_pool
        from foretune.recommend import from_surrogates
        from foretune.session.ground import find_surrogates
        from foretune.space import Encoder

        surrogates = find_surrogates(None if self.surrogates is None else str(self.surrogates), needed=True)
        if surrogates is None:
            raise ValueError("surrogates that are needed are found or an error is raised")
        task, facts, notes = self._task(model, dict(surrogates.performance.typical_features), step)
        step(f"predicting {self.candidates} configurations")
        width, space = model.shape.width, self._space(model)
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
        return replace(advice, warnings=(*notes, *advice.warnings), facts=facts)

    def _other_table(self) -> str:
        """What to know of reasons that are not drawn from what predicts."""
        if self.learned_from:
            return f"the surrogates were not fitted on {self.learned_from} as it is now, where the reasons are from"
        return (
            f"the reasons are from {LEARNED_FROM}, the surrogates are not; give what they learned from: --learned-from"
        )

    def _task(
        self, model: BaseModel, typical: dict[str, float], step: Callable[[str], None]
    ) -> tuple[Task, dict[str, Any], tuple[str, ...]]:
        """The task, with typical zero-shot scores if the base model cannot be scored; what was measured; and notes."""
        from foretune.cli.demand import tokenize_without_weights
        from foretune.finetune.data import load_splits, tokenize
        from foretune.finetune.ending import find_ending
        from foretune.finetune.model import has_weights, load_model, load_tokenizer
        from foretune.finetune.task import describe_task, features_without_weights, longest_input
        from foretune.finetune.train import SLICES
        from foretune.metadata.source import task_id
        from foretune.types import VALIDATION_NLL, Task

        if model.source is None:
            raise ValueError("a model whose size is compared with those seen has a config.json")
        step("reading the data")
        splits = load_splits(self.data, seed=self.seed, train_rows=self.train_rows, **self.reading)
        tokenizer = load_tokenizer(model.source, weights=False)
        if has_weights(model.source):
            step("loading the model")
            base = load_model(model.source)
            end = find_ending(base, tokenizer).token
            data = tokenize(splits, tokenizer, longest_input(model.shape), end_token_id=end)
            scores = _zero_shot(base, data.validation, self.seed, step)
            facts = {"zero_shot": {**asdict(scores), "of_rows": len(data.validation)}}
            measured = {"validation": scores}
            return describe_task(splits, data, self.model, base, SLICES, scores=measured), facts, data.notes
        data = tokenize_without_weights(splits, tokenizer, model.shape)
        features = {**typical, **features_without_weights(splits, data, model.shape)}
        name = task_id(splits.name, len(splits.train), self.model)
        note = (
            f"the weights of {self.model} are not there, so its loss on the data is taken to be "
            f"{features['zero_shot_nll']:.2f}, as is typical; predicted losses are as rough as that"
        )
        return Task(name, VALIDATION_NLL, features, SLICES), {}, (note,)


def _zero_shot(model: PreTrainedModel, tokens: Tokens, seed: int, step: Callable[[str], None]) -> Scores:
    """The base model's scores, on as many rows as `ZERO_SHOT_SECONDS` allow."""
    from foretune.finetune.evaluate import evaluate
    from foretune.finetune.pace import rows_within

    what = "scoring the base model on the validation rows"
    step(f"{what}: timing a few")
    rows = rows_within(model, tokens, ZERO_SHOT_SECONDS, seed, least=_FEWEST_ROWS)
    return evaluate(model, tokens, rows=rows, progress=lambda done, of: step(f"{what}: {done} of {of}"))
