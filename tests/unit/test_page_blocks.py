"""Every YAML and JSON block of the documentation is taken by its reader, or is what the program prints."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from finished_search import ENTRIES
from pages import PAGES, blocks
from typer.testing import CliRunner

from foretune.benchmark.peers.roster import ROSTER, read_roster
from foretune.cli import app
from foretune.cli import commands as program
from foretune.finetuning.data.splits import load_alone
from foretune.interop.mapping import read_mapping
from foretune.interop.parameters import settings_of
from foretune.journal import append_entry, create_journal
from foretune.session.recipe import read_configuration
from foretune.space import load_space
from foretune.types import Configuration

Reader = Callable[[str, pytest.CaptureFixture[str]], object]


def saved(text: str, name: str) -> Path:
    Path(name).write_text(text, encoding="utf-8")
    return Path(name)


def data(text: str, _: object) -> None:
    _, examples, notes = load_alone(saved(text, "data.jsonl"))
    assert (len(examples), notes) == (len(text.splitlines()), [])


def space(text: str, _: object) -> None:
    found = load_space(saved(text, "space.yaml"))
    assert found.name == "mine"
    load_space("peft").check(found.default())


def configuration(text: str, _: object) -> None:
    load_space("peft").check(Configuration(read_configuration(saved(text, "mine.yaml"))["configuration"]))


def mapping(text: str, _: object) -> None:
    assert read_mapping(saved(text, "mapping.yaml")).fields["hyperparameters"]


def settings(text: str, _: object) -> None:
    for run in yaml.safe_load(text):
        Configuration(settings_of(run, saved(text, "settings.yaml")))


def peer(text: str, _: object) -> None:
    assert list(read_roster(saved(text, ROSTER).parent)) == ["in-order"]


def client(text: str, _: object) -> None:
    (server,) = json.loads(text)["mcpServers"].values()
    assert server["command"] == program.info.name
    command = typer.main.get_command(program)
    for name in server["args"]:
        command = command.commands[name]


def refusal(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        app(["tune", "god.jsonl", "--budget", "10m", "--output", "run", "--json"])
    assert json.loads(capsys.readouterr().out) == json.loads(text)


def status(text: str, _: object) -> None:
    Path("run").mkdir()
    create_journal(Path("run/journal.jsonl"), {"setup_seconds": 1.0})
    append_entry(Path("run/journal.jsonl"), ENTRIES[0])
    printed = CliRunner().invoke(program, ["status", "run", "--json"]).stdout
    assert not foreign(json.loads(text), json.loads(printed))


def foreign(shown: dict[str, Any], printed: dict[str, Any]) -> set[str]:
    """Names that are shown and not printed, or with a value of another type; a printed null may be anything."""
    found = shown.keys() - printed.keys()
    for name in shown.keys() & printed.keys():
        if isinstance(shown[name], dict) and isinstance(printed[name], dict):
            found |= foreign(shown[name], printed[name])
        elif printed[name] is not None and not isinstance(shown[name], type(printed[name])):
            found.add(name)
    return found


READERS: dict[str, list[Reader]] = {
    "../README.md": [data],
    "agents.md": [refusal, status, client],
    "command-line.md": [configuration],
    "interop.md": [settings, mapping],
    "peers.md": [peer],
    "search-space.md": [space],
}
"""Page -> the readers of its YAML and JSON blocks, in order."""


@pytest.mark.parametrize("page", PAGES)
def test_every_block_is_read(page, tmp_path, monkeypatch, capsys):
    found = blocks(page, "yaml", "json")
    readers = READERS.get(page, [])
    assert len(found) == len(readers), "name the reader of each block above"
    for number, (text, reader) in enumerate(zip(found, readers, strict=True)):
        (tmp_path / str(number)).mkdir()
        monkeypatch.chdir(tmp_path / str(number))
        reader(text, capsys)
