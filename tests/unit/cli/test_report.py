"""`foretune report` from its arguments to its file."""

import subprocess
import sys

from finished_folder import write_folder
from typer.testing import CliRunner

from foretune.cli import commands


def test_the_page_is_written_where_it_should_be(tmp_path):
    home = write_folder(tmp_path / "run")
    done = CliRunner().invoke(commands, ["report", str(home), "--out", str(tmp_path / "page.html")])
    assert (done.exit_code, done.output) == (0, f"The page is {tmp_path / 'page.html'}.\n")
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")
    assert not (home / "report.html").exists()


def test_the_page_is_made_without_torch(tmp_path):
    home = write_folder(tmp_path / "run")
    program = (
        "import sys; from foretune.cli import commands; commands(['report', sys.argv[1]], standalone_mode=False); "
        "assert not {'torch', 'pandas', 'matplotlib', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program, str(home)], check=True, capture_output=True)
    assert (home / "report.html").is_file()
