"""JSON, YAML and CSV files of other people."""

import re

import pytest

from foretune.errors import InteropError
from foretune.interop.documents import LINE, needed, read_csv, read_object, read_text


def test_names_are_text_whatever_they_were(tmp_path):
    (tmp_path / "a.yaml").write_text("1: one\nlist: [1, 2]\n")
    assert read_object(tmp_path / "a.yaml") == {"1": "one", "list": [1, 2]}
    (tmp_path / "a.json").write_text('{"é": null}', encoding="utf-8")
    assert read_object(tmp_path / "a.json") == {"é": None}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b"{", "a.json is not JSON (Expecting property name"),
        ("a.yaml", b"a: [", "a.yaml is not YAML ("),
        ("a.json", b"[1]", "a.json holds list, expected names with values (an object)"),
        ("a.json", b"[" * 5000, "a.json is not JSON (nested too deeply)"),
        ("a.yaml", b"a: !!int ''", "a.yaml is not YAML ("),
        ("a.yaml", b"", "a.yaml holds NoneType, expected names"),
        ("a.yaml", b"\xff\xfe\xfa", "a.yaml cannot be read as text ("),
    ],
)
def test_what_is_no_object_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InteropError, match=re.escape(message)):
        read_object(tmp_path / name)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InteropError, match=r"none.md cannot be read as text .*No such file.*; give a file that exists"):
        read_text(tmp_path / "none.md")


def test_rows_of_a_csv_know_their_line(tmp_path):
    (tmp_path / "a.csv").write_text('\ufeffa;b\n1;"two\nlines"\n', encoding="utf-8")
    assert read_csv(tmp_path / "a.csv", ";") == (["a", "b"], [{"a": "1", "b": "two\nlines", LINE: "3"}])
    with pytest.raises(InteropError, match=r"none.csv cannot be read as CSV \(.*No such file"):
        read_csv(tmp_path / "none.csv")


@pytest.mark.parametrize("row", ["1", "1,2,3"])
def test_a_row_of_another_length_is_named(tmp_path, row):
    (tmp_path / "a.csv").write_text(f"a,b\n{row}\n")
    with pytest.raises(InteropError, match=r"a.csv, line 2: not 2 cells; correct it, or the separator in m.yaml"):
        read_csv(tmp_path / "a.csv", source="m.yaml")


def test_a_needed_value_is_of_its_type():
    found = {"steps": 3, "rate": 0.5, "on": True, "log": []}
    assert needed(found, "steps", int, "f") == 3
    assert needed(found, "rate", (int, float), "f") == 0.5
    assert needed(found, "on", bool, "f") is True
    with pytest.raises(InteropError, match=r"^f: 'log' is \[\], expected int or float; is this the right kind of file"):
        needed(found, "log", (int, float), "f")
    with pytest.raises(InteropError, match="'on' is True, expected int"):
        needed(found, "on", int, "f")
    with pytest.raises(InteropError, match="'absent' is None, expected list"):
        needed(found, "absent", list, "f")
