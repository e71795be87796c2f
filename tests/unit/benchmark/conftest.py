from __future__ import annotations

import pytest
from tiny_table import four_tasks


@pytest.fixture
def table():
    return four_tasks()
