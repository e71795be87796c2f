"""Addresses of databases."""

import pytest

from foretune.errors import InteropError
from foretune.interop.databases import check_database


def test_a_file_that_is_there_passes_by_both_kinds_of_path(tmp_path, monkeypatch):
    (tmp_path / "store.db").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    check_database("sqlite:///store.db")
    check_database(f"sqlite:///{tmp_path / 'store.db'}")


@pytest.mark.parametrize(
    "address", ["sqlite:///none.db", "store.db", "sqlite://store.db", "sqlite:///.", "mysql://a/b"]
)
def test_an_address_without_a_file_is_refused_and_makes_none(tmp_path, monkeypatch, address):
    (tmp_path / "store.db").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InteropError, match=f"no database at '{address}'; give sqlite:/// and the path of the file"):
        check_database(address)
    assert [path.name for path in tmp_path.iterdir()] == ["store.db"]
