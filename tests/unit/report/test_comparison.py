"""What is saved of a comparison is what is read."""

import json

import pytest
from made_comparison import made_comparison

from foretune.errors import JournalError
from foretune.report.comparison import COMPARISON, read_comparison, save_comparison


def test_what_is_saved_is_read_again(tmp_path):
    made = made_comparison()
    save_comparison(made, tmp_path)
    read = read_comparison(tmp_path)
    assert read.curves["random"].mean == pytest.approx(made.curves["random"].mean, abs=5e-5)
    assert read.curves["random"].tasks == made.curves["random"].tasks
    assert (read.rankings, read.sheets, read.about) == (made.rankings, made.sheets, made.about)
    assert (read.notes, read.runs, read.environment) == (made.notes, made.runs, made.environment)
    assert read.tasks == ["easy", "hard"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema_version": 1}', '{"schema_version": 1, "curves": 1}'])
def test_a_damaged_file_says_what_to_do(tmp_path, content):
    (tmp_path / COMPARISON).write_text(content)
    with pytest.raises(JournalError, match=r"comparison.json is damaged .* give the command again that wrote it"):
        read_comparison(tmp_path)


def test_a_newer_file_is_not_guessed_at(tmp_path):
    (tmp_path / COMPARISON).write_text(json.dumps({"schema_version": 2}))
    with pytest.raises(JournalError, match="has the version 2, this foretune reads 1; update foretune"):
        read_comparison(tmp_path)
