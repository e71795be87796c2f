"""A found configuration as files of other trainers: the rows of its data, and a file for each of its runs."""

from __future__ import annotations

import json
import math
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foretune.errors import ConfigurationError, InteropError, ModelError
from foretune.execution.run_folder import stops_of
from foretune.request import DataRequest
from foretune.session.checks import TRAINERS, check_data, check_model, check_name
from foretune.session.recipe import read_configuration, request_of
from foretune.types import Configuration

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from foretune.finetuning.data import Splits
    from foretune.finetuning.data.rendering import Renderer
    from foretune.interop.trainers.planned import Form, PlannedRun
    from foretune.interop.trainers.registry import Trainer
    from foretune.interop.trainers.rows import RowWriter, Style

_LIBRARIES = {
    *("accelerate", "bitsandbytes", "datasets", "numpy", "peft", "safetensors", "tokenizers", "torch", "transformers"),
    *("trl", "unsloth", *sys.stdlib_module_names),
}
"""That scripts import, themselves or through others; a script beside them in name would be imported in their place."""


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        files: one a run, in their order.
        data: folder of the rows.
        commands: that train, one a file.
        notes: on all that the trainer does in another way.
    """

    files: tuple[Path, ...]
    data: Path
    commands: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Source:
    """The configuration, and the model and data that it was found on."""

    runs: Sequence[Mapping[str, Any]]
    model: str
    request: DataRequest
    end: int | None
    notes: tuple[str, ...]


def export(
    source: Path, trainer: str, out: Path | None = None, *, data: str | None = None, model: str | None = None
) -> Exported:
    """Write a configuration as a file that another trainer takes.

    The rows are written beside it, split as foretune splits them, since no two trainers read the same formats.

    Args:
        source: folder of a search or a run, or a YAML file such as its `best.yaml`.
        trainer: one of `foretune.interop.trainers.registry.TRAINERS`.
        out: the file; by default `Trainer.file` in the folder of the source. It must not be there yet.
        data: the dataset, where it is not the one that the source names.
        model: the base model, likewise.

    Raises:
        ForetuneError: the source cannot be read, the trainer cannot train the method, or a file is in the way.
    """
    check_name("trainer", trainer, TRAINERS, InteropError)
    read = _read(source, data, model)
    from foretune.interop.trainers import registry

    return _exported(read, trainer, out or _home(source) / registry.TRAINERS[trainer].file)


def export_pick(written: Mapping[str, Any], trainer: str, out: Path, split: Mapping[str, int | bool]) -> Exported:
    """Write a recommended configuration as a file that another trainer takes.

    Args:
        written: as in a YAML for `foretune finetune`.
        trainer: see `export`.
        out: a new file.
        split: how batches are computed, see `PlannedRun`.

    Raises:
        ForetuneError: see `export`.
    """
    read = _Source([written["configuration"]], str(written["model"]), request_of(written, out), None, ())
    return _exported(read, trainer, out, split)


def _exported(read: _Source, trainer: str, file: Path, split: Mapping[str, int | bool] | None = None) -> Exported:
    targets = _targets(file, len(read.runs))
    check_free(targets)
    check_model(read.model, weights=False)
    asked = read.request
    check_data(str(asked.source), seed=asked.seed, train_rows=asked.train_rows, **asdict(asked.reading))
    from foretune.interop.trainers import registry

    chosen, found = registry.TRAINERS[trainer], _Prepared.of(read)
    runs = _planned(read, found, targets, split or {})
    notes = [*read.notes, *found.notes, *(found.note_on_end() if chosen.style != "pieces" else ())]
    written = [chosen.write(run) for run in runs]
    _write_rows(runs[0], chosen, found.rows_of(chosen.style))
    commands = tuple(chosen.command.format(file=shlex.quote(str(one))) for one in targets)
    for target, command, (text, said) in zip(targets, commands, written, strict=True):
        target.write_text(_headed(trainer, command, [*notes, *said], text), encoding="utf-8")
    said = dict.fromkeys([*notes, *(note for _, run in written for note in run)])
    return Exported(targets, runs[0].data, commands, tuple(said))


def _home(source: Path) -> Path:
    return source if source.is_dir() else source.parent


def _targets(file: Path, count: int) -> tuple[Path, ...]:
    if count == 1:
        return (file,)
    return tuple(file.with_name(f"{file.stem}-{number}{file.suffix}") for number in range(1, count + 1))


def _data_folder(targets: Sequence[Path]) -> Path:
    first = targets[0]
    stem = first.stem if len(targets) == 1 else first.stem.removesuffix("-1")
    return first.absolute().with_name(f"{stem}-data")


def check_free(targets: Sequence[Path], option: str = "--out") -> None:
    """Whether files, and the folder of rows beside them, can be written.

    Raises:
        InteropError: one is there already, their folder is not, or Python would take one for a library.
    """
    for path in (*targets, _data_folder(targets)):
        if path.exists():
            raise InteropError(f"{path} already exists; give another file to {option}")
        if path.suffix == ".py" and path.stem in _LIBRARIES:
            message = f"Python would import {path} in place of the library of that name; give another file to {option}"
            raise InteropError(message)
    if not targets[0].absolute().parent.is_dir():
        message = f"{targets[0]} is in a folder that does not exist; make it first, or give another file to {option}"
        raise InteropError(message)


def _read(source: Path, data: str | None, model: str | None) -> _Source:
    path = source / "best.yaml" if source.is_dir() else source
    if source.is_dir() and not path.is_file():
        message = f"{source} has no best.yaml; give the folder of a finished search or run, or a configuration's YAML"
        raise ConfigurationError(message)
    written = read_configuration(path)
    runs = [*written.get("after", ()), written["configuration"]]
    base, request = model or str(written.get("model", "foretune-tiny")), request_of(written, path, data)
    return _Source(
        runs, base, request, next(iter(stops_of(path.parent / "adapter")), None), _note_on_adapter(path.parent)
    )


def _note_on_adapter(folder: Path) -> tuple[str, ...]:
    """Where the adapter of a search is an average, or its change of the weights is scaled."""
    from foretune.report.run_report import read_run_report
    from foretune.report.tables import describe_row

    path = folder / "report.json"
    if not path.is_file() or not (row := read_run_report(path).returned).members:
        return ()
    here = "the search's best run alone" if len(row.members) > 1 else "the whole of that run"
    note = f"the search's adapter is {describe_row(row)}; the configuration here trains {here}"
    scaled = not math.isclose(sum(one.weight for one in row.members), 1.0)
    return (f"{note}, which may harm the guard by more than the limit" if scaled else note,)


@dataclass(frozen=True)
class _Prepared:
    """The base model without weights, its tokenizer, the examples as they are learned, and notes on them."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    splits: Splits
    writer: RowWriter
    max_length: int
    cut: bool
    ends: tuple[int, int]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, read: _Source) -> _Prepared:
        """The end that the template writes, and the end that was learned, are the same where no adapter says more."""
        from foretune.finetuning.data import read_tokens
        from foretune.finetuning.model import load_tokenizer
        from foretune.finetuning.shape import read_without_weights, shape_of
        from foretune.finetuning.task import longest_input
        from foretune.interop.trainers.rows import RowWriter

        model, tokenizer = read_without_weights(read.model), load_tokenizer(read.model, weights=False)
        max_length, own = read.request.max_length or longest_input(shape_of(model)), _own_end(tokenizer)
        end = own if read.end is None else read.end
        kept, data = read_tokens(replace(read.request, max_length=max_length, end=end), tokenizer)
        ends, day = (own, end), date.fromisoformat(str(read.request.today))
        writer = RowWriter.of(tokenizer, _form(kept, tokenizer), ends, day)
        splits, notes = _as_learned(kept, writer.renderer)
        return cls(model, tokenizer, splits, writer, max_length, data.cut > 0, ends, notes)

    @property
    def last_only(self) -> bool:
        """Whether each row has one answer that is learned."""
        return all(len(one.learned) <= 1 for one in (*self.splits.train, *self.splits.validation))

    @property
    def all_learned(self) -> bool:
        """Whether every answer is learned."""
        examples = (*self.splits.train, *self.splits.validation)
        return all(
            at in one.learned
            for one in examples
            for at, message in enumerate(one.messages)
            if message.role == "assistant"
        )

    def rows_of(self, style: Style) -> dict[str, list[dict[str, Any]]]:
        """The rows that are written, by split."""
        row = partial(self.writer.row, style=style, last_only=self.last_only)
        return {"train": [*map(row, self.splits.train)], "validation": [*map(row, self.splits.validation)]}

    def note_on_end(self) -> tuple[str, ...]:
        """For trainers that apply the chat template themselves."""
        own, end = self.tokenizer.convert_ids_to_tokens(list(self.ends))
        if own == end:
            return ()
        return (
            f"foretune ends answers with {end}, since an adapter cannot make this model write {own}, which is what the "
            "trainer puts there: answers may not stop by themselves",
        )


