"""The commands of pages run, one after the other, as a reader would type them."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import pandas as pd
import pytest
from foreign_logs import Log, write_trainer
from pages import ROOT, commands
from rows_of_data import COUNTING
from synthetic_table import synthetic_table
from typer.testing import CliRunner

import foretune.surrogate.fit
from foretune.cli import commands as program
from foretune.metadata import read_meta_dataset, write_meta_dataset
from foretune.report.run_report import read_run_report
from foretune.surrogate import load_surrogates

Words = list[str]

SHORT = {
    "tune": ["--max-slices", "2", "--no-default-comparison"],
    "collect": ["--configurations", "3", "--max-tokens-per-run", "2000"],
}
"""Options that shorten what takes time."""

ELSEWHERE = ("collect", "demo", "replay", "synthesize")
"""Verbs that take minutes, or a teacher; their own tests run them."""


def jsonl(path: str, rows: Sequence[Mapping[str, str]]) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with the files that the pages speak of, and where nothing else is."""
    monkeypatch.chdir(tmp_path)
    for at, name in enumerate(("questions", "tickets", "invoices", "refunds", "other", "exam/returns", "exam/claims")):
        jsonl(f"{name}.jsonl", [{**row, "prompt": f"{name}: {row['prompt']}"} for row in COUNTING[at:]])
    lines = [f"{row['prompt']},{row['completion']}" for row in COUNTING]
    Path("table.csv").write_text("\n".join(["Q,A", *lines]) + "\n", encoding="utf-8")
    return tmp_path


def run(page: str, options: Mapping[str, Words] = SHORT, left_out: Sequence[str] = ELSEWHERE) -> list[Words]:
    """Run the commands of foretune on a page.

    Returns:
        What was run, without options that were added here.
    """
    done = list[Words]()
    for command, *words in commands(page):
        if command.removeprefix(".venv/bin/") != "foretune" or words[0] in left_out or _is_placeholder(words):
            continue
        result = CliRunner().invoke(program, [*words, *options.get(words[0], [])], input="hello\n")
        assert result.exit_code == 0, (words, result.output, result.exception)
        done.append(words)
    return done


def _is_placeholder(words: Words) -> bool:
    """Whether a reader has to fill something in, or a file of another trainer is asked for on a model of the hub."""
    return any(re.fullmatch(r"[A-Z]{2,}|trl:.*", word) or "/path/to/" in word for word in words)


@pytest.fixture
def team(place):
    """What the page of a team speaks of, beside the datasets: output folders of a Trainer."""
    write_trainer(place / "old_runs", [Log("a", [2.0, 1.5], [4, 8], [1.0, 1.0])], "tickets")
    Path("old_runs/a/adapter_config.json").write_text('{"peft_type": "LORA", "base_model_name_or_path": "org/base"}')
    return place


def test_a_week_of_a_team(team, tiny_model, monkeypatch):
    shipped = load_surrogates(Path(str(files("foretune"))) / "data" / "surrogates" / "foretune-tiny-v1")
    monkeypatch.setattr(foretune.surrogate.fit, "fit", lambda *_, **__: shipped)
    model = ["--model", str(tiny_model)]
    done = run("team.md", {"tune": [*SHORT["tune"], *model], "recommend": model})
    assert [words[0] for words in done].count("tune") == 3
    table = read_meta_dataset("team")
    assert set(table.families.values()) == {"support", "finance"}
    assert [len(table.runs_of(task)) for task in table.task_ids] == [1, 1, 1]
    week = set(read_meta_dataset("weeks/48/table").task_ids)
    assert len(week & set(table.task_ids)) == 2  # the third search came after the merge
    report = read_run_report(team / "runs" / "refunds" / "report.json")
    assert math.isfinite(report.scores[-1].test.nll)


@pytest.mark.slow
def test_all_of_a_week_of_a_team(team):
    run("team.md", left_out=())
    regrets = pd.read_parquet("weeks/48/exam/results.parquet")
    assert set(regrets["task"]) == {"returns:foretune-tiny", "claims:foretune-tiny"}
    assert set(regrets["method"]) == {"random", "portfolio", "transfer-in-context"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "count"),
    [
        *(("index.md", 2), ("getting-started.md", 5), ("faq.md", 12), ("after-the-run.md", 6)),
        *(("recommend.md", 3), ("command-line.md", 14)),
    ],
)
def test_the_commands_of_a_page_run(page, count, place):
    if page == "after-the-run.md":
        foretune.tune("questions.jsonl", "run", budget="3m", max_slices=2, default_comparison=False)
    write_meta_dataset(synthetic_table(), place / "meta")
    assert len(run(page)) == count


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("mkdocstrings", reason="needs mkdocstrings: pip install 'mkdocstrings[python]'")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    reference = (tmp_path / "reference" / "index.html").read_text(encoding="utf-8")
    assert all(f'id="foretune.{name}"' in reference for name in foretune.__all__)
