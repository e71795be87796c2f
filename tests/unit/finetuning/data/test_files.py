"""Every kind of file, and everything that can be wrong with one."""

import gzip
import json
import re
from pathlib import Path

import pytest

from foretune.errors import DataError
from foretune.finetuning.data.files import READERS, ending_of, read_rows, stem_of

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
    files += [
        write("a.ndjson", ROWS),
        write("a.tsv", quoted.replace("prompt,", "prompt\t").replace('",', '"\t').replace("b,", "b\t")),
    ]
    files += [write("semicolons.csv", quoted.replace("prompt,", "prompt;").replace('",', '";').replace("b,", "b;"))]
    files += [write("wrapped.json", json.dumps({"version": {"a": [1]}, "data": ROWS, "more": 1}, indent=1))]
    assert {file.suffix for file in files} == set(READERS)
    files += [write(f"{file.name}.GZ", gzip.compress(file.read_bytes())) for file in files if file.suffix != ".parquet"]
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
        ("a.json", '[\n{"text": "a"},\n{"text": }]', r"line 3: broken JSON \(Expecting value"),
        ("a.json", '[\n{"text": "a"}\n{"text": "b"}]', "line 3: broken JSON .*expected , or ]"),
        ("a.json", '[{"text": "a"},\n', "line 2: broken JSON"),
        ("a.json", '[{"text": "a"}]\n[]', "line 2: text after the end of the JSON list"),
        ("a.jsonl", "[" * 100_000, "line 1: broken JSON"),
        ("a.json", '{"data": [{"text": "a"}\n{"text": "b"}]}', "line 2: broken JSON .*expected , or ]"),
        ("a.json.gz", '[{"text": "a"}]', "cannot be decompressed .*copy it again, or give it without .gz"),
        ("a.csv", 'prompt,completion\n"a"b,c\n', "line 2: broken CSV"),
        ("a.csv", "text,text\na,b\n", "line 1: a column name occurs twice"),
        ("a.parquet", b"PAR1nothing", "not a readable Parquet file"),
        (
            "a.xlsx",
            "x",
            "cannot read .xlsx; use one of .jsonl, .ndjson, .json, .csv, .tsv, .parquet, or these with .gz",
        ),
        ("a.parquet.gz", "x", "cannot read .gz; use one of"),
    ],
)
def test_what_is_wrong_is_said(write, name, content, message):
    with pytest.raises(DataError, match=message):
        read_rows(write(name, content))


@pytest.mark.parametrize(
    ("name", "content", "where", "message"),
    [
        (
            "a.jsonl",
            '{"text": "b"\n{"text": "a"}\n',
            "line 1",
            r"broken JSON \(Expecting .* at column \d+\); correct or",
        ),
        ("a.jsonl", '{"text": "a"}\n["b"]\n', "line 2", "expected a JSON object such as .* found list"),
        ("a.json", '[\n{"text": "a"},\n"b"]', "line 3", "found str"),
        ("a.csv", "text,label\na,b\nc,d,e\n", "line 3", "3 cells where the header names 2 columns; quote"),
    ],
)
def test_a_row_that_cannot_be_read_says_so_and_leaves_the_others(write, name, content, where, message):
    rows = read_rows(write(name, content))
    (bad,) = [row for row in rows if row.fault]
    assert bad.where.endswith(where)
    assert re.search(f"{where}: .*{message}", bad.fault)
    assert [row.values["text"] for row in rows if not row.fault] == ["a"]


def test_numbers_remember_how_they_were_written(write):
    (row,) = read_rows(write("a.jsonl", '{"a": 1.50, "b": 1e5, "c": 3, "d": true}\n'))
    assert [str(value) for value in row.values.values()] == ["1.50", "1e5", "3", "True"]
    assert row.values["a"] == 1.5


def test_classes_of_parquet_files_have_names(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    features = {
        "text": {"dtype": "string", "_type": "Value"},
        "label": {"names": ["bad", "good"], "_type": "ClassLabel"},
    }
    table = pa.table({"text": ["a", "b", "c"], "label": [1, 0, -1]})
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    parquet.write_table(table, tmp_path / "a.parquet")
    assert [row.values["label"] for row in read_rows(tmp_path / "a.parquet")] == ["good", "bad", None]


@pytest.mark.parametrize(
    ("name", "ending", "stem"),
    [
        ("a.jsonl", ".jsonl", "a"),
        ("a.JSONL.Gz", ".JSONL.Gz", "a"),
        ("a.b.csv", ".csv", "a.b"),
        ("v1.0.tsv.gz", ".tsv.gz", "v1.0"),
        ("a.parquet.gz", "", "a.parquet"),
        ("a.txt.gz", "", "a.txt"),
        ("a.gz", "", "a"),
        ("a.xlsx", "", "a"),
        ("train", "", "train"),
        (".csv", "", ".csv"),
    ],
)
def test_the_ending_decides_how_a_file_is_read(name, ending, stem):
    assert (ending_of(Path(name)), stem_of(Path(name))) == (ending, stem)


def test_a_file_that_cannot_be_opened_says_why(tmp_path):
    with pytest.raises(
        DataError, match=r"none.csv: cannot be read \(No such file or directory\); check the path and its"
    ):
        read_rows(tmp_path / "none.csv")
    with pytest.raises(DataError, match=r"data: cannot read files without an ending; use one of .jsonl"):
        read_rows(tmp_path / "data")


def test_a_list_under_a_usual_name_is_the_rows_and_under_another_is_a_value(write):
    inner = [{"text": "a"}, {"text": "b"}]
    found = read_rows(write("a.json", json.dumps({"meta": {"n": [1, 2]}, "rows": inner})))
    assert [dict(row.values) for row in found] == inner
    (row,) = read_rows(write("b.json", json.dumps({"things": inner})))
    assert dict(row.values) == {"things": inner}
    (row,) = read_rows(write("c.json", json.dumps({"data": "x"})))
    assert dict(row.values) == {"data": "x"}
