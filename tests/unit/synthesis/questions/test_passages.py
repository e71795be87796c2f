"""Passages that are worth asking about are taken, in a random order."""

import pytest
from made_passages import prose

from foretune.errors import DataError
from foretune.synthesis.questions.passages import gather


def test_short_and_repeated_passages_are_left_out_and_counted(tmp_path):
    sections = [f"# Part {at}\n\n{prose(at)}\n\n" for at in range(6)]
    (tmp_path / "a.md").write_text("".join(sections) + "# Short\n\nToo short.\n")
    (tmp_path / "copy.html").write_text(f"<h1>Copy</h1><p>{prose(3)}</p><h1>Contents</h1><p>{'. . . . 9 ' * 50}</p>")

    material = gather([tmp_path], seed=0)

    assert [document.source.rpartition("/")[2] for document in material.documents] == ["a.md", "copy.html"]
    assert sorted(passage.section.headings[0] for passage in material.passages) == [f"Part {at}" for at in range(6)]
    assert material.left_out == {
        "shorter than 200 characters": 1,
        "near-duplicate of an earlier passage": 1,
        "hardly any words": 1,
    }
    assert gather([tmp_path], seed=0).passages == material.passages
    assert gather([tmp_path], seed=1).passages != material.passages


def test_documents_that_hold_too_little_are_an_error(tmp_path):
    (tmp_path / "a.md").write_text("# A\n\nShort.")
    with pytest.raises(DataError, match="no section has 200 characters"):
        gather([tmp_path], seed=0)
