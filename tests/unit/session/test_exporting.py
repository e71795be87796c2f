"""A configuration leaves foretune with its rows, and trains elsewhere to what foretune measures of it."""

import json
import re
import runpy
import shlex
import shutil
from dataclasses import replace

import pytest
import yaml
from finished_search import IA3, reported, scored
from finished_search import LORA as RANK_8
from peft import PeftModel

from foretune.errors import ConfigurationError, InteropError
from foretune.finetuning.data import read_tokens
from foretune.finetuning.evaluate import evaluate
from foretune.finetuning.model import load_model, load_tokenizer
from foretune.report.final_scores import Member
from foretune.report.run_report import write_run_report
from foretune.session.exporting import export
from foretune.session.recipe import read_configuration, request_of

LORA = {
    "method": "lora", "rank": 2, "alpha_over_rank": 2.0, "dropout": 0.0, "target_modules": "all",
    "learning_rate": 0.01, "batch_size": 4, "schedule": "linear", "warmup": 0.1, "weight_decay": 0.01,
    "optimizer": "adamw", "epochs": 1,
}  # fmt: skip
WORDS = ["red", "green", "blue", "yen", "euro", "dollar"]


@pytest.fixture
def recipe(tmp_path, tiny_model):
    """Writes a best.yaml over 20 rows of questions, or of what is given."""

    def write(values=None, rows=None, **others):
        rows = rows or [{"prompt": f"Say {n} and {n + 1}?", "completion": WORDS[n % 6]} for n in range(20)]
        (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        content = {
            "configuration": {**LORA, **(values or {})}, "model": str(tiny_model),
            "data": str(tmp_path / "data.jsonl"), "seed": 1, "max_length": 64, **others,
        }  # fmt: skip
        (tmp_path / "best.yaml").write_text(yaml.safe_dump(content))
        return tmp_path / "best.yaml"

    return write


def rows_of(folder, split="train"):
    return [json.loads(line) for line in (folder / f"{split}.jsonl").read_text().splitlines()]


def tokens_of(path, model):
    written = read_configuration(path)
    tokenizer = load_tokenizer(model)
    return read_tokens(request_of(written, path), tokenizer)[1]


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing", "ignore:PiSSA changes the base weights")
@pytest.mark.parametrize(
    ("method", "more"),
    [
        ("lora", {"optimizer": "adafactor"}),
        ("dora", {}),
        ("pissa", {}),
        ("pissa", {"rank": 300}),  # above the shorter side of some layers
        ("loraplus", {"loraplus_ratio": 4.0}),
        ("ia3", {"weight_decay": 0.1}),
        ("full", {"learning_rate": 0.001}),
    ],
)
def test_the_script_trains_an_adapter_that_foretune_scores_alike(recipe, tiny_model, capsys, method, more):
    path = recipe({"method": method, **more})
    (file,) = export(path, "peft-script").files
    runpy.run_path(str(file), run_name="__main__")
    said = [float(loss) for loss in re.findall(r"validation loss ([0-9.]+)", capsys.readouterr().out)]
    assert len(said) == 9  # eight slices, and the best
    assert said[-1] == min(said[:8]) < said[0] + 1e-9
    folder = path.parent / "peft-script-output"
    model = load_model(folder) if method == "full" else PeftModel.from_pretrained(load_model(tiny_model), str(folder))
    assert evaluate(model, tokens_of(path, tiny_model).validation).nll == pytest.approx(said[-1], abs=2e-4)


def test_the_pieces_are_the_tokens_that_foretune_learns(recipe, tiny_model):
    several = [{"role": "user", "content": "a?"}, {"role": "assistant", "content": "b"}]
    rows = [{"messages": [*several, {"role": "user", "content": f"{n}?"}, *several[1:]]} for n in range(20)]
    path = recipe(rows=rows)
    written = export(path, "peft-script")
    tokenizer, tokens = load_tokenizer(tiny_model), tokens_of(path, tiny_model).train
    lines = rows_of(written.data)
    assert len(lines) == len(tokens) > 0
    for row, line in enumerate(lines):
        parts = [(tokenizer(text, add_special_tokens=False)["input_ids"], learned) for text, learned in line["pieces"]]
        assert [one for ids, _ in parts for one in ids] == tokens.input_ids[row].tolist()
        assert [learned for ids, learned in parts for _ in ids] == tokens.learned(row).tolist()


def test_the_script_shortens_rows_as_foretune_does(recipe, tiny_model):
    kinds = [
        [("a?", "b")] * 40,  # loses its last turns
        [("a? " * 90, "b")],  # the beginning of its prompt
        [("a? " * 90, "b c"), ("a?", "d")],  # both
        [("a?", "b c " * 90)],  # the prompt, and the end of the answer
        [("a?", "b")],
    ]

    def row(number):
        turns = kinds[number % len(kinds)]
        messages = [one for pair in turns for one in zip(("user", "assistant"), pair, strict=True)]
        return {"messages": [{"role": who, "content": text.replace("a", str(number))} for who, text in messages]}

    path = recipe(rows=[row(number) for number in range(40)])
    (file,) = export(path, "peft-script").files
    tokens = tokens_of(path, tiny_model).train
    found = runpy.run_path(str(file))["read_rows"]("train.jsonl", load_tokenizer(tiny_model))
    assert [ids for ids, _ in found] == [ids.tolist() for ids in tokens.input_ids]
    learned = [[label != -100 for label in labels] for _, labels in found]
    assert learned == [tokens.learned(row).tolist() for row in range(len(tokens))]


def test_rows_for_trl_have_their_prompt_apart_unless_several_answers_are_learned(recipe, tmp_path):
    single = rows_of(export(recipe(), "trl", tmp_path / "a.yaml").data)
    assert set(single[0]) == {"prompt", "completion"}
    assert single[0]["completion"][0]["role"] == "assistant"
    turns = [{"role": role, "content": "x"} for role in ("user", "assistant") * 2]
    rows = [{"messages": [{"role": "user", "content": str(n)}, *turns[1:]]} for n in range(20)]
    several = export(recipe(rows=rows), "trl", tmp_path / "b.yaml")
    assert set(rows_of(several.data)[0]) == {"messages"}
    assert any("{% generation %}" in note for note in several.notes)


def test_answers_that_are_not_learned_are_marked_for_axolotl(recipe):
    turns = [{"role": role, "content": "x"} for role in ("assistant", "user", "assistant")]
    rows = [{"messages": [{"role": "user", "content": str(n)}, *turns]} for n in range(20)]
    messages = rows_of(export(recipe(rows=rows, last_turn_only=True), "axolotl").data)[0]["messages"]
    assert [message.get("train") for message in messages] == [None, False, None, None]


EARLIER_ANSWERS_IN_BRACKETS = (
    "{% for m in messages %}{% if m.role == 'assistant' and not loop.last %}({{ m.content }})"
    "{% elif m.role == 'assistant' %}{{ m.content }}<|end|>{% else %}{{ m.content }}:{% endif %}{% endfor %}"
)


def test_only_the_answers_that_foretune_learns_are_to_be_learned(recipe, tmp_path, tiny_model):
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    (model / "chat_template.jinja").write_text(EARLIER_ANSWERS_IN_BRACKETS)
    turns = [{"role": role, "content": "x"} for role in ("assistant", "user", "assistant")]
    rows = [{"messages": [{"role": "user", "content": str(n)}, *turns]} for n in range(20)]
    path = recipe(rows=rows, model=str(model))
    written = export(path, "axolotl")
    assert any("only the last answer is to be learned" in note for note in written.notes)
    messages = rows_of(written.data)[0]["messages"]
    assert [message.get("train") for message in messages] == [None, False, None, None]
    assert set(rows_of(export(path, "trl").data)[0]) == {"prompt", "completion"}


def test_contents_are_written_as_foretune_learns_them(recipe, tmp_path):
    rows = [{"prompt": f"{n}?", "completion": f" red {n}<|end|>"} for n in range(20)]
    row = rows_of(export(recipe(rows=rows), "trl", tmp_path / "a.yaml").data)[0]
    assert re.fullmatch(r"red \d+", row["completion"][0]["content"])
    texts = [{"text": f"red {n}<|end|>"} for n in range(20)]
    assert re.fullmatch(r"red \d+", rows_of(export(recipe(rows=texts), "trl", tmp_path / "b.yaml").data)[0]["text"])


def test_rows_that_are_left_out_of_training_are_left_out_of_the_export(recipe, tmp_path, tiny_model):
    bare = tmp_path / "bare"
    shutil.copytree(tiny_model, bare)
    (bare / "chat_template.jinja").unlink()
    call = {"type": "function", "function": {"name": "look", "arguments": {}}}
    answers = [{"content": "", "tool_calls": [call]}, {"content": "x"}]  # without a template no call can be written
    rows = [
        {"messages": [{"role": "user", "content": str(n)}, {"role": "assistant", **answers[n % 4 > 0]}]}
        for n in range(40)
    ]
    path = recipe(rows=rows, model=str(bare), skip_bad_rows=True)
    lines = rows_of(export(path, "trl").data)
    assert len(lines) == len(tokens_of(path, bare).train)
    assert all(line["completion"].strip() == "x" for line in lines)


def test_a_file_says_where_all_is_and_how_to_train(recipe, tmp_path, tiny_model):
    written = export(recipe(), "trl")
    text = (tmp_path / "trl.yaml").read_text()
    assert text.startswith(f"# Written by foretune for trl: trl sft --config {tmp_path / 'trl.yaml'}\n")
    content = yaml.safe_load(text)
    assert (content["model_name_or_path"], content["dataset_name"]) == (str(tiny_model), str(written.data))
    assert content["lora_target_modules"] == ["down_proj", "gate_up_proj", "o_proj", "qkv_proj"]
    assert {path.name for path in written.data.iterdir()} == {"train.jsonl", "validation.jsonl"}


def test_a_command_can_be_pasted_whatever_the_folder_is_called(recipe, tmp_path):
    (tmp_path / "my runs").mkdir()
    (command,) = export(recipe(), "trl", tmp_path / "my runs" / "trl.yaml").commands
    assert shlex.split(command) == ["trl", "sft", "--config", str(tmp_path / "my runs" / "trl.yaml")]


def test_notes_are_in_the_file_and_in_the_answer(recipe):
    written = export(recipe({"method": "pissa"}), "trl")
    (note,) = written.notes
    assert "plain LoRA" in note
    assert f"# - {note}\n" in written.files[0].read_text()


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ([0.7, 0.3], "the average of 2 runs; the configuration here trains the search's best run alone"),
        (
            [0.35, 0.15],
            "0.5 x the average of 2 runs; the configuration here trains the search's best run alone, which may harm "
            "the guard by more than the limit",
        ),
        (
            [0.5],
            "0.5 x lora r8, lr 0.0073, batch 8, 5 epochs; the configuration here trains the whole of that run, which "
            "may harm the guard by more than the limit",
        ),
        ([], None),
    ],
)
def test_an_adapter_that_is_not_of_one_whole_run_is_told_from_the_configuration(recipe, tmp_path, weights, said):
    path = recipe()
    runs = zip((RANK_8, IA3), weights, strict=False)
    members = tuple(Member(one.key, dict(one.values), 8, weight) for one, weight in runs)
    row = replace(scored("average" if members else "best", 1.0), members=members)
    write_run_report(reported(scored("best", 1.1), row), tmp_path / "report.json")
    expected = () if said is None else (f"the search's adapter is {said}",)
    assert export(path, "trl").notes == expected


