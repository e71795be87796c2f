"""`foretune report` from its arguments to its file."""

import subprocess
import sys

import pytest
from finished_folder import write_folder
from made_comparison import made_comparison
from typer.testing import CliRunner

from foretune.cli import commands
from foretune.errors import JournalError
from foretune.report.comparison import save_comparison


def test_the_page_is_written_where_it_should_be(tmp_path):
    home = write_folder(tmp_path / "run")
    done = CliRunner().invoke(commands, ["report", str(home), "--out", str(tmp_path / "page.html")])
    assert (done.exit_code, done.output) == (0, f"The page is {tmp_path / 'page.html'}.\n")
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")
    assert not (home / "report.html").exists()


@pytest.mark.parametrize("kind", ["run", "comparison"])
def test_the_page_is_made_without_torch(tmp_path, kind):
    home = tmp_path / kind
    write_folder(tmp_path / "run")
    (tmp_path / "comparison").mkdir()
    save_comparison(made_comparison(), tmp_path / "comparison")
    program = (
        "import sys; from foretune.cli import commands; commands(['report', sys.argv[1]], standalone_mode=False); "
        "assert not {'torch', 'pandas', 'matplotlib', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program, str(home)], check=True, capture_output=True)
    assert (home / "report.html").is_file()


def test_the_page_of_a_comparison_is_made_from_its_folder(tmp_path):
    save_comparison(made_comparison(), tmp_path)
    done = CliRunner().invoke(commands, ["report", str(tmp_path)])
    assert (done.exit_code, done.output) == (0, f"The page is {tmp_path / 'report.html'}.\n")
    assert "4 methods on 2 tasks" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize("name", ["replays.jsonl", "peers.jsonl"])
def test_of_a_comparison_without_its_file_the_error_says_what_to_do(tmp_path, name):
    (tmp_path / name).write_text("")
    done = CliRunner().invoke(commands, ["report", str(tmp_path)])
    assert isinstance(done.exception, JournalError)
    assert "but no comparison.json: it has not ended" in str(done.exception)
    assert "give the command of the comparison again, which repeats no search" in str(done.exception)
    assert not (tmp_path / "report.html").exists()