def _as_learned(kept: Splits, renderer: Renderer) -> tuple[Splits, tuple[str, ...]]:
    """Conversations with the contents and the answers that foretune learns, and a note where answers are left out."""
    train, validation = (tuple(map(renderer.as_learned, rows)) for rows in (kept.train, kept.validation))
    pairs = [*zip(kept.train, train, strict=True), *zip(kept.validation, validation, strict=True)]
    fewer = sum(len(now.learned) < len(before.learned) for before, now in pairs)
    note = (
        f"of {fewer} of {len(pairs)} conversations only the last answer is to be learned, as in foretune, since the "
        "model's chat template writes earlier answers in another way than the last one"
    )
    return replace(kept, train=train, validation=validation), (note,) if fewer else ()


def _own_end(tokenizer: PreTrainedTokenizerBase) -> int:
    from foretune.finetuning.ending import template_end

    end = template_end(tokenizer)
    end = tokenizer.eos_token_id if end is None else end
    if not isinstance(end, int):
        message = "the base model's tokenizer names no token that ends a text; set eos_token in tokenizer_config.json"
        raise ModelError(message)
    return end


def _planned(
    read: _Source, found: _Prepared, targets: Sequence[Path], split: Mapping[str, int | bool]
) -> list[PlannedRun]:
    from foretune.finetuning.model import resolve_model
    from foretune.finetuning.optim import SLICES, plan
    from foretune.interop.trainers.planned import PlannedRun

    planned: list[PlannedRun] = []
    for values, target in zip(read.runs, targets, strict=True):
        modules, inputs, pissa = _layers(found.model, values)
        run = PlannedRun(
            values=values,
            model=resolve_model(read.model, weights=False),
            data=_data_folder(targets),
            form=found.writer.form,
            last_only=found.last_only,
            all_learned=found.all_learned,
            plan=plan(Configuration(values), len(found.splits.train)),
            slices=SLICES,
            cut=found.cut,
            max_length=found.max_length,
            seed=read.request.seed,
            modules=modules,
            inputs=inputs,
            pissa=pissa,
            output=str(target.absolute().with_name(f"{target.stem}-output")),
            begins_with=planned[-1].output if planned else "",
            split=split,
        )
        planned.append(run)
    return planned