def test_runs_that_go_on_are_files_in_their_order(recipe, tmp_path):
    written = export(recipe(after=[LORA]), "axolotl")
    assert [path.name for path in written.files] == ["axolotl-1.yaml", "axolotl-2.yaml"]
    first, second = (yaml.safe_load(path.read_text()) for path in written.files)
    assert "lora_model_dir" not in first
    assert second["lora_model_dir"] == first["output_dir"] == str(tmp_path / "axolotl-1-output")
    assert first["datasets"] == second["datasets"]


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing")
def test_the_second_script_begins_with_the_adapter_of_the_first(recipe, capsys):
    constant = {**LORA, "schedule": "constant", "warmup": 0.0, "learning_rate": 0.001}
    losses = []
    for file in export(recipe({**constant, "learning_rate": 1e-9}, after=[constant]), "peft-script").files:
        runpy.run_path(str(file), run_name="__main__")
        losses.append(re.findall(r"validation loss ([0-9.]+)", capsys.readouterr().out))
    first, second = losses
    assert float(first[0]) - float(first[-1]) > 0.01
    assert set(second) == {first[-1]}  # it learns next to nothing, and so stays where the first ended


def test_llama_factory_finds_its_rows(recipe):
    written = export(recipe(), "llama-factory")
    found = json.loads((written.data / "dataset_info.json").read_text())
    assert found["foretune_validation"]["file_name"] == "validation.jsonl"


