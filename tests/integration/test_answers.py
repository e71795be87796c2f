"""From training rows to answers: what is learned is said, in plain transformers and PEFT, and it stops."""

import io
import json
import re
from contextlib import redirect_stdout
from pathlib import Path
from textwrap import indent

import pytest

import foretune.cli
from foretune.finetuning.ending import template_end
from foretune.finetuning.model import embedding_rows, load_model, load_tokenizer
from foretune.session.adapter_folder import snippet

PAYS = {"Japan": "Japanese yen", "France": "euro", "India": "Indian rupee", "Peru": "sol", "Chile": "peso"}
SPLITS = {
    "train": "Which currency is used in {}?",
    "validation": "Which currency is used in {}",
    "test": "Currency: {}?",
}
PROMPT = SPLITS["train"].format("Japan")

LORA = {"method": "lora", "target_modules": "all", "rank": 16, "alpha_over_rank": 2.0, "dropout": 0.0}
METHODS = {
    "end is not eos": LORA,
    "end was never trained": LORA | {"method": "pissa", "learning_rate": 0.002},
    "no template": LORA | {"method": "dora"},
    "full": {"method": "full", "learning_rate": 0.002},
}


def base_model(kind, folder):
    """Foretune-tiny with what other models have been found to have."""
    model, tokenizer = load_model("foretune-tiny"), load_tokenizer("foretune-tiny")
    if kind == "end is not eos":
        tokenizer.eos_token = tokenizer.bos_token
        model.generation_config.eos_token_id = tokenizer.eos_token_id
    if kind == "end was never trained":
        rows = embedding_rows(model)
        rows[template_end(tokenizer)] = rows.mean(0)
    if kind == "no template":
        tokenizer.chat_template = None
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def run(*arguments):
    """What a shell would get: the exit code."""
    with pytest.raises(SystemExit) as stop:
        foretune.cli.app(list(arguments))
    return stop.value.code


@pytest.fixture(scope="module", params=METHODS)
def finetuned(request, tmp_path_factory):
    """The folder of a run whose model knows its training rows."""
    folder = tmp_path_factory.mktemp("answers")
    for split, question in SPLITS.items():
        rows = [{"prompt": question.format(country), "completion": money} for country, money in PAYS.items()]
        (folder / "data").mkdir(exist_ok=True)
        (folder / "data" / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    common = {"learning_rate": 0.005, "batch_size": 5, "schedule": "cosine", "warmup": 0.1, "weight_decay": 0.0}
    values = common | {"optimizer": "adamw", "epochs": 40} | METHODS[request.param]
    (folder / "own.yaml").write_text(json.dumps(values))
    model = base_model(request.param, folder / "model")
    command = ["finetune", str(folder / "data"), "--config", str(folder / "own.yaml"), "--device", "cpu"]
    with redirect_stdout(io.StringIO()) as shown:
        assert run(*command, "--model", str(model), "--output", str(folder / "run")) == 0
    noted = "the end token of the model's chat template, which was never trained; completions end with <|endoftext|>"
    assert (noted in shown.getvalue()) == (request.param == "end was never trained")
    return folder / "run"


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
def test_the_card_shows_lines_that_answer_and_stop(finetuned, monkeypatch, capsys):
    card = (finetuned / "adapter" / "README.md").read_text()
    (lines,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    assert "foretune" not in lines
    monkeypatch.chdir(finetuned.parent)
    namespace = {}
    exec(lines, namespace)  # noqa: S102
    assert capsys.readouterr().out.strip() == "Japanese yen"
    prompt = namespace["inputs"]["input_ids"].shape[1]
    settings = json.loads((finetuned / "adapter" / "generation_config.json").read_text())
    assert int(namespace["written"][0, -1]) in settings["eos_token_id"]
    assert namespace["written"].shape[1] - prompt < settings["max_new_tokens"]


def test_predict_says_the_same(finetuned, capsys, tmp_path):
    assert run("predict", str(finetuned), "--prompt", PROMPT) == 0
    assert capsys.readouterr().out == "Japanese yen\n"
    data, out = finetuned.parent / "data" / "train.jsonl", tmp_path / "answers.jsonl"
    assert run("predict", str(finetuned / "adapter"), "--data", str(data), "--out", str(out)) == 0
    assert f"exact match: 5 of 5 (100.0%); the answers are in {out}" in capsys.readouterr().err.replace("\n", "")
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert rows[0] == {"prompt": PROMPT, "answer": "Japanese yen", "completion": "Japanese yen", "match": True}
    assert [row["answer"] for row in rows] == list(PAYS.values())


def test_chat_answers_what_is_piped_in(finetuned, capsys, monkeypatch):
    monkeypatch.setattr(
        "sys.stdin", io.StringIO(f"{PROMPT}\n/new\n\n{SPLITS['train'].format('Peru')}\n/quit\n{PROMPT}\n")
    )
    assert run("chat", str(finetuned)) == 0
    assert [line.strip() for line in capsys.readouterr().out.splitlines()] == ["Japanese yen", "sol"]


def test_the_folder_holds_all_that_is_needed(finetuned):
    from transformers import AutoTokenizer

    folder, base = finetuned / "adapter", finetuned.parent / "model"
    ours, theirs = AutoTokenizer.from_pretrained(folder), AutoTokenizer.from_pretrained(base)
    assert ours.chat_template == theirs.chat_template
    assert ours(PROMPT)["input_ids"] == theirs(PROMPT)["input_ids"]
    config = folder / "adapter_config.json"
    if config.is_file():
        assert json.loads(config.read_text())["base_model_name_or_path"] == str(base)
    card = (folder / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: " + ("peft" if config.is_file() else "transformers"))
    assert "# model, finetuned on data\n" in card
    assert "| finetuned | " in card
    assert str(Path(finetuned).parent) not in card


def test_a_search_ends_with_the_lines_of_its_card(tiny_model, tmp_path, capsys):
    rows = [{"prompt": f"What comes after {number}?", "completion": str(number + 1)} for number in range(40)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    limits = ("--budget", "1h", "--max-slices", "1", "--optimizer", "default", "--no-default-comparison")
    data, output = str(tmp_path / "rows.jsonl"), str(tmp_path / "run")
    assert run("tune", data, "--model", str(tiny_model), "--output", output, "--device", "cpu", *limits) == 0
    shown = capsys.readouterr().out
    lines = snippet(tmp_path / "run" / "adapter", f"{output}/adapter")
    assert indent(lines, "  ") in shown
    assert f"foretune predict {output} --prompt" in shown
    card = (tmp_path / "run" / "adapter" / "README.md").read_text()
    assert lines.replace(f"{output}/", "run/") in card
    assert "| best | " in card
