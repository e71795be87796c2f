"""The data in the model's tokens, and what the untouched base model says of it: measured once, kept in the journal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from foretune.request import DataRequest
from foretune.session.memory import StepMemory, measure_memory
from foretune.types import VALIDATION_NLL, Configuration, Task

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from foretune.finetuning.data import Example, Splits, TokenizedSplits, Tokens
    from foretune.finetuning.ending import Ending
    from foretune.finetuning.evaluate import Scores
    from foretune.session.options import TuneOptions
    from foretune.surrogate.pace import Pace


@dataclass(frozen=True)
class Reader:
    """Reads the dataset in the model's tokens."""

    request: DataRequest
    tokenizer: PreTrainedTokenizerBase
    ending: Ending

    def of_rows(self, validation_rows: int | None) -> DataRequest:
        """The request, with so many validation rows."""
        return replace(self.request, validation_rows=validation_rows)

    def read(self, validation_rows: int | None = None) -> tuple[Splits, TokenizedSplits]:
        """As text and as tokens, with a note where completions do not end as the model's files say."""
        from foretune.finetuning.data import read_tokens

        splits, data = read_tokens(self.of_rows(validation_rows), self.tokenizer)
        return splits, replace(data, notes=(*data.notes, *filter(None, [self.ending.note])))

    def tokens_alone(self, examples: Sequence[Example], name: str) -> tuple[Tokens, list[str]]:
        """Rows that are no split of the dataset, and notes on them."""
        from foretune.finetuning.data import tokenize_alone

        return tokenize_alone(examples, self.tokenizer, self.request, name)

    def read_sample(self, whole: TokenizedSplits, validation_rows: int) -> tuple[Splits, TokenizedSplits]:
        """With fewer validation rows than there are, and a note that says so."""
        splits, data = self.read(validation_rows)
        return splits, _noted(data, len(whole.validation))


@dataclass(frozen=True)
class Measured:
    """What is known of the task from the untouched base model; `data` is what slices are scored on."""

    data: TokenizedSplits
    scores: Mapping[str, Scores]
    task: Task
    pace: Pace
    closing_seconds: float
    validation_seconds: float
    question_seconds: float
    memory: StepMemory | None


def recall(known: Mapping[str, Any], reader: Reader, whole: TokenizedSplits) -> Measured:
    """As the journal says."""
    from foretune.finetuning.evaluate import Scores

    rows = known.get("validation_rows")
    return Measured(
        data=whole if rows is None else reader.read_sample(whole, rows)[1],
        scores={split: Scores(**values) for split, values in known["zero_shot"].items()},
        task=Task(metric=VALIDATION_NLL, **known["task"]),
        pace={Configuration(one["configuration"]): float(one["seconds"]) for one in known.get("pace", ())},
        closing_seconds=float(known.get("closing_seconds", 0.0)),
        validation_seconds=float(known.get("validation_seconds", 0.0)),
        question_seconds=float(known.get("question_seconds", 0.0)),
        memory=StepMemory.from_json(known["memory"]) if known.get("memory") else None,
    )