def test_answers_end_as_the_adapter_learned_to_end_them(recipe, tmp_path):
    path = recipe()
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "generation_config.json").write_text('{"eos_token_id": [0, 4]}')
    assert rows_of(export(path, "peft-script").data)[0]["pieces"][-1][0].endswith("<|endoftext|>")
    (note,) = export(path, "trl").notes
    assert note.startswith(
        "foretune ends answers with <|endoftext|>, since an adapter cannot make this model write <|end|>"
    )


def test_a_model_without_a_template_gets_prompts_and_completions_that_follow_one_another(recipe, tmp_path, tiny_model):
    bare = tmp_path / "bare"
    shutil.copytree(tiny_model, bare)
    (bare / "chat_template.jinja").unlink()
    path = recipe(model=str(bare))
    written = export(path, "axolotl")
    row = rows_of(written.data)[0]
    assert re.fullmatch(r"Say \d+ and \d+\?\| \w+", f"{row['prompt']}|{row['completion']}")
    content = yaml.safe_load(written.files[0].read_text())
    assert content["datasets"][0]["type"]["format"] == "{instruction}"


def test_nothing_is_overwritten(recipe, tmp_path):
    path = recipe()
    export(path, "trl")
    with pytest.raises(InteropError, match="already exists; give another file to --out"):
        export(path, "trl")
    assert not (tmp_path / "other-data").exists()


