"""Versions of what the facts come from, and libraries that are missing."""

import unicodedata
from importlib.metadata import version

import pytest

from foretune.errors import DataError
from foretune.synthesis.facts import libraries, make_dataset


def test_versions_are_those_of_the_database_in_use(tmp_path, monkeypatch):
    (tmp_path / "tzdata.zi").write_text("# version 2031c\n# This zic input file is in the public domain.\n")
    monkeypatch.setattr(libraries, "TZPATH", (str(tmp_path / "none"), str(tmp_path)))
    found = libraries.versions(("babel", "unicode", "tz"))
    assert found == {"babel": version("babel"), "unicode": unicodedata.unidata_version, "tz": "2031c"}
    monkeypatch.setattr(libraries, "TZPATH", ())
    assert libraries.versions(["tz"]) == {"tz": version("tzdata")}


def test_a_missing_library_is_named_and_nothing_is_written(tmp_path, monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(libraries.importlib, "import_module", missing)
    for name, library in (("file_endings", "Pygments"), ("day_names", "Babel")):
        with pytest.raises(
            DataError, match=rf"need {library}, which is not installed; run: pip install 'foretune\[demo"
        ):
            make_dataset(name, tmp_path / name)
    assert not list(tmp_path.iterdir())
