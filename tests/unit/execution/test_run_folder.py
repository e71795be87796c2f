import json
from pathlib import Path

import pytest

from foretune.errors import JournalError, ModelError
from foretune.execution.run_folder import base_of, find_finetuned, stops_of


def adapter(folder: Path, base: object = "some-org/some-model") -> Path:
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base}))
    return folder


def test_weights_are_found_in_a_run_in_a_demo_and_by_themselves(tmp_path: Path) -> None:
    own, demo = adapter(tmp_path / "run" / "adapter"), adapter(tmp_path / "demo" / "search" / "adapter")
    assert find_finetuned(tmp_path / "run") == find_finetuned(own) == own
    assert find_finetuned(tmp_path / "demo") == demo
    whole = tmp_path / "full" / "adapter"
    whole.mkdir(parents=True)
    (whole / "config.json").write_text("{}")
    (whole / "model.safetensors").write_bytes(b"")
    assert find_finetuned(tmp_path / "full") == whole


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (None, "there is no run at .*; give the folder that was the --output"),
        ("journal.jsonl", "has no adapter yet; give its command again, with --resume"),
        ("slices.jsonl", "has not ended; the same `foretune finetune` command goes on with it"),
        ("notes.txt", "holds no adapter; give the folder that was the --output"),
    ],
)
def test_a_folder_without_weights_says_what_to_do(tmp_path: Path, file: str | None, message: str) -> None:
    run = tmp_path / "run"
    if file:
        run.mkdir()
        (run / file).write_text("")
    with pytest.raises(JournalError, match=message):
        find_finetuned(run)


def test_the_base_model_is_where_the_adapter_says_or_the_shipped_one(tmp_path: Path) -> None:
    assert base_of(adapter(tmp_path / "hub")) == "some-org/some-model"
    assert base_of(adapter(tmp_path / "here", str(tmp_path))) == str(tmp_path)
    assert base_of(adapter(tmp_path / "elsewhere", "/opt/venv/data/models/foretune-tiny")) == "foretune-tiny"
    with pytest.raises(ModelError, match="was at /gone/model and is gone; say with --model where it is now"):
        base_of(adapter(tmp_path / "moved", "/gone/model"))
    with pytest.raises(ModelError, match="does not name a base model; name it with --model"):
        base_of(adapter(tmp_path / "nameless", None))


@pytest.mark.parametrize(
    ("written", "stops"),
    [
        (None, ()),
        ("{}", ()),
        ('{"eos_token_id": null}', ()),
        ('{"eos_token_id": 7}', (7,)),
        ('{"eos_token_id": [7, 3]}', (7, 3)),
    ],
)
def test_answers_end_at_the_tokens_of_the_generation_config(
    tmp_path: Path, written: str | None, stops: tuple[int, ...]
) -> None:
    if written is not None:
        (tmp_path / "generation_config.json").write_text(written)
    assert stops_of(tmp_path) == stops


def test_a_broken_generation_config_is_named(tmp_path: Path) -> None:
    (tmp_path / "generation_config.json").write_text("[")
    with pytest.raises(ModelError, match=r"cannot read .*generation_config\.json as a JSON object"):
        stops_of(tmp_path)