def test_a_script_is_not_called_as_a_library_that_it_imports(recipe, tmp_path):
    path = recipe()
    assert export(path, "unsloth").files == (tmp_path / "train_unsloth.py",)
    with pytest.raises(InteropError, match=r"would import .* in place of the library"):
        export(path, "unsloth", tmp_path / "unsloth.py")
    with pytest.raises(InteropError, match=r"would import .*random\.py in place"):
        export(path, "peft-script", tmp_path / "random.py")


def test_a_method_that_is_refused_leaves_nothing(recipe, tmp_path):
    with pytest.raises(InteropError, match="cannot train ia3"):
        export(recipe({"method": "ia3"}), "axolotl")
    assert {path.name for path in tmp_path.iterdir()} == {"data.jsonl", "best.yaml"}


def test_what_cannot_be_exported_is_said(recipe, tmp_path):
    with pytest.raises(InteropError, match="no trainer is called 'torchtune'; choose one of trl"):
        export(recipe(), "torchtune")
    with pytest.raises(ConfigurationError, match="finished search"):
        export(tmp_path.parent, "trl")
    path = tmp_path / "alone.yaml"
    path.write_text(yaml.safe_dump(LORA))
    with pytest.raises(ConfigurationError, match="does not say what data it is for; name it with --data"):
        export(path, "trl")
