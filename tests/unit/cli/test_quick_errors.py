"""What is wrong with a command is said without torch, and leaves nothing behind."""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import json, sys
from foretune.cli import app
slow = ("torch", "transformers", "peft", "pandas", "ConfigSpace", "matplotlib", "datasets")
try:
    app()
finally:
    print(json.dumps([name for name in slow if name in sys.modules]))
"""
TUNE = ("tune", "good.jsonl", "--output", "run", "--budget", "1m")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    rows = [{"prompt": f"What comes after {number}?", "completion": str(number + 1)} for number in range(40)]
    (folder / "good.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    (folder / "broken.jsonl").write_text('{"prompt": "What')
    (folder / "recipe.yaml").write_text("method: lora\nepoch: 3\n")
    return folder


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ((*TUNE, "--optimizer", "randon"), "no optimizer is called 'randon' (did you mean random?)"),
        (
            (*TUNE, "--model", "foretune-tny"),
            "no model 'foretune-tny' is on this machine (did you mean",
        ),
        ((*TUNE, "--metric", "rouge"), "no metric is called 'rouge' (did you mean rouge_l?)"),
        (("tune", "broken.jsonl", *TUNE[2:]), "broken.jsonl, line 1: broken JSON"),
        (("finetune", "good.jsonl", "--output", "run", "--config", "recipe.yaml"), "'epoch' is no hyperparameter"),
        (("export", "recipe.yaml", "--to", "axolotel"), "no trainer is called 'axolotel' (did you mean axolotl?)"),
        (("export", ".", "--to", "trl"), "has no best.yaml; give the folder of a finished search"),
        (("merge", "run", "--out", "merged"), "there is no run at run"),
        (("report", "run"), "there is no run at run; give the folder"),
        (("report", "."), "holds no run; give the folder"),
        (("report", "good.jsonl"), "there is no run at good.jsonl"),
        (("status", "run"), "run is no folder: a search writes there once model and data are loaded"),
        (("demo", "--output", "good.jsonl"), "good.jsonl is a file; give a folder to --output"),
        (("recommend", "god.jsonl"), "god.jsonl: no such file or folder (did you mean good.jsonl?)"),
        (("collect", "--tasks", "god.jsonl", "--out", "run"), "no dataset at 'god.jsonl' (did you mean good.jsonl?)"),
        (("fit", "foretune-tiny", "--out", "run"), "(did you mean foretune-tiny-v1?)"),
        (("replay", "foretune-tiny-v1", "--out", "run", "--methods", "randon"), "no method is called 'randon'"),
        (("synthesize", ".", "--teacher", "x", "--model", "m", "--out", "new"), "'x' is no address"),
        (("generate", "run", "--only", "unit"), "no generated dataset is called 'unit' (did you mean units?)"),
        (("metadata", "describe", "foretune-tiny"), "(did you mean foretune-tiny-v1?)"),
        (("metadata", "export", "csw", "foretune-tiny-v1", "--out", "run"), "no kind of export is called 'csw'"),
    ],
)
def test_nothing_heavy_is_imported_and_nothing_is_left(place, command, message, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    before = sorted(path.name for path in place.iterdir())
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *command], cwd=place, capture_output=True, text=True, check=False
    )
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.returncode == 2
    assert json.loads(done.stdout) == []
    assert sorted(path.name for path in place.iterdir()) == before
