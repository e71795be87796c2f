"""Errors of a full or closed disk are told in a line, whichever library meets them; all others are left alone."""

import shutil
import subprocess
import sys

import pytest

from foretune.disk import replace_file, replace_text, written
from foretune.errors import DataError, OutputError

FULL = """
import resource, sys
from pathlib import Path
import torch
from safetensors.torch import save_file
from foretune.disk import written
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
with written(Path("run")):
    save_file({"a": torch.zeros(1000)}, sys.argv[1])
"""


def raised(error, folder):
    with pytest.raises(OutputError) as found, written(folder):
        raise error
    return str(found.value)


def test_the_words_of_several_libraries_are_known(tmp_path):
    full = raised(OSError(28, "No space left on device", "run/journal.jsonl"), tmp_path)
    assert full == (
        "run/journal.jsonl cannot be written (No space left on device). All that was finished before is kept: make "
        "room there, and give the command again, tune and synthesize with --resume"
    )
    several = shutil.Error([("a", "b", "[Errno 28] No space left on device: 'b'")])
    assert raised(several, tmp_path).startswith(f"{tmp_path} cannot be written (No space left on device)")
    assert raised(OSError(30, "x", "run"), tmp_path).startswith("run cannot be written (Read-only file system)")


def test_a_file_of_weights_that_does_not_fit_is_known(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "a")], capture_output=True, text=True, check=False
    )
    assert "foretune.errors.OutputError: run cannot be written (File too large)" in done.stderr


@pytest.mark.parametrize(
    "error", [PermissionError(13, "x"), ValueError("28"), DataError("[Errno 28] no"), RuntimeError("CUDA error 28")]
)
def test_other_errors_are_left_alone(error, tmp_path):
    with pytest.raises(type(error)) as found, written(tmp_path):
        raise error
    assert found.value is error


def test_a_folder_that_is_closed_to_us_is_known_where_it_is_opened(tmp_path):
    (tmp_path / "file").write_text("mine")
    refused = pytest.raises(OutputError, match=r"run cannot be written \(Not a directory\)")
    with refused, written(tmp_path, opening=True):
        (tmp_path / "file" / "run").mkdir()


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "new" / "file"
    replace_text(path, "né")
    assert path.read_text(encoding="utf-8") == "né"

    def fail(fresh):
        fresh.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace_file(path, fail)
    assert path.read_text(encoding="utf-8") == "né"
    replace_text(path, "whole")
    assert [file.name for file in path.parent.iterdir()] == ["file"]
