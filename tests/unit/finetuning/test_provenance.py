"""What a run says it was made with."""

from __future__ import annotations

import sys

import pytest

from foretune.finetuning.provenance import peak_memory_bytes, reset_peak_memory


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can reset the peak of a process")
def test_the_peak_of_an_earlier_run_is_forgotten() -> None:
    large = bytearray(200 * 2**20)
    large[::4096] = b"x" * len(large[::4096])
    before = peak_memory_bytes("cpu")
    del large
    reset_peak_memory("cpu")
    assert peak_memory_bytes("cpu") < before - 150 * 2**20
