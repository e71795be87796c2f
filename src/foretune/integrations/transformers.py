"""Every run of a `Trainer`, or of a trainer of TRL, becomes knowledge of a team: one more line in a script.

    trainer = SFTTrainer(..., callbacks=[LogRuns("team", "our-tickets")])

The run is written after its evaluations and at its end, so that a killed process loses no more than what came since
the last time. The Trainer's own files are what is written first, into a folder for the moment, and the importer of such
folders (`foretune.interop.trainer_state`) makes the run of them.
"""

from __future__ import annotations

import atexit
import json
import logging
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from foretune.errors import ConfigurationError, ForetuneError
from foretune.finetuning.provenance import hardware, now, peak_memory_bytes, reset_peak_memory, versions
from foretune.finetuning.shape import shape_of_config
from foretune.interop.options import Direction, ImportOptions, direction_of
from foretune.interop.registry import import_runs
from foretune.learn import learn_into
from foretune.metadata import MetaDataset
from foretune.metadata.features import model_features
from foretune.metadata.frames import frame_to_rows
from foretune.metadata.rows import assemble
from foretune.metadata.schema import FEATURE_PREFIX

_ENDLESS = 1e9
"""Passes that the Trainer states for data without an end."""

_SHARE = 0.05
"""Of the time that writing may take: a large table is written less often than a run is evaluated."""

_log = logging.getLogger(__name__)


@dataclass
class _Run:
    """A run under way.

    Attributes:
        options: dataset, rows and model.
        arguments: of the Trainer, under the names that the reader knows.
        epochs: planned; None for data without an end.
        adapter: PEFT's configuration; None where the whole model is trained.
        settings: hyperparameters that neither of them states.
        features: of the base model.
        device: that it is trained on.
        first: steps that an earlier process has trained.
        started: when, in UTC.
        begun: when, on the clock, later by the seconds that writing took.
        state: of the Trainer, as of the last evaluation; None before that.
        step: steps trained until then.
        seconds: that they took, without those of writing.
        due: when to write again, on the clock, unless it ends before that.
        written: steps of what was written last.
    """

    options: ImportOptions
    arguments: Mapping[str, Any]
    epochs: float | None
    adapter: Any
    settings: Mapping[str, Any]
    features: Mapping[str, float]
    device: str
    first: int
    started: str = field(default_factory=now)
    begun: float = field(default_factory=time.perf_counter)
    state: TrainerState | None = None
    step: int = 0
    seconds: float = 0.0
    due: float = 0.0
    written: int = 0

    def reach(self, state: TrainerState) -> None:
        """Take note of how far it is."""
        self.state, self.step, self.seconds = state, state.global_step, time.perf_counter() - self.begun


