import subprocess
import sys

import pytest
import typer

import foretune.cli
from foretune.errors import DataError


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


def test_help_is_quick_to_import_and_names_every_verb():
    code = (
        "import sys\nfrom foretune.cli import app\n"
        "try:\n    app(['--help'])\nfinally:\n"
        "    print([name for name in ('torch', 'transformers', 'peft', 'pandas', 'matplotlib') if name in sys.modules])"
    )
    result = run(code)
    assert result.returncode == 0, result.stderr
    for verb in foretune.cli.VERBS:
        assert verb in result.stdout
    assert result.stdout.splitlines()[-1] == "[]"


def test_a_mistake_of_the_user_is_one_line_and_exit_code_2(monkeypatch, capsys):
    commands = typer.Typer()

    @commands.command()
    def broken():
        raise DataError("rows.jsonl, line 3: expected a JSON object; fix the line or delete it")

    monkeypatch.setattr(foretune.cli, "commands", commands)
    with pytest.raises(SystemExit) as stop:
        foretune.cli.app([])
    assert stop.value.code == 2
    assert capsys.readouterr().err == (
        "foretune: rows.jsonl, line 3: expected a JSON object; fix the line or delete it\n"
    )


def test_other_errors_keep_their_traceback(monkeypatch):
    commands = typer.Typer(pretty_exceptions_enable=False)

    @commands.command()
    def broken():
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(foretune.cli, "commands", commands)
    with pytest.raises(RuntimeError, match="a fault of ours"):
        foretune.cli.app([])
