from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from synthetic_table import synthetic_surrogates, synthetic_table
from typer.testing import CliRunner

import foretune.surrogate.fit
from foretune.cli import commands
from foretune.errors import SurrogateError
from foretune.metadata import write_meta_dataset
from foretune.surrogate import load_surrogates, save_surrogates


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


@pytest.mark.parametrize("overwrite", [False, True])
def test_surrogates_that_are_there_are_replaced_only_if_asked_for(meta, tmp_path, monkeypatch, overwrite):
    fitted = []
    monkeypatch.setattr(foretune.surrogate.fit, "fit", lambda *_, **__: fitted.append(1) or synthetic_surrogates())
    save_surrogates(tmp_path / "out", synthetic_surrogates("in-context"))
    before = (tmp_path / "out" / "surrogates.json").read_bytes()
    arguments = ["fit", str(meta), "--out", str(tmp_path / "out"), *(["--overwrite"] if overwrite else [])]
    result = CliRunner().invoke(commands, arguments)
    assert ((tmp_path / "out" / "surrogates.json").read_bytes() != before) is overwrite
    assert len(fitted) == overwrite
    if not overwrite:
        assert isinstance(result.exception, SurrogateError)
        assert str(result.exception).endswith("out holds surrogates already; name a new folder, or give --overwrite")


def test_other_files_are_never_written_among(meta, tmp_path):
    for arguments in ([], ["--overwrite"]):
        result = CliRunner().invoke(commands, ["fit", str(meta), "--out", str(meta), *arguments])
        assert isinstance(result.exception, SurrogateError)
        assert "holds other files (curves.parquet, metadata.json, runs.parquet); name" in str(result.exception)
    (tmp_path / "file").write_text("mine")
    result = CliRunner().invoke(commands, ["fit", str(meta), "--out", str(tmp_path / "file")])
    assert str(result.exception) == f"{tmp_path / 'file'} is a file; give a folder to --out"


def test_what_is_no_meta_dataset_is_said_before_torch_is_loaded(tmp_path):
    code = """
import sys
from pathlib import Path
from foretune.cli.fit import fit
from foretune.errors import MetaDatasetError
try:
    fit(meta_datasets=[Path("no-such-table")], out=Path("out"), as_json=False)
except MetaDatasetError as error:
    print(error)
assert "torch" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    expected = "no-such-table is not a folder; give a folder that `foretune collect` or `import` wrote, or one of fore"
    assert done.stdout.startswith(expected)
