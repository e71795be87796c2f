from __future__ import annotations

import pandas as pd
import pytest
from tiny_table import four_tasks
from typer.testing import CliRunner

from foretune.cli import commands
from foretune.errors import ConfigurationError
from foretune.metadata import write_meta_dataset
from foretune.report.comparison import read_comparison


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
    assert set(frame["budget"]) == {"1 run", "3 runs", "5s"}
    assert len(frame) == 3 * 3 * (8 + 2 * 6)
    summary = (out / "summary.md").read_text()
    assert "3 tasks of 3 families, 2 seeds of stochastic methods, 180 searches." in summary
    for heading in ("1 = median", "1 = default", "Average rank", "Area", "Test nll", "final score of the default"):
        assert heading in summary
    assert "| d | - | 4 |" in (out / "headroom.md").read_text()
    assert (out / "regret.png").read_bytes().startswith(b"\x89PNG")
    comparison = read_comparison(out)
    assert (comparison.table, comparison.tasks) == ("meta", ["a", "c", "d"])
    assert dict(comparison.about)["learned from"] == "meta, without all tasks of its family of datasets"
    assert dict(comparison.about)["searches"] == "180; 2 seeds of stochastic methods"
    assert "oracle" in comparison.curves
    assert any("'transfer' cannot run here" in note for note in comparison.notes)
    for one in comparison.rankings:
        found = frame[frame["budget"] == one.budget].groupby("method")["regret_median"].mean().drop("oracle")
        assert dict(zip(one.methods, one.regrets, strict=True)) == pytest.approx(found.to_dict(), abs=1e-4)
    page = (out / "report.html").read_text()
    assert CliRunner().invoke(commands, ["report", str(out)]).exit_code == 0
    assert (out / "report.html").read_text() == page, "made again from what is saved"


def test_methods_are_compared_in_pairs_with_a_baseline(meta, tmp_path):
    out = tmp_path / "out"
    common = (meta, "--out", out, "--budget", "1runs,2runs", "--seeds", "2")
    result = say(*common, "--methods", "random,portfolio,portfolio-sha:eta=3,oracle")
    assert result.exit_code == 0, result.output
    order = [result.output.index(title) for title in ("1 = median", "minus that of portfolio", "is closed", "Average")]
    assert order == sorted(order)
    assert "Regret as a share of that of portfolio" in (out / "summary.md").read_text()
    journal = (out / "replays.jsonl").read_text()

    baseline = "portfolio-sha:eta=3"
    result = say(*common, "--methods", f"random,{baseline},oracle", "--baseline", baseline)
    assert result.exit_code == 0, result.output
    assert (out / "replays.jsonl").read_text() == journal, "another baseline needs no other searches"
    frame = pd.read_parquet(out / "results.parquet").groupby(["method", "budget"])["regret_median"].mean()
    summary = (out / "summary.md").read_text()
    sheet = summary.partition(f"## Regret minus that of {baseline}")[2].partition("## ")[0]
    row = next(line for line in sheet.splitlines() if line.startswith("| random |"))
    for budget, cell in zip(("1 run", "2 runs"), row.split("|")[2:], strict=False):
        assert cell.startswith(f" {frame['random', budget] - frame[baseline, budget]:+.3f} [")
        assert sum(int(count) for count in cell.split()[-1].split("/")) == 4


def test_without_a_portfolio_nothing_is_paired_unless_asked_for(meta, tmp_path):
    result = say(meta, "--out", tmp_path / "out", "--budget", "1runs", "--methods", "best-average,oracle")
    assert result.exit_code == 0, result.output
    assert "minus" not in (tmp_path / "out" / "summary.md").read_text()


def test_a_file_of_the_user_is_not_replaced_by_the_page(meta, tmp_path):
    page = tmp_path / "out" / "report.html"
    page.parent.mkdir()
    page.write_text("mine")
    result = say(meta, "--out", page.parent, "--budget", "1runs", "--methods", "best-average,oracle")
    assert result.exit_code == 0, result.output
    assert f"note: the page about the comparison is missing: {page} exists and is no report" in result.output
    assert page.read_text() == "mine"


def test_what_cannot_be_is_a_plain_error(meta, tmp_path):
    for arguments, message in (
        (["--methods", "bayes"], "no method is called 'bayes'"),
        (["--budget", "soon"], "'soon' is not a budget"),
        (["--methods", "random,transfer"], "'transfer' cannot run here"),
        (["--baseline", "bayes"], "no method is called 'bayes'"),
        (["--methods", "random,oracle", "--baseline", "portfolio"], "'portfolio' is not among the methods"),
    ):
        result = say(meta, "--out", tmp_path / "out", *arguments)
        assert isinstance(result.exception, ConfigurationError)
        assert message in str(result.exception)
        assert not (tmp_path / "out" / "replays.jsonl").exists(), "nothing is replayed before all is checked"
