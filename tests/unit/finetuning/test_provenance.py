"""What a run says it was made with."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from foretune.finetuning.data import TokenizedSplits, Tokens
from foretune.finetuning.provenance import fingerprint, peak_memory_bytes, reset_peak_memory


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can reset the peak of a process")
def test_the_peak_of_an_earlier_run_is_forgotten() -> None:
    large = bytearray(200 * 2**20)
    large[::4096] = b"x" * len(large[::4096])
    before = peak_memory_bytes("cpu")
    del large
    reset_peak_memory("cpu")
    assert peak_memory_bytes("cpu") < before - 150 * 2**20


def test_what_is_learned_of_a_row_is_part_of_the_data() -> None:
    def data(between) -> TokenizedSplits:
        tokens = Tokens((np.arange(9, dtype=np.int32),), np.array([2]), between)
        return TokenizedSplits("mine", tokens, tokens, tokens)

    prints = [fingerprint(data(between), "model", "key", 0)["data"] for between in ({}, {0: np.array([5])}, {})]
    assert prints[0] == prints[2] != prints[1]
