from __future__ import annotations

from pathlib import Path

import pytest
from synthetic_table import synthetic_surrogates, synthetic_table
from typer.testing import CliRunner

import foretune.surrogate.fit
from foretune.cli import commands
from foretune.metadata import write_meta_dataset
from foretune.surrogate import load_surrogates


@pytest.fixture
def meta(tmp_path: Path) -> Path:
    write_meta_dataset(synthetic_table(), tmp_path / "meta")
    return tmp_path / "meta"


def test_fit_writes_surrogates_and_shows_the_held_out_tasks(meta, tmp_path, monkeypatch):
    asked = {}

    def quick(tables, **arguments):
        asked.update(arguments, tables=len(tables))
        return synthetic_surrogates()

    monkeypatch.setattr(foretune.surrogate.fit, "fit", quick)
    arguments = ["fit", str(meta), "--out", str(tmp_path / "out"), "--exclude-family", "delta", "--seed", "3"]
    result = CliRunner().invoke(commands, arguments)
    assert result.exit_code == 0, result.output
    assert (asked["tables"], asked["seed"], asked["exclude_families"]) == (1, 3, ["delta"])
    assert "mean" in result.output
    assert load_surrogates(tmp_path / "out").card["runs"] > 0