def _form(splits: Splits, tokenizer: PreTrainedTokenizerBase) -> Form:
    texts = {bool(one.text) for one in (*splits.train, *splits.validation)}
    if len(texts) > 1:
        raise InteropError(f"{splits.name} has conversations and raw text in one dataset; export them apart")
    return "text" if True in texts else "chat" if tokenizer.chat_template else "plain"


def _layers(model: PreTrainedModel, values: Mapping[str, Any]) -> tuple[list[str], list[str], dict[str, Any]]:
    """Names of the layers to adapt, of those among them whose inputs (IA)^3 scales, and what PiSSA adds."""
    from foretune.finetuning.adapters import pissa_settings, scaled_inputs
    from foretune.finetuning.targets import short_names, target_modules

    if values["method"] == "full":
        return [], [], {}
    full = target_modules(model, str(values["target_modules"]))
    inputs = scaled_inputs(model, full) if values["method"] == "ia3" else []
    pissa = values["method"] == "pissa"
    settings = pissa_settings(model, full, int(values["rank"]), float(values["alpha_over_rank"])) if pissa else {}
    return short_names(model, full), short_names(model, inputs), settings


def _write_rows(run: PlannedRun, trainer: Trainer, rows: Mapping[str, Sequence[dict[str, Any]]]) -> None:
    run.data.mkdir()
    for split, lines in rows.items():
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        (run.data / f"{split}.jsonl").write_text(text, encoding="utf-8")
    if trainer.dataset_info:
        text = json.dumps(trainer.dataset_info(run), indent=1) + "\n"
        (run.data / "dataset_info.json").write_text(text, encoding="utf-8")


def _headed(trainer: str, command: str, notes: Sequence[str], text: str) -> str:
    """With comments on top."""
    lines = [f"Written by foretune for {trainer}: {command}", *(f"- {note}" for note in notes)]
    return "".join(f"# {line}\n" for line in lines) + "\n" + text
