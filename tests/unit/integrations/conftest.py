"""The folder of a search that has begun."""

import pytest

from foretune.journal import create_journal


@pytest.fixture
def output(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    create_journal(folder / "journal.jsonl", {"task": {"max_fidelity": 2}, "setup_seconds": 1.25})
    return folder
