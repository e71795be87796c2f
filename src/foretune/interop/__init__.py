"""Runs that people already have, in the tables of other tools, as meta-datasets.

Each kind of source is a file with a function `(paths, options) -> Imported`, entered in `registry.py`. Readers turn
their source into `RecordedRun`s, from which one function makes the three tables (`rows.py`). No torch here, and the
libraries of the other tools are loaded only by the reader that needs them.
"""

from foretune.interop.options import ImportOptions
from foretune.interop.registry import IMPORTERS, import_runs

__all__ = ["IMPORTERS", "ImportOptions", "import_runs"]
