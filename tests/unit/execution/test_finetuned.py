"""A finetuned model, read back from disk."""

import json

from foretune.execution.finetuned import open_finetuned


def test_a_folder_with_settings_says_where_answers_end(tiny_model, tmp_path):
    import shutil

    folder = shutil.copytree(tiny_model, tmp_path / "model")
    bare = open_finetuned(folder)
    assert (bare.stops, bare.max_new_tokens) == ((4,), 256)
    settings = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps(settings | {"eos_token_id": [7, 4], "max_new_tokens": 9}))
    told = open_finetuned(folder)
    assert (told.stops, told.max_new_tokens) == ((7, 4), 9)
