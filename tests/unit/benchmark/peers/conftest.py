from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from foretune.benchmark.peers.native_space import NativeSpace, native_space
from foretune.space import load_space

ADAPTERS = Path(__file__).parents[4] / "benchmarks" / "peers"


@pytest.fixture(scope="session")
def space() -> NativeSpace:
    return native_space(load_space("peft").space)


@pytest.fixture(scope="session")
def serving() -> ModuleType:
    """The adapter's side, which is no part of the package."""
    spec = importlib.util.spec_from_file_location("serving", ADAPTERS / "serving.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["serving"] = module
    spec.loader.exec_module(module)
    return module
