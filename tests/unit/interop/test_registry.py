"""The kinds of sources by name."""

import pytest

from foretune.errors import InteropError
from foretune.interop import ImportOptions, import_runs
from foretune.interop.recorded import Imported, ImportedTask, RecordedRun
from foretune.interop.resample import ImportedSlice


def test_an_unknown_kind_is_refused_with_the_known_ones():
    with pytest.raises(InteropError, match="unknown kind of source 'wandb'; choose one of csv, fms-acceleration"):
        import_runs("wandb", ["x"])


def test_the_reader_of_a_kind_gets_paths_and_options(monkeypatch):
    given = []

    def read(*arguments):
        given.append(arguments)
        return Imported(
            [RecordedRun("a", ImportedTask("d", "m", "loss", "minimize"), {"rank": 8}, [ImportedSlice(1, 1)])]
        )

    monkeypatch.setattr("foretune.interop.registry.IMPORTERS", {"made-up": read})
    import_runs("made-up", ["a", "b"])
    import_runs("made-up", ["c"], ImportOptions(metric="loss"))
    assert given == [(["a", "b"], ImportOptions()), (["c"], ImportOptions(metric="loss"))]


def test_what_no_importer_has_foreseen_is_an_error_in_a_line(monkeypatch):
    monkeypatch.setattr("foretune.interop.registry.IMPORTERS", {"made-up": lambda paths, options: {}["step"]})
    with pytest.raises(InteropError, match=r"^a, b cannot be read as made-up .KeyError: 'step'.; is it of this kind"):
        import_runs("made-up", ["a", "b"])