class LogRuns(TrainerCallback):
    """Appends the runs of a `Trainer` to a meta-dataset: hyperparameters, learning curve, seconds, hardware.

    The same configuration with the same seed on the same data is the same run: done again, it replaces the earlier run.
    Where the meta-dataset cannot be written, a warning says so, and the training goes on.

    Args:
        folder: of the meta-dataset; made if there is none.
        dataset: name of the data; runs with the same name, rows and base model are compared with each other.
        rows: training rows; None for the length of the Trainer's dataset, which is not that of your data where a
            trainer packs several examples into a row.
        family: kind of dataset; by default its name.
        metric: judges a slice, under its name in the Trainer's log.
        direction: `minimize` or `maximize`; None where the metric's name tells.

    Raises:
        InteropError: if the direction of the metric is not clear.
    """

    def __init__(
        self,
        folder: str | Path,
        dataset: str,
        *,
        rows: int | None = None,
        family: str = "",
        metric: str = "eval_loss",
        direction: Direction | None = None,
    ) -> None:
        self._folder = Path(folder)
        self._options = ImportOptions(
            metric=metric, direction=direction_of(metric, direction), dataset=dataset, rows=rows, family=family
        )
        self._run: _Run | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Take note of the hyperparameters.

        Raises:
            ConfigurationError: if the Trainer never evaluates, for then there is nothing to learn.
        """
        if args.eval_strategy == "no":
            message = (
                "LogRuns got a Trainer with eval_strategy='no', whose runs have no validation loss to learn from; "
                "give eval_strategy='steps' (or 'epoch') and an eval_dataset"
            )
            raise ConfigurationError(message)
        self._end()  # a run before this that was interrupted, in a process that goes on
        if state.is_world_process_zero:
            self._run = _begin(self._options, args, state, **kwargs)
            reset_peak_memory(self._run.device)
            atexit.register(self._end)

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Write the run as far as it is trained."""
        if self._run:
            self._run.reach(state)
            if time.perf_counter() >= self._run.due:
                self._write(self._run)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Write the whole run."""
        if self._run:
            self._run.reach(state)
        self._end()

    def _end(self) -> None:
        """Write what is not written yet of a run that goes on no more."""
        run, self._run = self._run, None
        atexit.unregister(self._end)
        if run:
            self._write(run)

    def _write(self, run: _Run) -> None:
        begun = time.perf_counter()
        if run.state is None or run.step == run.written:  # also the evaluation before the first step
            return
        try:
            learn_into(self._folder, _meta_dataset(run, run.state))
            run.written = run.step
        except (ForetuneError, OSError) as error:
            _log.warning("this run is not in %s: %s", self._folder, error)
        ended = time.perf_counter()
        run.begun += ended - begun
        run.due = ended + (ended - begun) / _SHARE


def _begin(
    options: ImportOptions, args: TrainingArguments, state: TrainerState, *, model: Any, train_dataloader: Any, **_: Any
) -> _Run:
    adapters = getattr(model, "peft_config", None) or {}
    data, batches = getattr(train_dataloader, "dataset", None), _length(train_dataloader)
    named = replace(
        options,
        model=Path(str(getattr(model.config, "_name_or_path", "") or type(model).__name__)).name,
        rows=options.rows or _length(data),
    )
    steps = args.gradient_accumulation_steps
    arguments = {
        "learning_rate": args.learning_rate,
        "weight_decay": args.weight_decay,
        "lr_scheduler_type": args.lr_scheduler_type,
        "warmup_ratio": round(args.get_warmup_steps(state.max_steps) / state.max_steps, 4),
        "optim": args.optim,
        "total_train_batch_size": args.train_batch_size * steps * args.world_size,
        "seed": args.seed,
    }
    epochs = state.num_train_epochs if state.num_train_epochs < _ENDLESS else None
    if args.max_steps > 0 and batches:  # the Trainer states whole passes
        epochs = round(args.max_steps / math.ceil(batches / steps), 4)
    return _Run(
        named,
        arguments,
        epochs,
        next(iter(adapters.values()), None),
        {"method": "qlora"} if adapters and getattr(model, "is_loaded_in_4bit", False) else {},
        _features(model.config),
        str(args.device),
        state.global_step,
    )


def _length(data: Any) -> int | None:
    try:
        return len(data)
    except TypeError:  # a stream
        return None


def _features(config: Any) -> dict[str, float]:
    """Of the base model; none for a model that does not predict the next token."""
    try:
        return model_features(shape_of_config(config))
    except ValueError:
        return {}


def _meta_dataset(run: _Run, state: TrainerState) -> MetaDataset:
    """The run as a meta-dataset of one task."""
    with TemporaryDirectory() as place:
        folder = Path(place) / "run"
        folder.mkdir()
        (folder / "trainer_state.json").write_text(json.dumps(_timed(run, state)), encoding="utf-8")
        (folder / "training_args.json").write_text(json.dumps(run.arguments), encoding="utf-8")
        if run.adapter is not None:
            run.adapter.save_pretrained(str(folder))
        settings = folder / "settings.json"
        settings.write_text(json.dumps(run.settings), encoding="utf-8")
        meta = import_runs("trainer-state", [str(folder)], replace(run.options, settings=settings))
    (task,), (row,) = frame_to_rows(meta.tasks), frame_to_rows(meta.runs)
    name = f"{task['task']}/{meta.configurations[row['run']].key}/{row['seed']}"
    known = {
        "run": name,
        "hardware": hardware(run.device),
        "versions": json.dumps(versions()),
        "started": run.started,
        "peak_memory_bytes": peak_memory_bytes(run.device),
    }
    del row["source"]  # the figures were measured here
    features = {FEATURE_PREFIX + feature: value for feature, value in run.features.items()}
    curves = [{**one, "run": name} for one in frame_to_rows(meta.curves)]
    tables = {"tasks": [{**task, **features}], "runs": [{**row, **known}], "curves": curves}
    said = {name: value for name, value in meta.provenance.items() if name != "command"}
    return assemble(tables, {**said, "how": "logged by foretune.integrations.transformers.LogRuns"})


def _timed(run: _Run, state: TrainerState) -> dict[str, Any]:
    """The Trainer's state with the planned passes, and with the seconds so far in the place of those at its end."""
    log = [entry for entry in state.log_history if "train_runtime" not in entry or entry["step"] <= run.first]
    rate = (run.step - run.first) / run.seconds
    ended = {"step": run.step, "train_runtime": run.seconds, "train_steps_per_second": rate}
    return {**asdict(state), "num_train_epochs": run.epochs, "log_history": [*log, ended]}
