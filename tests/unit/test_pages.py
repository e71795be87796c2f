"""Every command in the documentation is one that its program takes, and every page says how its blocks are run."""

from __future__ import annotations

import re
import tomllib

import pytest
import typer
from pages import DOCS, PAGES, ROOT, blocks, commands, languages, mentions

import foretune
from foretune.cli import commands as program

IN_TURN = "tests/integration/test_docs_python.py"
"""Python blocks one after the other, as a reader would type them; `py` blocks need Ray Tune or Syne Tune."""

PYTHON = {
    "../README.md": "tests/unit/session/test_adapter_folder.py",
    "agents.md": "tests/integration/test_agents.py",
    "extending.md": IN_TURN,
    "getting-started.md": IN_TURN,
    "integrations.md": IN_TURN,
    "judging.md": IN_TURN,
    "peers.md": IN_TURN,
    "python.md": IN_TURN,
}
"""Page -> the test that runs its blocks of Python."""

RUN, SLOW = "tests/integration/test_docs_commands.py", "tests/integration/test_docs_commands.py, with -m slow"
CHECKED = "given to its program's parser below; the verb has tests of its own"

COMMANDS = {
    "../README.md": CHECKED,
    "after-the-run.md": SLOW,
    "agents.md": CHECKED,
    "architecture.md": CHECKED,
    "command-line.md": SLOW,
    "faq.md": SLOW,
    "getting-started.md": SLOW,
    "index.md": SLOW,
    "integrations.md": CHECKED,
    "interop.md": CHECKED,
    "judging.md": CHECKED,
    "many-gpus.md": CHECKED,
    "meta-datasets.md": CHECKED,
    "paper.md": CHECKED,
    "peers.md": CHECKED,
    "protocol.md": CHECKED,
    "real-llms.md": CHECKED,
    "recommend.md": SLOW,
    "replay.md": CHECKED,
    "results.md": CHECKED,
    "search-space.md": CHECKED,
    "synthesize.md": CHECKED,
    "team.md": RUN,
}
"""Page -> how its commands are run."""

FOREIGN = {
    *("apt-get", "cp", "export", "git", "gunzip", "mkdir", "cd"),
    *("ray", "vllm", "llama-quantize", "llama-cli", "optuna-dashboard"),
    ("python", "convert_hf_to_gguf.py"),
}
"""Programs that are not foretune's."""

PROGRAM = typer.main.get_command(program)


def parse(words: list[str]) -> None:
    """What the program itself does with arguments, before a verb begins."""
    command, rest = PROGRAM, list(words)
    while subcommands := getattr(command, "commands", None):
        name = rest.pop(0)
        command = subcommands[name]
    command.make_context(name, rest)


def options_of(words: list[str]) -> set[str]:
    return {word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)}


@pytest.mark.parametrize("page", [page for page in PAGES if any(commands(page))])
def test_every_command_is_taken_by_its_program(page):
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    makefile = (ROOT / "Makefile").read_text()
    for command, *rest in commands(page):
        match command.removeprefix(".venv/bin/"), rest:
            case "foretune", _:
                parse(rest)
            case "make", [target, *_]:
                assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
            case "python", ["-m", "pytest", *_]:
                pass
            case "python", [script, *arguments] if ("python", script) not in FOREIGN:
                source = (ROOT / script).read_text(encoding="utf-8")
                assert all(f'"{option}"' in source for option in options_of(arguments)), (script, arguments)
            case "pip", ["install", package]:
                found = re.fullmatch(r"foretune\[(\w+)\]", package)
                assert package == "gguf" or (found and found[1] in extras), package
            case "python", _:
                pass
            case ".ci/run", []:
                assert (ROOT / ".ci/run").exists()
            case name, _:
                assert name in FOREIGN


@pytest.mark.parametrize("page", [page for page in PAGES if mentions(page)])
def test_commands_within_text_name_verbs_and_options_that_exist(page):
    for words in mentions(page):
        command = PROGRAM
        for word in words[1:]:
            if not (subcommands := getattr(command, "commands", None)) or not re.fullmatch(r"[a-z][a-z-]*", word):
                break
            command = subcommands[word]
        known = {"-h", "--help", "--version"} | {option for one in command.params for option in one.opts}
        known |= {option for one in command.params for option in one.secondary_opts}
        assert options_of(words) <= known, words


def test_every_option_is_documented_where_its_verb_is():
    text = (DOCS / "command-line.md").read_text(encoding="utf-8")
    sections = {
        name: section
        for section in text.split("\n## ")
        for name in re.findall(r"foretune (\w+)", section.split("\n")[0])
    }
    general = text.partition("## For every verb")[2].partition("\n## ")[0]
    sections["metadata"] = "".join(
        (DOCS / page).read_text(encoding="utf-8") for page in ("meta-datasets.md", "interop.md")
    )
    for verb, command in PROGRAM.commands.items():
        documented = set(re.findall(r"--[a-z-]+", general + sections.get(verb, "")))
        for one in getattr(command, "commands", {verb: command}).values():
            for option in one.params:
                names = {name for name in (*option.opts, *option.secondary_opts) if name.startswith("--")}
                assert not names or names & documented, (verb, one.name, names)


def test_no_page_is_left_out():
    assert {page for page in PAGES if blocks(page, "python", "py")} == PYTHON.keys()
    assert {page for page in PAGES if any(commands(page))} == COMMANDS.keys()
    assert all((ROOT / test.split(",")[0]).exists() for test in {*PYTHON.values(), RUN, SLOW})


def test_blocks_are_in_known_languages():
    found = {language for page in PAGES for language in languages(page)}
    assert found == {"", "python", "py", "console", "bash", "yaml", "json"}


def test_every_page_is_in_the_navigation_once():
    listed = re.findall(r": ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(page for page in PAGES if not page.startswith(".."))


def test_every_public_name_is_in_the_reference():
    named = re.findall(r"^::: ([\w.]+)$", (DOCS / "reference.md").read_text(), re.MULTILINE)
    assert {f"foretune.{name}" for name in foretune.__all__} <= set(named)
