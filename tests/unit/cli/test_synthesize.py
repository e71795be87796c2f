"""From documents to a dataset that `tune` reads, with a teacher on loopback."""

import inspect
import json
import os
from itertools import combinations

import pytest
from made_documents import write_pdf
from made_passages import prose
from scripted_teacher import serving
from typer.testing import CliRunner

import foretune
from foretune.cli import app, commands
from foretune.cli.synthesize import synthesize as command
from foretune.finetuning.data import load_splits
from foretune.session.folder import locked

KEY = "sk-secret-123456"
ROWS = 40


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.001)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def docs(tmp_path):
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("\n\n".join(f"# Part {at}\n\n{prose(at)}" for at in range(16)))
    (folder / "b.html").write_text("".join(f"<h2>More {at}</h2><p>{prose(at)}</p>" for at in range(16, 22)))
    write_pdf(folder / "c.pdf", ["\n".join(prose(30).split(". "))])
    (folder / "broken.pdf").write_bytes(b"%PDF")
    return folder


def run(docs, server, out, *more, answer=None):
    options = ["--teacher", server.url, "--model", "m", "--out", str(out), "--rows", str(ROWS), "--concurrency", "3"]
    return CliRunner().invoke(commands, ["synthesize", str(docs), *options, *more], input=answer)


def rows(out, split):
    return [json.loads(line) for line in (out / f"{split}.jsonl").read_text().splitlines()]


def test_documents_become_a_dataset_without_overlap_and_without_the_key(docs, tmp_path):
    with serving(faults={"echo": 0.3, "500": 0.2}) as server:
        result = run(docs, server, tmp_path / "out")
    assert result.exit_code == 0, result.output
    splits = {split: rows(tmp_path / "out", split) for split in ("train", "validation", "test")}
    assert sum(map(len, splits.values())) == ROWS
    for column in ("section", "prompt"):
        for one, other in combinations(splits.values(), 2):
            assert not {row[column] for row in one} & {row[column] for row in other}
    assert {row["source"].split(",")[0] for one in splits.values() for row in one} == {
        "docs/a.md",
        "docs/b.html",
        "docs/c.pdf",
    }
    loaded = load_splits(tmp_path / "out")
    assert len(loaded.train) == len(splits["train"])
    assert "note: docs/broken.pdf cannot be parsed" in result.output
    assert "40 " in result.output
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert KEY not in result.output


def test_a_finished_run_is_not_overwritten_and_resuming_it_asks_nothing(docs, tmp_path, capsys):
    out = tmp_path / "out"
    with serving() as server:
        assert run(docs, server, out).exit_code == 0
        before, asked = {path.name: path.read_bytes() for path in out.iterdir()}, len(server.log)
        with pytest.raises(SystemExit):
            app(["synthesize", str(docs), "--teacher", server.url, "--model", "m", "--out", str(out)])
        assert "is not empty; go on with --resume" in capsys.readouterr().err
        assert run(docs, server, out, "--resume").exit_code == 0
        assert len(server.log) == asked
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_two_runs_do_not_write_to_one_folder(docs, tmp_path, capsys):
    out = tmp_path / "out"
    with serving() as server, locked(out), pytest.raises(SystemExit) as ended:
        app(["synthesize", str(docs), "--teacher", server.url, "--model", "m", "--out", str(out)])
    assert ended.value.code == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"another foretune synthesize is running in {out} (process {os.getpid()} on " in said
    assert said.endswith("; wait for its end, or give another folder to --out")
    assert server.log == []
    assert not any(out.iterdir())


def test_the_function_does_what_the_command_does(docs, tmp_path):
    with serving() as server:
        assert run(docs, server, tmp_path / "by command").exit_code == 0
        made = foretune.synthesize(
            str(docs), tmp_path / "by function", teacher=server.url, model="m", rows=ROWS, concurrency=3
        )
        with pytest.raises(foretune.ForetuneError, match="is not empty; go on with --resume"):
            foretune.synthesize([docs], made.folder, teacher=server.url, model="m")
    for path in (tmp_path / "by command").iterdir():
        if path.name != ".replies.jsonl":
            assert (made.folder / path.name).read_bytes() == path.read_bytes()
    assert made.rows == {split: len(rows(made.folder, split)) for split in ("train", "validation", "test")}
    assert made.counts["kept"] == sum(made.rows.values()) == ROWS


