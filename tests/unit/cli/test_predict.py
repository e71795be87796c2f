"""The verbs that answer: what they refuse before anything is loaded, and how a conversation goes on."""

import io
import json
import subprocess
import sys
from dataclasses import replace

import pytest
from rich.console import Console
from scripted_teacher import serving

import foretune.cli
from foretune.cli.predict import _tell_matches, _write
from foretune.execution.finetuned import Finetuned
from foretune.execution.questions import Question
from foretune.finetuning.generate import answer
from foretune.finetuning.model import load_model, load_tokenizer


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        foretune.cli.app([str(argument) for argument in arguments])
    assert stop.value.code == 2
    return capsys.readouterr().err


@pytest.fixture
def run(tiny_model, tmp_path):
    """A search whose adapter is a whole model, as after full finetuning, without the files of a completed folder."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "adapter").symlink_to(tiny_model)
    return tmp_path / "run"


def test_mistakes_are_one_line(run, tmp_path, capsys):
    assert refused(capsys, "predict", run) == (
        "foretune: nothing to answer; give --prompt TEXT (several times, if you like) or --data FILE\n"
    )
    (tmp_path / "there").write_text("kept")
    assert "there already exists; give another file" in refused(
        capsys, "predict", run, "--prompt", "a", "--out", tmp_path / "there"
    )
    assert "is in a folder that does not exist" in refused(
        capsys, "predict", run, "--prompt", "a", "--out", tmp_path / "no" / "file"
    )
    assert "there is no run at" in refused(capsys, "predict", tmp_path / "no", "--prompt", "a")
    assert "there is no run at" in refused(capsys, "chat", tmp_path / "no")
    assert "missing.jsonl: no such file or folder" in refused(
        capsys, "predict", run, "--data", tmp_path / "missing.jsonl"
    )


def test_mistakes_are_told_without_torch(tmp_path):
    code = (
        "import sys\nfrom foretune.cli import app\n"
        f"try:\n    app(['predict', {str(tmp_path / 'no')!r}, '--prompt', 'a'])\n"
        "except SystemExit:\n    print('torch' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown == "False\n"


def test_several_prompts_are_shown_with_their_answers(run, tiny_model, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        foretune.cli.app(["predict", str(run), "--prompt", "red", "--prompt", "green", "--max-new-tokens", "3"])
    assert stop.value.code == 0
    first, second = answer(load_model(tiny_model), load_tokenizer(tiny_model), ["red", "green"], 3)
    assert capsys.readouterr().out == f"> red\n{first}\n\n> green\n{second}\n\n"


@pytest.mark.parametrize("verb", ["predict", "chat"])
def test_a_note_on_the_base_model_is_printed(run, tiny_model, monkeypatch, capsys, verb):
    known = Finetuned(load_model(tiny_model), load_tokenizer(tiny_model), (4,), 8, "as it is [on disk]")
    monkeypatch.setattr("foretune.execution.finetuned.open_finetuned", lambda *_, **__: known)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(SystemExit) as stop:
        foretune.cli.app([verb, str(run), "--max-new-tokens", "1", *(["--prompt", "red"] if verb == "predict" else [])])
    assert stop.value.code == 0
    assert "note: as it is [on disk]\n" in capsys.readouterr().err


def questions(*pairs):
    return [replace(Question.of(prompt), completion=completion) for prompt, completion in pairs]


def test_answers_are_counted_that_equal_the_completion(tmp_path, capsys):
    console = Console(file=io.StringIO(), width=200)
    asked = questions(("a", "yes"), ("b", "no"), ("c", ""))
    _tell_matches(asked, ["yes", "yes", "x"], tmp_path / "out", console)
    assert console.file.getvalue() == f"exact match: 1 of 2 (50.0%); the answers are in {tmp_path / 'out'}\n"
    _tell_matches(questions(("a", "")), ["x"], None, console)
    assert console.file.getvalue().splitlines()[-1] == "1 answers"


def test_answers_are_written_as_lines_of_json(tmp_path, capsys):
    asked = questions(("a", "é"), ("b", ""))
    _write(asked, ["é", "n"], tmp_path / "out.jsonl")
    _write(asked, ["é", "n"], None)
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf-8")
    assert capsys.readouterr().out == lines
    assert "é" in lines
    assert [row["answer"] for row in map(json.loads, lines.splitlines())] == ["é", "n"]


def predict_with_judge(run, data, server, *options):
    arguments = ["--data", data, "--metric", "judge", "--judge", server.url, "--judge-model", "m", *options]
    with pytest.raises(SystemExit) as stop:
        foretune.cli.app(["predict", *(str(one) for one in (run, *arguments, "--max-new-tokens", 3))])
    return stop.value.code


@pytest.fixture
def data(tmp_path):
    """Two questions, one of them with a completion."""
    rows = [{"prompt": "red"}, {"prompt": "green", "completion": "blue"}]
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_answers_of_a_file_are_judged_and_paid_for_once(run, data, tmp_path, capsys):
    with serving() as server:
        assert predict_with_judge(run, data, server, "--completion-price", 1000) == 0
        shown = capsys.readouterr()
        assert predict_with_judge(run, data, server, "--completion-price", 1000) == 0
        assert capsys.readouterr() == shown
    assert len(server.log) == 1
    assert [json.loads(line).get("score") for line in shown.out.splitlines()] == [None, 1.0]
    assert shown.err.splitlines() == [
        "judge (1 to 5): 1.000 (1 answers)",
        "of 1 answers the judge and exact match say the same of 100%; right by the judge alone: 0, by exact match "
        "alone: 0",
        "The judge was asked 1 times: 100 prompt tokens, 20 tokens of replies, 0.02 dollars; for 100 answers 10,000 "
        "and 2,000, 2.000 dollars.",
        "exact match: 0 of 1 (0.0%)",
    ]


def test_answers_are_kept_if_the_judge_refuses(run, data, tmp_path, capsys):
    with serving(faults={"401": 1.0}) as server:
        assert predict_with_judge(run, data, server, "--out", tmp_path / "out.jsonl") == 2
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 2
    assert "refused the request" in capsys.readouterr().err


def test_a_metric_needs_something_to_compare_with(run, capsys):
    assert "there are no completions that token_f1 could compare" in refused(
        capsys, "predict", run, "--prompt", "red", "--metric", "token_f1"
    )
    assert "nll is no score of written answers" in refused(capsys, "predict", run, "--prompt", "red", "--metric", "nll")
