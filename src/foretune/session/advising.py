"""Configurations for a dataset and a base model before anything is trained, from whatever is known of either."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foretune.session import checks
from foretune.session.shipped import learned_from

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from foretune.finetuning.data import Tokens
    from foretune.finetuning.evaluate import Scores
    from foretune.metadata import MetaDataset
    from foretune.recommendation import Accelerator, Advice, Target
    from foretune.session.demand import BaseModel
    from foretune.space import SearchSpace
    from foretune.types import Task

PUBLISHED = "public-llm-v2"
ZERO_SHOT_SECONDS = 10.0
"""That scoring the base model may take, on a part of the validation rows if need be."""
_FEWEST_ROWS = 16
"""That are scored whatever they take."""
_SPACE = "peft"


@dataclass(frozen=True)
class RecommendRequest:
    """What configurations are asked for, and what can be said of them.

    Attributes:
        data: file, folder or hub name of the dataset.
        model: base model; its weights need not be there.
        top: how many configurations.
        seconds: that a run may take.
        card: accelerator of the run; None for none in particular.
        price: of the accelerator, dollars an hour; None where not known.
        space: search space; None for `peft`, and all pairs of the published sweeps.
        candidates: configurations to choose from.
        surrogates: folder of fitted surrogates; None for the shipped ones.
        learned_from: the meta-dataset that they were fitted on; None for the shipped ones.
        train_rows: size of the training split; None for all rows.
        seed: of splits, candidates and the rows that are scored.
        reading: how the dataset is read, for `load_splits`.
    """

    data: str
    model: str
    top: int = 5
    seconds: float = math.inf
    card: Accelerator | None = None
    price: float | None = None
    space: str | None = None
    candidates: int = 256
    surrogates: Path | None = None
    learned_from: Path | None = None
    train_rows: int | None = None
    seed: int = 0
    reading: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def check(self) -> None:
        """All that can be known of the question in a second.

        Raises:
            ForetuneError: a name or a file is wrong.
        """
        checks.check_space(self.space)
        checks.check_surrogates(self.surrogates)
        checks.check_model(self.model, weights=False)
        checks.check_data(self.data, seed=self.seed, train_rows=self.train_rows, **self.reading)

    def advice(self, step: Callable[[str], None] = lambda _: None) -> Advice:
        """The best that can be said of this model; `step` is told what is being computed."""
        from foretune.metadata import read_meta_dataset
        from foretune.metadata.features import model_features
        from foretune.recommendation import is_of_a_size_seen, ranked
        from foretune.session.demand import find_model

        model = find_model(self.model)
        tables = {str(name): read_meta_dataset(name) for name in self._learned_from(model)}
        features = model_features(model.shape)
        if model.source is not None and any(is_of_a_size_seen(features, table) for table in tables.values()):
            return ranked(self._from_surrogates(model, tables, step))
        step("computing time and memory")
        return ranked(self._for_real_model(model, tables))

    def _learned_from(self, model: BaseModel) -> tuple[str | Path, ...]:
        return (self.learned_from,) if self.learned_from else learned_from(model.shape)

    def _space(self, model: BaseModel) -> SearchSpace:
        from foretune.space import load_space

        space = load_space(self.space or _SPACE, hidden_size=model.shape.width)
        return space if model.targets is None else space.with_targets(model.targets)

    def _for_real_model(self, model: BaseModel, tables: Mapping[str, MetaDataset]) -> Advice:
        """With the time and the memory that a model of this size takes, and without what takes too much."""
        import numpy as np

        from foretune.finetuning.data import load_splits
        from foretune.recommendation import Target, affordable, family_of, with_memory
        from foretune.session.demand import find_demand

        splits = load_splits(self.data, seed=self.seed, train_rows=self.train_rows, **self.reading)
        demand, notes = find_demand(model, splits)
        target = Target(self.model, family_of(self.model, model.model_type), model.billions, len(splits.train))
        advice = self._without_surrogates(model, target)
        advice = replace(advice, warnings=(*model.notes, *advice.warnings, *splits.notes, *notes))
        if self.card:
            advice = affordable(advice, demand, self.card, self.seconds, self.price)
        else:
            advice = with_memory(advice, demand)
            if math.isfinite(self.seconds):
                note = "for a model of this size --budget needs --hardware: nothing was left out"
                advice = replace(advice, warnings=(*advice.warnings, note))
        advice = replace(advice, recommendations=advice.recommendations[: self.top])
        return _with_outlook(advice, target.rows, float(np.median(demand.workload.completions)), tables.values())

    def _without_surrogates(self, model: BaseModel, target: Target) -> Advice:
        """From published sweeps, if there are any of models of such a size and pairs that the space allows; with full
        finetuning beside the best of it if the space has that."""
        from foretune.recommendation import LORA_OR_FULL, full_finetuning, nearest_legal

        space = self._space(model)
        advice = self._lora(space, target)
        if "full" not in space.methods:
            return advice
        full = full_finetuning(target, space)
        allowed = full and nearest_legal(full.configuration, space)
        rows = advice.recommendations
        if full and allowed:
            rows = (*rows[:1], replace(full, configuration=allowed), *rows[1:])
            return replace(advice, recommendations=rows, facts={**advice.facts, "lora_or_full": LORA_OR_FULL})
        family = target.family.name if target.family else target.name
        note = f"no rate of full finetuning is published for {family}, so none is recommended; {LORA_OR_FULL}"
        return replace(advice, warnings=(*advice.warnings, note))

    def _lora(self, space: SearchSpace, target: Target) -> Advice:
        from foretune.metadata import read_meta_dataset
        from foretune.recommendation import by_rule, from_published, nearest_legal, read_published, with_epochs

        methods = [method for method in ("lora", "qlora") if method in space.methods]
        models = read_published(read_meta_dataset(PUBLISHED))
        default = with_epochs(space.default(), target.rows, space)
        found = from_published(
            target,
            models,
            default,
            methods=methods,
            fit=(lambda one: nearest_legal(one, space)) if self.space else (lambda one: one),
        )
        if found is not None:
            return found
        why = f"neither earlier runs nor published sweeps are of a model like {self.model}"
        if from_published(target, models, default) is not None:
            why = f"the published sweeps are of LoRA, at rates and ranks that the search space {space.name} lacks"
        return by_rule(space, why, target.rows)

    def _from_surrogates(
        self, model: BaseModel, tables: Mapping[str, MetaDataset], step: Callable[[str], None]
    ) -> Advice:
        import numpy as np

        from foretune.metadata.digest import data_sha256
        from foretune.metadata.merge import MergePart, merge
        from foretune.optimizer.pool import candidate_pool
        from foretune.recommendation import from_surrogates, with_epochs
        from foretune.session.ground import find_surrogates
        from foretune.space import Encoder

        surrogates = find_surrogates(
            None if self.surrogates is None else str(self.surrogates), model.shape, needed=True
        )
        if surrogates is None:
            raise ValueError("surrogates that are needed are found or an error is raised")
        task, facts, notes = self._task(model, dict(surrogates.performance.typical_features), step)
        step(f"predicting {self.candidates} configurations")
        width, space = model.shape.width, self._space(model)
        rng = np.random.default_rng(self.seed)
        drawn = candidate_pool(space, width, surrogates.performance.recorded, self.candidates, rng)
        default = with_epochs(space.default(), task.rows, space) if task.rows else space.default()
        pool, encoder = [default, space.default(), *drawn], Encoder.of(space).at(width)
        only, *others = tables.values()
        table = merge([MergePart(*one) for one in tables.items()]).meta if others else only
        advice = from_surrogates(
            task, list(dict.fromkeys(pool)), surrogates, table, encoder, top=self.top, seconds=self.seconds
        )
        if not {data_sha256(one) for one in tables.values()} <= set(surrogates.card.get("data_sha256", ())):
            notes = (*notes, self._other_table(tables))
        if self.card:
            ignored = "--hardware is" if self.price is None else "--hardware and --price-per-hour are"
            notes = (*notes, f"{ignored} ignored: the times are those of the machine of the recorded runs")
        advice = replace(advice, warnings=(*model.notes, *notes, *advice.warnings), facts=facts)
        answer_tokens = 10 ** task.meta_features["log_completion_tokens_p50"] - 1
        return _with_outlook(advice, task.rows or 0, answer_tokens, tables.values())

    def _other_table(self, tables: Iterable[str]) -> str:
        """What to know of reasons that are not drawn from what predicts."""
        if self.learned_from:
            return f"the surrogates were not fitted on {self.learned_from} as it is now, where the reasons are from"
        shipped = " and ".join(tables)
        return f"the reasons are from {shipped}, the surrogates are not; give what they learned from: --learned-from"

    def _task(
        self, model: BaseModel, typical: dict[str, float], step: Callable[[str], None]
    ) -> tuple[Task, dict[str, Any], tuple[str, ...]]:
        """The task, with typical zero-shot scores if the base model cannot be scored; what was measured; and notes."""
        from foretune.finetuning.check import check_causal
        from foretune.finetuning.data import load_splits, tokenize
        from foretune.finetuning.ending import find_ending
        from foretune.finetuning.model import has_weights, load_model, load_tokenizer
        from foretune.finetuning.task import describe_task, features_without_weights, longest_input
        from foretune.finetuning.train import SLICES
        from foretune.metadata.source import task_id
        from foretune.session.demand import tokenize_without_weights
        from foretune.types import VALIDATION_NLL, Task

        if model.source is None:
            raise ValueError("a model whose size is compared with those seen has a config.json")
        step("reading the data")
        splits = load_splits(self.data, seed=self.seed, train_rows=self.train_rows, **self.reading)
        tokenizer = load_tokenizer(model.source, weights=False)
        if has_weights(model.source):
            step("loading the model")
            base = load_model(model.source)
            check_causal(base)
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
        task = Task(name, VALIDATION_NLL, features, SLICES, splits.name, len(splits.train), Path(self.model).name)
        return task, {}, (note,)


def _with_outlook(advice: Advice, rows: int, answer_tokens: float, tables: Iterable[MetaDataset]) -> Advice:
    """With the steps of each run, and what to expect of finetuning on so many rows."""
    from foretune.metadata import read_meta_dataset
    from foretune.recommendation import outlook, read_published, recorded_cases, steps_of, swept_cases

    published = read_meta_dataset(PUBLISHED)
    cases = [
        *(case for table in tables for case in recorded_cases(table, "tasks of small models")),
        *recorded_cases(published, "published tasks"),
        *swept_cases(read_published(published)),
    ]
    found = outlook(rows, answer_tokens, cases)
    if advice.basis == "surrogates":  # which predict the loss of each configuration
        found = replace(found, after=None)
    counted = tuple(replace(one, steps=steps_of(one.configuration, rows)) for one in advice.recommendations)
    facts = {**advice.facts, "train_rows": rows, "outlook": found.to_json()}
    return replace(advice, recommendations=counted, facts=facts)


def _zero_shot(model: PreTrainedModel, tokens: Tokens, seed: int, step: Callable[[str], None]) -> Scores:
    """The base model's scores, on as many rows as `ZERO_SHOT_SECONDS` allow."""
    from foretune.finetuning.evaluate import evaluate
    from foretune.finetuning.pace import rows_within

    what = "scoring the base model on the validation rows"
    step(f"{what}: timing a few")
    rows = rows_within(model, tokens, ZERO_SHOT_SECONDS, seed, least=_FEWEST_ROWS)
    return evaluate(model, tokens, rows=rows, progress=lambda done, of: step(f"{what}: {done} of {of}"))