def test_the_function_takes_what_the_command_takes():
    taken, given = (inspect.signature(one).parameters for one in (foretune.synthesize, command))
    assert {*taken, "yes", "context", "source", "as_json"} == {*given, "console", "agreed"}
    optional = given.keys() & taken.keys() - {"docs", "out", "teacher"}
    assert {name: taken[name].default for name in optional} == {name: given[name].default for name in optional}
    for name in ("rows", "concurrency", "seed"):
        with pytest.raises(foretune.ForetuneError, match=f"{name} is -1, expected at least"):
            foretune.synthesize("docs", "out", teacher="local:foretune-tiny", **{name: -1})


def test_with_a_price_nothing_is_spent_before_a_yes(docs, tmp_path):
    prices = ("--prompt-price", "1", "--completion-price", "10")
    with serving() as server:
        result = run(docs, server, tmp_path / "out", *prices, answer="n\n")
        assert (result.exit_code, server.log) == (1, [])
        assert "dollars" in result.output
        assert not (tmp_path / "out").exists()
        assert run(docs, server, tmp_path / "out", *prices, "--yes").exit_code == 0
        spent = len(server.log) * (100 * 1 + 20 * 10) / 1e6
    card = json.loads((tmp_path / "out" / "card.json").read_text())
    assert card["dollars"]["actual"] == pytest.approx(spent)


def test_documents_that_give_too_few_pairs_give_all_of_them(docs, tmp_path):
    with serving() as server:
        result = run(docs, server, tmp_path / "out", "--rows", "400")
    assert result.exit_code == 0
    made = sum(len(rows(tmp_path / "out", split)) for split in ("train", "validation", "test"))
    assert 40 < made < 115
    assert f"note: {made} of 400 pairs; the documents gave no more" in result.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--teacher", "http://127.0.0.1:9/v1"), "which model at http://127.0.0.1:9/v1? name it with --model"),
        (("--teacher", "127.0.0.1:9", "--model", "m"), "'127.0.0.1:9' is no address"),
        (("--teacher", f"https://me:{KEY}@host/v1", "--model", "m"), "the address of host has a user, key or query"),
        (("--teacher", "http://127.0.0.1:9/v1", "--model", "m"), "nobody answers at 127.0.0.1:9"),
        (("--teacher", "local:foretune-tny"), "no model 'foretune-tny' is on this machine"),
        (("--teacher", "local:foretune-tiny", "--model", "m"), "names the model already"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(docs, tmp_path, capsys, options, said):
    with pytest.raises(SystemExit) as ended:
        app(["synthesize", str(docs), "--out", str(tmp_path / "out"), *options])
    error = capsys.readouterr().err
    assert ended.value.code == 2
    assert said in error
    assert len(error.splitlines()) == 1
    assert KEY not in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("more", [(), ("--resume",)])
def test_files_of_others_are_not_replaced(docs, capsys, more):
    with pytest.raises(SystemExit):
        app(["synthesize", str(docs), "--teacher", "http://127.0.0.1:9/v1", "--model", "m", "--out", str(docs), *more])
    assert "is not empty; it is not of a run of synthesize" in capsys.readouterr().err


def test_a_refused_key_ends_it_in_one_line(docs, tmp_path, capsys):
    with serving(faults={"401": 1.0}) as server, pytest.raises(SystemExit):
        app(["synthesize", str(docs), "--teacher", server.url, "--model", "m", "--out", str(tmp_path / "out")])
    error = capsys.readouterr().err
    assert "check the key in the environment variable OPENAI_API_KEY" in error
    assert KEY not in error


def test_a_model_that_reads_too_little_is_said(docs, tmp_path, tiny_model, capsys):
    with pytest.raises(SystemExit):
        app(["synthesize", str(docs), "--teacher", f"local:{tiny_model}", "--out", str(tmp_path / "out")])
    assert "reads 256 tokens, and the prompt alone has" in capsys.readouterr().err
