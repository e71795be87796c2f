"""Every reader of files that users hand over, with a valid sample of what it reads (see `fuzzing.py`)."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from finished_folder import write_folder
from finished_search import ENTRIES, LORA, reported, scored
from foreign_logs import WRITERS, Log
from fuzzing import Target
from made_documents import write_docx, write_pdf
from tiny_table import tiny_table

from foretune.documents.parse import parse
from foretune.errors import DataError
from foretune.execution.questions import read_questions
from foretune.execution.run_folder import base_of, stops_of
from foretune.finetuning.data import load_splits
from foretune.interop import import_runs
from foretune.metadata import read_meta_dataset, write_meta_dataset
from foretune.metadata.log import compile_logs, restore_logs
from foretune.metadata.verify import verify
from foretune.report.page.record import home_of, read_record
from foretune.report.page.render import page_of
from foretune.report.run_report import trial_curves
from foretune.session.lineage import linked
from foretune.session.recipe import read_configuration, read_configurations, request_of
from foretune.session.status import status_of
from foretune.space import load_space
from foretune.surrogate import load_surrogates

Read = Callable[[], object]
RECIPE = {**LORA.values, "alpha_over_rank": 2.0, "dropout": 0.0, "target_modules": "all", "schedule": "cosine"}
RECIPE |= {"weight_decay": 0.01, "optimizer": "adamw"}
LOGS = [
    Log("a", [2.0, 1.5, 1.25], [10, 20, 30], [1.0, 1.5, 2.0]),
    Log("b", [2.5, 1.75, 1.5], [10, 20, 30], [2.0, 1.5, 1.0], {"learning_rate": 1e-4, "rank": 4}),
]

TABLE = tiny_table({"a": {1: [5.0, 4.0], 2: [3.0, 2.0]}, "b": {1: [4.5, 3.5], 2: [3.5]}}, default=1)


def write_jsonl(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _conversations() -> list[dict[str, Any]]:
    """Rows of every convention, prompts all different."""
    called = {
        "role": "assistant",
        "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}],
    }
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    rows: list[dict[str, Any]] = []
    for number in range(3):
        asked, said = f"Question {number}?", f"Answer {number}."
        turns = [{"role": "system", "content": "Be short."}, {"role": "user", "content": f"{asked} a"}]
        answer = {"role": "assistant", "content": said, "weight": 1}
        rows += [
            {"messages": [*turns, answer]},
            {"messages": [*turns, called, {"role": "tool", "content": {"a": 1}}, answer], "tools": tools},
            {"conversations": [{"from": "human", "value": asked + "b"}, {"from": "gpt", "value": said}], "system": "S"},
            {"instruction": f"{asked} c", "input": "Context.", "output": said, "history": [["Before?", "Yes."]]},
            {"prompt": f"{asked} d", "completion": [{**answer, "content": [{"type": "text", "text": said}]}]},
            {"text": f"{asked} e", "label": number},
        ]  # fmt: skip
    return rows


ALPACA = [
    {"instruction": f"Question {number}?", "input": "Context, a;b", "output": f"Answer {number}."}
    for number in range(14)
]


def _dataset(ending: str, write: Callable[[Path], object]) -> Callable[[Path], Read]:
    def prepare(folder: Path) -> Read:
        write(path := folder / f"data{ending}")

        def read() -> None:
            try:
                load_splits(path)
            except DataError:
                load_splits(path, skip_bad_rows=True, last_turn_only=True)

        return read

    return prepare


def _write_table(separator: str) -> Callable[[Path], object]:
    rows = [list(ALPACA[0]), *(list(row.values()) for row in ALPACA)]
    text = "".join(separator.join(f'"{cell}"' for cell in row) + "\n" for row in rows)
    return lambda path: path.write_text(text, encoding="utf-8")


def _read_folder(folder: Path) -> Read:
    for split, rows in {"train": ALPACA[:10], "validation": ALPACA[10:12], "test": ALPACA[12:]}.items():
        write_jsonl(folder / f"{split}.jsonl", rows)
    return lambda: load_splits(folder)


def _questions(folder: Path) -> Read:
    write_jsonl(folder / "asked.jsonl", [*_conversations(), *({"prompt": f"Why {number}?"} for number in range(3))])
    return lambda: read_questions(str(folder / "asked.jsonl"))


def _recipe(folder: Path) -> Read:
    content = {"configuration": RECIPE, "after": [RECIPE], "model": "foretune-tiny", "data": "facts.jsonl", "seed": 7}
    content |= {"train_rows": 60, "max_length": 64, "slices": 3, "slices_planned": 8, "validation_nll": 1.5}
    content |= {"today": "2026-02-27", "columns": "prompt=Q,completion=A", "skip_bad_rows": True}
    (path := folder / "best.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")

    def read() -> None:
        written = read_configuration(path)
        linked([*written.get("after", ()), written["configuration"]])
        request_of(written, path)

    return read


def _recipes(folder: Path) -> Read:
    write_jsonl(path := folder / "some.jsonl", [RECIPE, {**RECIPE, "rank": 4}])
    return lambda: read_configurations(path)


def _space(folder: Path) -> Read:
    shutil.copy(str(files("foretune") / "data" / "spaces" / "peft.yaml"), path := folder / "mine.yaml")
    return lambda: load_space(path, hidden_size=192)


def _search(folder: Path) -> Path:
    progress = {"written": 1.0, "spent_seconds": 3.0, "budget_seconds": 20.0, "budget_slices": None}
    training = [{"configuration": RECIPE, "from_slice": 1, "to_slice": 2}]
    report = reported(scored("zero-shot", 4.0), scored("best", 1.5, LORA, 2), notes=("a note",), best_key=LORA.key)
    report = replace(report, trials=trial_curves(ENTRIES, {}))
    write_folder(folder, report)
    (folder / ".progress.json").write_text(json.dumps({**progress, "training": training}), encoding="utf-8")
    (folder / ".lock").write_text(json.dumps({"pid": 1, "host": "here", "since": "now"}), encoding="utf-8")
    return folder


def _status(folder: Path) -> Read:
    _search(folder)
    return lambda: status_of(folder)


def _record(folder: Path) -> Read:
    _search(folder)
    return lambda: read_record(home_of(folder))


def _page(folder: Path) -> Read:
    _search(folder)
    return lambda: page_of(read_record(folder)).encode()


def _adapter(folder: Path) -> Read:
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "org/base"}))
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [1, 2]}))
    return lambda: (base_of(folder), stops_of(folder))


def _tables(folder: Path) -> Read:
    write_meta_dataset(TABLE, folder)

    def read() -> None:
        meta = read_meta_dataset(folder)
        for task in meta.task_ids:
            assert meta.task(task)
            assert [meta.curve(run) for run in meta.runs_of(task)]
            meta.default(task)
        verify(folder)

    return read


def _mend_tables(folder: Path) -> None:
    _mend(folder / "metadata.json", lambda header: header["sha256"], list(folder.glob("*.parquet")))


def _mend_surrogates(folder: Path) -> None:
    arrays = folder / "surrogates.safetensors"
    _mend(folder / "surrogates.json", _Named, [arrays])


class _Named(dict[str, str]):
    """The only checksum of a header, by the name of its file."""

    def __init__(self, header: dict[str, Any]) -> None:
        self._header = header

    def __setitem__(self, _name: str, digest: str) -> None:
        self._header["sha256"] = digest


def _mend(path: Path, place: Callable[[dict[str, Any]], dict[str, str]], damaged: Sequence[Path]) -> None:
    try:
        header = json.loads(path.read_bytes())
        for file in damaged:
            place(header)[file.name] = hashlib.sha256(file.read_bytes()).hexdigest()
        path.write_text(json.dumps(header), encoding="utf-8")
    except (ValueError, KeyError, TypeError, RecursionError):
        return  # the header itself is damaged


def _log(folder: Path) -> Read:
    write_meta_dataset(TABLE, folder)
    restore_logs(folder)
    for path in (*folder.glob("*.parquet"), folder / "metadata.json"):
        path.unlink()
    return lambda: compile_logs(folder, {"how": "made up"})


def _surrogates(folder: Path) -> Read:
    shipped = Path(str(files("foretune") / "data" / "surrogates" / "foretune-tiny-v1"))
    for path in shipped.iterdir():
        shutil.copy(path, folder)
    return lambda: load_surrogates(folder)


def _imported(kind: str) -> Callable[[Path], Read]:
    def prepare(folder: Path) -> Read:
        paths, options = WRITERS[kind](folder, LOGS, "data")
        return lambda: import_runs(kind, paths, options)

    return prepare


def _document(name: str, write: Callable[[Path], object]) -> Callable[[Path], Read]:
    def prepare(folder: Path) -> Read:
        write(path := folder / name)

        def read() -> None:
            if "error" in (found := parse(path, 2_000_000)):
                raise DataError(found["error"])
            json.dumps(found).encode()

        return read

    return prepare


HTML = "<html><head><title>T</title></head><body><h1>One</h1><p>Some <b>bold</b> text.<ul><li>x</li></ul></body></html>"
MARKDOWN = "---\na: b\n---\n# One\n\nText.\n\n- item\n\n## Two\n\n```\ncode\n```\n"
DATASETS: Mapping[str, Callable[[Path], object]] = {
    ".jsonl": lambda path: write_jsonl(path, _conversations()),
    ".json": lambda path: path.write_text(json.dumps({"data": _conversations()}, indent=1)),
    ".csv": _write_table(","),
    ".tsv": _write_table("\t"),
    ".parquet": lambda path: pq.write_table(pa.Table.from_pylist(ALPACA), path),
    ".jsonl.gz": lambda path: path.write_bytes(gzip.compress("\n".join(map(json.dumps, ALPACA)).encode())),
}
DOCUMENTS: Mapping[str, Callable[[Path], object]] = {
    "a.md": lambda path: path.write_text(MARKDOWN),
    "a.html": lambda path: path.write_text(HTML),
    "a.txt": lambda path: path.write_text(MARKDOWN * 20),
    "a.docx": write_docx,
    "a.pdf": lambda path: write_pdf(path, ["Page one.", "Page two."], {"One": 0, "Two": 1}),
}
TARGETS: tuple[Target, ...] = (
    *(Target(f"dataset {ending}", _dataset(ending, write)) for ending, write in DATASETS.items()),
    Target("dataset folder", _read_folder),
    Target("questions", _questions),
    Target("best.yaml", _recipe, 0.6),
    Target("configurations", _recipes),
    Target("search space", _space, 0.05),
    Target("journal, status", _status),
    Target("run report", _record),
    Target("page of a run", _page, 0.2),
    Target("adapter folder", _adapter),
    Target("meta-dataset", _tables, 0.1, _mend_tables),
    Target("collection logs", _log, 0.1),
    Target("surrogates", _surrogates, 0.1, _mend_surrogates),
    *(Target(f"import {kind}", _imported(kind), 0.05) for kind in WRITERS),
    *(Target(f"document {name[1:]}", _document(name, write), 0.3) for name, write in DOCUMENTS.items()),
)
