"""Collecting with real finetuning, in this process: real figures fill the tables, and they can be learned from."""

import json
from contextlib import contextmanager

import pytest

from foretune.collect import collect
from foretune.metadata import read_meta_dataset
from foretune.metadata.collection import Collection
from foretune.metadata.source import TaskSource
from foretune.space import load_space


@pytest.fixture
def sources(tmp_path):
    for task in ("sums", "products"):
        folder = tmp_path / task
        folder.mkdir()
        for number, (split, rows) in enumerate({"train": 12, "validation": 4, "test": 4}.items()):
            lines = [{"prompt": f"{task} {number} {row}", "completion": str(row % 3)} for row in range(rows)]
            (folder / f"{split}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return [TaskSource(tmp_path / "sums", 8), TaskSource(tmp_path / "products")]


def test_real_runs_fill_the_tables(sources, tiny_model, tmp_path):
    from foretune.execution.worker import run_job
    from foretune.finetuning.model import load_model, load_tokenizer
    from foretune.finetuning.task import describe_source

    model, tokenizer = load_model(tiny_model), load_tokenizer(tiny_model)

    @contextmanager
    def here():
        yield run_job

    def describe(source):
        return describe_source(source, tiny_model, model, tokenizer, max_length=64, max_fidelity=8)

    space = load_space("peft", hidden_size=32)
    collection = Collection(sources, str(tiny_model), space, configurations=2, max_length=64, max_tokens_per_run=2000)
    collect(collection, tmp_path / "meta", describe=describe, start_runner=here)
    meta = read_meta_dataset(tmp_path / "meta")
    assert meta.task_ids == (f"sums@8:{tiny_model.name}", f"products:{tiny_model.name}")
    assert set(meta.runs["status"]) == {"ok"}
    assert set(meta.runs["hardware"]) != {"unknown"}
    assert (meta.runs["parameters_trained"] > 0).all()
    test_scores = [name for name in meta.curves if name.startswith("test_")]
    assert not meta.curves.drop(columns=test_scores).isna().any(axis=None)
    best_so_far = meta.curves.groupby("run")["validation_value"].cummin()
    improved = meta.curves["validation_value"] <= best_so_far
    assert not meta.curves.loc[improved, test_scores].isna().any(axis=None)
    assert all(len(meta.curve(run)) == 8 for run in meta.runs["run"])
    last = meta.curves.groupby("run").last()
    planned = [meta.configurations[run].values["epochs"] for run in last.index]
    assert (last["epochs"] >= planned).all(), "a slice has at least one step, so short runs are rounded up"
    assert last["steps"].min() >= 8
