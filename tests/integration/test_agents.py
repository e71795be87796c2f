"""An agent recommends, starts a search, waits for it, and reads its report, over standard input and output."""

import asyncio
import json
import os
import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("mcp.server.mcpserver", reason="needs the library mcp, version 2: pip install 'foretune[mcp]'")
import mcp

from foretune.space import load_space

DOCS = Path(__file__).parents[2] / "docs"
TOOLS = {
    "recommend": {"data"},
    "tune": {"data", "output", "budget"},
    "status": {"run"},
    "report": {"run"},
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a small dataset, where the server runs."""
    monkeypatch.chdir(tmp_path)
    rows = [{"prompt": f"What comes after {n}?", "completion": str(n + 1)} for n in range(40)]
    Path("questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return tmp_path


def asked(*calls):
    """The results of calls of tools, and the tools, by a client of one server."""

    async def ask():
        program = mcp.StdioServerParameters(
            command=sys.executable, args=["-m", "foretune.cli", "mcp"], env=dict(os.environ)
        )
        async with mcp.Client(program) as client:
            tools = (await client.list_tools()).tools
            return tools, [await client.call_tool(*call) for call in calls]

    return asyncio.run(ask())


def test_tools_name_what_they_need_and_mistakes_are_told_in_words(place):
    tune = {"data": "questions.jsonl", "output": "run", "budget": "1m"}
    Path("taken").mkdir()
    Path("taken/mine.txt").write_text("mine")
    tools, results = asked(
        ("recommend", {"data": "question.jsonl"}),
        ("tune", {**tune, "budget": "soon"}),
        ("tune", {**tune, "model": "foretune-tny"}),
        ("tune", {**tune, "output": "taken"}),
        ("status", {"run": "run"}),
        ("report", {"run": "run"}),
        ("tune", {"data": "questions.jsonl"}),
    )
    assert {tool.name: set(tool.input_schema["required"]) for tool in tools} == TOOLS
    assert all("Args:" in tool.description for tool in tools)
    assert all(result.is_error for result in results)
    expected = [
        "question.jsonl: no such file or folder (did you mean questions.jsonl?)",
        "soon",
        "no model 'foretune-tny' is on this machine (did you mean",
        "taken already exists; nothing will be overwritten, or give another folder to --output",
        "run is no folder: a search writes there once model and data are loaded",
        "there is no run at",
        "Field required",
    ]
    for words, result in zip(expected, results, strict=True):
        assert words in result.content[0].text
    assert sorted(path.name for path in place.iterdir()) == ["questions.jsonl", "taken"]


def test_the_client_of_the_documentation_gets_from_advice_to_a_report(place, capfd, monkeypatch):
    # The library gives a server few variables; the source of this test is told of by another one.
    monkeypatch.setattr("mcp.client.stdio.DEFAULT_INHERITED_ENV_VARS", [*os.environ])
    (block,) = re.findall(r"^```python\n(.*?)^```", (DOCS / "agents.md").read_text(encoding="utf-8"), re.M | re.S)
    exec(compile(block, "agents.md", "exec"), {})  # noqa: S102 - what a reader would run
    method, found = capfd.readouterr().out.splitlines()
    state, loss = found.split()
    report = json.loads((place / "run" / "report.json").read_text(encoding="utf-8"))
    assert method in load_space("peft").methods
    assert (state, float(loss)) == ("finished", report["scores"][-1]["test"]["nll"])
    assert "it ended because all slices of the budget are trained" in (place / "run.log").read_text(encoding="utf-8")
