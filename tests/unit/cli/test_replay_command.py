from __future__ import annotations

import pandas as pd
import pytest
from tiny_table import four_tasks
from typer.testing import CliRunner

from foretune.cli import commands
from foretune.errors import ConfigurationError
from foretune.metadata import write_meta_dataset


@pytest.fixture
def meta(tmp_path):
    write_meta_dataset(four_tasks(), tmp_path / "meta")
    return tmp_path / "meta"


def say(*arguments):
    return CliRunner().invoke(commands, ["replay", *(str(one) for one in arguments)], env={"COLUMNS": "160"})


def test_replay_writes_results_tables_and_a_figure(meta, tmp_path):
    out = tmp_path / "out"
    result = say(meta, "--out", out, "--budget", "1runs,3runs,5s", "--seeds", "2", "--exclude-family", "family b")
    assert result.exit_code == 0, result.output
    assert "Left out: the method 'transfer' cannot run here" in result.output
    assert "Regret: 0 = best of the pool, 1 = median configuration" in result.output
    frame = pd.read_parquet(out / "results.parquet")
    assert set(frame["task"]) == {"a", "c", "d"}
    assert set(frame["budget"]) == {"1runs", "3runs", "5s"}
    assert len(frame) == 3 * 3 * (4 + 2 * 6)
    summary = (out / "summary.md").read_text()
    assert "3 tasks of 3 families, 2 seeds of stochastic methods, 144 searches." in summary
    for heading in ("1 = median", "1 = default", "Average rank", "Area", "Test nll", "final score of the default"):
        assert heading in summary
    assert "| d | - | 4 |" in (out / "headroom.md").read_text()
    assert (out / "regret.png").read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_is_a_plain_error(meta, tmp_path):
    for arguments, message in (
        (["--methods", "bayes"], "no method is called 'bayes'"),
        (["--budget", "soon"], "'soon' is not a budget"),
        (["--methods", "random,transfer"], "'transfer' cannot run here"),
    ):
        result = say(meta, "--out", tmp_path / "out", *arguments)
        assert isinstance(result.exception, ConfigurationError)
        assert message in str(result.exception)
