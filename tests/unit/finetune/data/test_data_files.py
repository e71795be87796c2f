"""Every kind of file, and everything that can be wrong with one."""

import json
from pathlib import Path

import pytest

from foretune.errors import DataError
from foretune.finetune.data.files import READERS, read_rows

ROWS = [{"prompt": 'one, "two"\nthree', "completion": "été"}, {"prompt": "b", "completion": "c"}]


def _as_parquet(path: Path) -> Path:
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.Table.from_pylist(ROWS), path)
    return path


def test_every_kind_of_file_gives_the_same_rows(write, tmp_path):
    quoted = 'prompt,completion\n"one, ""two""\nthree",été\nb,c\n'
    files = [
        write("a.jsonl", ROWS),
        write("a.json", json.dumps(ROWS, indent=1)),
        write("lines.json", ROWS),
        write("a.csv", quoted),
        write("with_mark.csv", b"\xef\xbb\xbf" + quoted.encode()),
        _as_parquet(tmp_path / "a.parquet"),
    ]
    assert {file.suffix for file in files} == set(READERS)
    for file in files:
        assert [dict(row.values) for row in read_rows(file)] == ROWS, file.name


def test_rows_know_their_line(write):
    csv = write("a.csv", 'prompt,completion\n"one\ntwo",c\n\nb,c\n')
    assert [row.where.rsplit(", ", 1)[1] for row in read_rows(csv)] == ["line 2", "line 5"]
    array = write("a.json", '[\n {"prompt": "a",\n  "completion": "b"},\n\n {"prompt": "c", "completion": "d"}\n]\n')
    assert [row.where.rsplit(", ", 1)[1] for row in read_rows(array)] == ["line 2", "line 5"]
    lines = write("a.jsonl", '{"text": "a\u2028b"}\r\n\r\n{"text": "c"}')
    assert [row.where.rsplit(", ", 1)[1] for row in read_rows(lines)] == ["line 1", "line 3"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", "", r"a\.jsonl: the file is empty; expected at least one row"),
        ("a.jsonl", " \n\n", "the file is empty"),
        ("a.json", "[]", "the file is empty"),
        ("a.csv", "prompt,completion\n", "the file is empty"),
        ("a.jsonl", '{"text": "a"}\n{"text": "b"\n', r"line 2: broken JSON \(Expecting .* at column \d+\); correct or"),
        ("a.jsonl", '{"text": "a"}\n["b"]\n', "line 2: expected a JSON object such as .* found list"),
        ("a.json", '[\n{"text": "a"},\n{"text": }]', r"line 3: broken JSON \(Expecting value"),
        ("a.json", '[\n{"text": "a"}\n{"text": "b"}]', "line 3: broken JSON .*expected , or ]"),
        ("a.json", '[{"text": "a"},\n', "line 2: broken JSON"),
        ("a.json", '[{"text": "a"}]\n[]', "line 2: text after the end of the JSON list"),
        ("a.jsonl", "[" * 100_000, "line 1: broken JSON"),
        ("a.csv", "prompt,completion\na,b\nc,d,e\n", "line 3: 3 cells where the header names 2 columns; quote"),
        ("a.csv", 'prompt,completion\n"a"b,c\n', "line 2: broken CSV"),
        ("a.csv", "text,text\na,b\n", "line 1: a column name occurs twice"),
        ("a.parquet", b"PAR1nothing", "not a readable Parquet file"),
        ("a.xlsx", "x", "cannot read .xlsx; use one of .jsonl, .json, .csv, .parquet"),
    ],
)
def test_what_is_wrong_is_said(write, name, content, message):
    with pytest.raises(DataError, match=message):
        read_rows(write(name, content))


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_other_encodings_are_found_to_the_byte(write, name):
    path = write(name, b'text\n"fine"\n"caf\xe9"\n')
    with pytest.raises(DataError, match=r"line 3: byte 0xe9 at offset 16 .* not valid UTF-8; save the file as UTF-8"):
        read_rows(path)
