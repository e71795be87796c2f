"""Files are found, bounded, and parsed in a process whose death costs one file."""

import os
import sys
import zipfile

import pytest
from made_documents import write_docx

from foretune.documents import read
from foretune.documents.read import Limits, read_documents
from foretune.documents.sections import Section, Span, section_to_json
from foretune.errors import DataError

DIES = """
import json, os, sys
for path in json.load(sys.stdin)["paths"]:
    if "deadly" in path:
        os.abort()
    part = {"headings": [], "text": "x", "unit": "line", "first": 1, "last": 1}
    print(json.dumps({"sections": [part]}), flush=True)
"""


def test_folders_are_searched_and_links_out_of_them_are_not_followed(tmp_path):
    inside, outside = tmp_path / "docs", tmp_path / "secret.txt"
    (inside / "sub").mkdir(parents=True)
    outside.write_text("a secret")
    (inside / "b.md").write_text("# B\n\ntext of b")
    (inside / "sub" / "a.txt").write_text("text of a")
    (inside / "image.png").write_bytes(b"\0")
    (inside / "link.txt").symlink_to(outside)

    documents = read_documents([inside])

    assert [(one.source, [part.text for part in one.sections]) for one in documents] == [
        ("docs/b.md", ["text of b"]),
        ("docs/sub/a.txt", ["text of a"]),
    ]
    assert documents[0].sections[0].unit == "docs/b.md > B"
    assert documents[1].sections[0].unit == "docs/sub/a.txt > line 1"


def test_names_and_text_can_be_printed_and_written(tmp_path):
    (tmp_path / "a\x1b[31m\udcff.md").write_text("# A\n\ntext")
    (document,) = read_documents([tmp_path])
    assert document.source == f"{tmp_path.name}/a?[31m?.md"
    broken = Section("", ("a\ud800",), "b\udcff\0c", Span("line", 1, 1))
    values = section_to_json(broken)
    assert (values["headings"], values["text"]) == (["a?"], "b?c")


def test_a_file_beyond_a_limit_costs_that_file_alone(tmp_path):
    bomb = write_docx(tmp_path / "bomb.docx")
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("word/document.xml", b"<a>" + b"<b/>" * 2**22 + b"</a>")
    many = tmp_path / "many.txt"
    many.write_bytes(b"ab\n" * 2**22)
    large = tmp_path / "large.html"
    large.touch()
    os.truncate(large, 2**30)
    (tmp_path / "sound.md").write_text("# A\n\nsound")

    documents = read_documents([bomb, large, many, tmp_path / "sound.md"], Limits(memory_bytes=200 * 2**20))

    # libxml2 does not tell why it has failed.
    assert documents[0].problem.startswith("cannot be parsed (XMLSyntaxError")
    assert {one.source: one.problem for one in documents[1:]} == {
        "many.txt": "needs too much memory to parse; divide it",
        "large.html": "has 1,024 MB, at most 64 are read; divide it",
        "sound.md": "",
    }


def test_a_parser_that_takes_too_long_is_given_up(tmp_path):
    (tmp_path / "a.md").write_text("# A\n\ntext")
    with pytest.raises(DataError, match=r"a\.md took more than 0\.001 s to parse and was given up"):
        read_documents([tmp_path / "a.md"], Limits(seconds=0.001))


def test_a_process_that_dies_is_followed_by_another(tmp_path, monkeypatch):
    for name in ("a.md", "deadly.md", "z.md"):
        (tmp_path / name).write_text("# A\n\ntext")
    monkeypatch.setattr(read, "_COMMAND", (sys.executable, "-c", DIES))
    documents = read_documents([tmp_path])
    names = [one.source.rpartition("/")[2] for one in documents]
    assert names == ["a.md", "deadly.md", "z.md"]
    assert [len(one.sections) for one in documents] == [1, 0, 1]
    assert documents[1].problem.startswith("ended the process that parses it")


@pytest.mark.parametrize(
    ("name", "said"), [("none.pdf", "no such file"), ("image.png", "is no document"), ("empty", "no file ends with")]
)
def test_places_without_documents_are_refused(tmp_path, name, said):
    (tmp_path / "image.png").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=said):
        read_documents([tmp_path / name])
