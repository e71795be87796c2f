"""Every verb's `--json` prints one document with the keys that the documentation lists."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from asked_advice import write_sums
from finished_search import ENTRIES, LORA, reported, scored
from synthetic_table import synthetic_table
from tiny_table import four_tasks
from typer.main import get_command
from typer.testing import CliRunner

from foretune.cli import commands
from foretune.finetuning.merge import Merged
from foretune.journal import append_entry, create_journal
from foretune.metadata import write_meta_dataset
from foretune.report.run_report import trial_curves
from foretune.run import Run
from foretune.session.exporting import Exported
from foretune.space import load_space

PAGE = (Path(__file__).parents[3] / "docs" / "agents.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (`.*?) \| (`.*) \|$", PAGE.partition("### Keys")[2].partition("\n## ")[0], re.M)
WITHOUT = {"chat", "mcp"}
REPORT = reported(scored("best", 1.5, LORA, 2), trials=trial_curves(ENTRIES, {}), best_key=LORA.key)


def names(text):
    return re.findall(r"`([a-z_ ]+)`", text)


def keys(cell):
    """The names before the first semicolon or explanation of others; a clause after `with` names parts of parts."""
    return set(names(re.sub(r"\([^()]*\)|, each with.*|; .*|, and further.*", "", cell)))


DOCUMENTED = {verb: keys(cell) for verbs, cell in ROWS for verb in names(verbs)}


@pytest.fixture
def meta(tmp_path):
    write_meta_dataset(four_tasks(), tmp_path / "meta")
    return tmp_path / "meta"


def search(tmp_path, monkeypatch):
    monkeypatch.setattr("foretune.session.search.search", lambda *_, **__: None)
    monkeypatch.setattr("foretune.session.closing.close", lambda *_, **__: None)
    monkeypatch.setattr("foretune.api.load_run", lambda folder: Run(folder, folder / "adapter", REPORT))
    return ["tune", "data.jsonl", "--output", tmp_path / "run", "--budget", "1m"]


def finetune(tmp_path, monkeypatch):
    monkeypatch.setattr("foretune.session.single.finetune_once", lambda *_: REPORT)
    written = {"configuration": dict(load_space("peft").default().values)}
    (tmp_path / "best.yaml").write_text(yaml.safe_dump(written))
    return ["finetune", "data.jsonl", "--config", tmp_path / "best.yaml", "--output", tmp_path / "run"]


def report(tmp_path, monkeypatch):
    monkeypatch.setattr("foretune.session.reporting.report", lambda *_: tmp_path / "report.html")
    return ["report", tmp_path]


def export(tmp_path, monkeypatch):
    found = Exported((tmp_path / "a.yaml",), tmp_path / "rows", ("trl sft",), ())
    monkeypatch.setattr("foretune.session.exporting.export", lambda *_, **__: found)
    return ["export", tmp_path, "--to", "trl"]


def merge(tmp_path, monkeypatch):
    found = Merged(12, 0.01, 20.0, 1.2, 1.2, torch.bfloat16)
    monkeypatch.setattr("foretune.session.merging.merge", lambda *_, **__: (found, ()))
    return ["merge", tmp_path, "--out", "merged"]


def fit(tmp_path, monkeypatch):
    card = {"held_out": {"mean": {}, "by_task": {}, "by_model": {}}}
    monkeypatch.setattr("foretune.surrogate.fit.fit", lambda *_, **__: SimpleNamespace(card=card))
    monkeypatch.setattr("foretune.surrogate.save_surrogates", lambda *_: None)
    return ["fit", tmp_path / "meta", "--out", tmp_path / "out"]


def collect(tmp_path, monkeypatch):
    monkeypatch.setattr("foretune.collect.finish", lambda _: four_tasks())
    return ["collect", "--out", tmp_path / "meta", "--finish"]


def status(tmp_path, _):
    (tmp_path / "run").mkdir()
    create_journal(tmp_path / "run" / "journal.jsonl", {"setup_seconds": 1.0})
    append_entry(tmp_path / "run" / "journal.jsonl", ENTRIES[0])
    return ["status", tmp_path / "run"]


def import_(tmp_path, _):
    curve = np.linspace(0.7, 0.4, 4)[None]
    np.savez(tmp_path / "task.npz", hp_names=np.array(["lr"]), X=np.array([[1e-3]]), valid=curve, test=curve)
    return ["metadata", "import", "taskset", tmp_path / "task.npz", "--out", tmp_path / "new", "--rows", 10]


def verify(tmp_path, _):
    write_meta_dataset(synthetic_table(tasks=2, configurations=3), tmp_path / "sound")
    return ["metadata", "verify", tmp_path / "sound"]


VERBS = {
    "tune": search,
    "finetune": finetune,
    "status": status,
    "recommend": lambda place, _: ["recommend", write_sums(place), "--model", "Qwen/Qwen3-8B", "--top", 1],
    "report": report,
    "export": export,
    "merge": merge,
    "generate": lambda place, _: ["generate", place / "made", "--only", "units", "--rows", 20],
    "synthesize": lambda place, _: ["synthesize", "--from", "facts:metric_prefixes", "--out", place / "facts"],
    "collect": collect,
    "fit": fit,
    "replay": lambda place, _: [
        *("replay", place / "meta", "--out", place / "out", "--budget", "1runs", "--seeds", 1),
        *("--methods", "random,portfolio"),
    ],
    "metadata describe": lambda place, _: ["metadata", "describe", place / "meta"],
    "metadata gate": lambda place, _: ["metadata", "gate", place / "meta"],
    "metadata import": import_,
    "metadata verify": verify,
    "metadata merge": lambda place, _: ["metadata", "merge", place / "meta", "--out", place / "joined"],
    "metadata export": lambda place, _: ["metadata", "export", "csv", place / "meta", "--out", place / "csv"],
}


@pytest.mark.parametrize("verb", VERBS)
def test_the_document_has_the_documented_keys(verb, meta, tmp_path, monkeypatch):
    arguments = VERBS[verb](tmp_path, monkeypatch)
    result = CliRunner().invoke(commands, [*map(str, arguments), "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert set(found) >= DOCUMENTED[verb] if verb == "recommend" else set(found) == DOCUMENTED[verb]


def test_answers_are_a_document(tiny_model, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "adapter").symlink_to(tiny_model)
    arguments = ["predict", str(tmp_path / "run"), "--prompt", "red", "--max-new-tokens", "2", "--json"]
    result = CliRunner().invoke(commands, arguments)
    found = json.loads(result.stdout)
    assert set(found) == DOCUMENTED["predict"]
    assert found["answers"][0]["prompt"] == "red"
    assert f"{found['answers'][0]['answer']}\n" in result.stderr


def test_a_search_tells_what_it_found(tmp_path, monkeypatch):
    result = CliRunner().invoke(commands, [*map(str, search(tmp_path, monkeypatch)), "--json"])
    found = json.loads(result.stdout)
    assert (found["run"], found["returned"], found["configuration"]) == (
        str(tmp_path / "run"),
        "best",
        dict(LORA.values),
    )
    assert found["scores"][-1]["test"]["nll"] == 1.5


def test_every_verb_is_documented():
    verbs = {
        " ".join(path) for path, one in leaves(get_command(commands)) if any("--json" in to.opts for to in one.params)
    }
    assert verbs == set(DOCUMENTED)
    assert {" ".join(path) for path, _ in leaves(get_command(commands))} - verbs == WITHOUT
    assert set(DOCUMENTED) - set(VERBS) == {"demo", "predict"}


def leaves(command, path=()):
    for name, one in getattr(command, "commands", {}).items():
        if getattr(one, "commands", None):
            yield from leaves(one, (*path, name))
        else:
            yield (*path, name), one
