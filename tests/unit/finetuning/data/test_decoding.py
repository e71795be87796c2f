"""Compressed files, and encodings other than UTF-8."""

import gzip
from pathlib import Path

import pytest

from foretune.errors import DataError
from foretune.finetuning.data.decoding import decode, decompress
from foretune.finetuning.data.files import read_rows


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_other_encodings_are_found_to_the_byte(write, name):
    path = write(name, b'text\n"fine"\n"caf\xe9"\n')
    with pytest.raises(DataError, match=r"line 3: byte 0xe9 at offset 16 .* not valid UTF-8; save the file as UTF-8"):
        read_rows(path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_encodings_that_editors_write_are_read(write, name, encoding):
    text = {"a.jsonl": '{"text": "héllo 日本"}\n', "a.csv": "text\nhéllo 日本\n"}[name]
    assert [dict(row.values) for row in read_rows(write(name, text.encode(encoding)))] == [{"text": "héllo 日本"}]


def test_what_begins_like_another_encoding_gets_advice_for_that(write):
    path = write("a.csv", "日本\nab\n".encode("utf-16-le") + b"\xff")
    with pytest.raises(DataError, match=r"is not valid UTF-8; .*iconv -f UTF-16LE"):
        read_rows(path)


def test_a_compressed_file_is_whole_or_named():
    whole = gzip.compress(b"text")
    assert decompress(Path("a.gz"), whole) == b"text"
    for content in (whole[:-4], whole[:12] + b"xx" + whole[14:], b"text"):
        with pytest.raises(
            DataError, match=r"^a.gz: cannot be decompressed \(.*\); copy it again, or give it without .gz"
        ):
            decompress(Path("a.gz"), content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32-le"])
def test_text_has_no_mark_in_front(encoding):
    assert decode(Path("a.csv"), "a,é\n".encode(encoding)) == "a,é\n"


@pytest.mark.parametrize(
    ("content", "likely"),
    [("é".encode("latin1"), "LATIN1"), ("日ab".encode("utf-16-be") + b"\xff\xff\xff", "UTF-16BE")],
)
def test_the_remedy_names_the_likely_encoding(content, likely):
    with pytest.raises(DataError, match=rf"byte 0x.* iconv -f {likely} -t UTF-8 a.csv > fixed.csv"):
        decode(Path("a.csv"), content)