@dataclass(frozen=True)
class Measuring:
    """Scores the untouched base model, and times what has to be timed.

    Attributes:
        options: of the search.
        reader: of the dataset.
        typical: the configuration whose steps are timed.
        hardware_seen: that the surrogates know seconds of; None without surrogates.
        loading: seconds that the model took to load.
        step: is told what is being done.
        timed: whether evaluation and steps may be timed.
    """

    options: TuneOptions
    reader: Reader
    typical: Configuration
    hardware_seen: Sequence[str] | None
    loading: float
    step: Callable[[str], None]
    timed: bool

    def measure(self, splits: Splits, whole: TokenizedSplits) -> Measured:
        """All that is to be known before the first trial."""
        from foretune.finetuning.base import fresh_model
        from foretune.finetuning.model import resolve_model
        from foretune.finetuning.pace import Effort, measure_effort, timed_zero_shot
        from foretune.finetuning.task import describe_task
        from foretune.finetuning.train import SLICES

        name, device, data = self.options.model, self.options.device, whole
        effort = Effort()
        if self.timed:
            spent = fresh_model(name, device=device, changes_weights=False)
            effort = measure_effort(spent, name, whole, self.typical, device, self.options.seed)
            del spent  # there may be no room for two
        model = base_to_score(name, device, dear=effort.is_dear)
        if effort.validation_rows is not None:
            splits, data = self.reader.read_sample(whole, effort.validation_rows)
        test = data is whole and not effort.is_dear  # where it is, the first trial does not wait for it
        self.step(f"scoring the base model on {len(data.validation) + len(data.test) * test:,} rows")
        scores, seconds = timed_zero_shot(model, data, test=test)
        task = describe_task(splits, data, resolve_model(name), model, SLICES, scores=scores)
        closing = closing_seconds(self.loading, seconds, data, whole, scored=list(scores))
        memory = measure_memory(name, data, self.typical, device)
        training = effort.training or self._training(model, data)
        pace = {one: took + seconds for one, took in training.items()}
        question = self._question(model, splits, whole)
        return Measured(data, scores, task, pace, closing, seconds, question, memory)

    def resume(self, known: Mapping[str, Any], splits: Splits, whole: TokenizedSplits) -> Measured:
        """As the journal says; the questions of another metric or judge than its own are timed now."""
        measured = recall(known, self.reader, whole)
        if known.get("metric") == self.options.metric.scorer:
            return measured
        model = base_to_score(self.options.model, self.options.device, dear=True)  # with the layers of finetuned models
        return replace(measured, question_seconds=self._question(model, splits, whole))

    def _training(self, model: PreTrainedModel, data: TokenizedSplits) -> Mapping[Configuration, float]:
        """Seconds of a slice by configuration, its evaluation aside, on hardware that the surrogates do not know."""
        from foretune.finetuning.pace import time_training
        from foretune.finetuning.provenance import hardware

        device = self.options.device
        if not self.timed or self.hardware_seen is None or hardware(device) in self.hardware_seen:
            return {}
        self.step("timing a few training steps")
        return time_training(model, self.options.model, data, self.typical, device)

    def _question(self, model: PreTrainedModel, splits: Splits, whole: TokenizedSplits) -> float:
        """Seconds that a question takes in the choice between finalists; 0 where none are asked or nothing is timed."""
        from foretune.session.answering import check_questions, question_seconds

        if not self.options.metric.writes:
            return 0.0
        check_questions(splits.validation, self.options.metric.name)
        if not self.timed:
            return 0.0
        self.step("timing a few answers")
        return question_seconds(self.options, model, self.reader, splits, whole)


def base_to_score(name: str, device: str, *, dear: bool) -> PreTrainedModel:
    """The untouched base model; where scoring it is dear, with the cheaper layers of finetuned ones."""
    from foretune.finetuning.base import fresh_model
    from foretune.finetuning.fast_layers import use_fast_layers

    model = fresh_model(name, device=device, changes_weights=False)
    if dear and device == "cpu":
        use_fast_layers(model)
    return model


def closing_seconds(
    loading: float, validation: float, data: TokenizedSplits, whole: TokenizedSplits, scored: Collection[str]
) -> float:
    """What scoring at the end should take: the best adapter, and the base model where it was not scored on all rows.

    Args:
        loading: seconds that the model took to load.
        validation: seconds that scoring the validation split of `data` took.
        data: what slices are scored on.
        whole: all rows.
        scored: splits of `data` that the base model was scored on.
    """

    def seconds_of(splits: Collection[str]) -> float:
        """Of scoring splits of `whole`."""
        tokens = sum(getattr(whole, split).total for split in splits)
        return loading + validation * tokens / data.validation.total if splits else 0.0

    splits = ("validation", "test")
    left = [split for split in splits if data is not whole or split not in scored]
    return seconds_of(splits) + seconds_of(left)


def _noted(data: TokenizedSplits, rows: int) -> TokenizedSplits:
    """With a note on the validation rows that a search does without."""
    from foretune.finetuning.task import LEAST_ROWS

    kept = len(data.validation)
    why = "the fewest that say enough" if kept <= LEAST_ROWS else "so that scoring takes a third of a run at most"
    note = (
        f"evaluation is slow here: each slice is scored on {kept} of {rows} validation rows, chosen by seed, {why}; "
        "the final table is of all rows"
    )
    return replace(data, notes=(*data.notes, note))
