"""The circumstances of a run: hardware, library versions, peak memory, data."""

from __future__ import annotations

import ctypes
import gc
import hashlib
import platform
import re
import resource
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from foretune.finetuning.data import TokenizedSplits, Tokens

_LIBRARIES = ("foretune", "torch", "transformers", "peft")
_STATUS = Path("/proc/self/status")
_CLEAR_REFS, _RESET_PEAK = Path("/proc/self/clear_refs"), "5"  # man 5 proc: writing 5 resets VmHWM


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """Versions of the libraries that decide a run's result."""
    return {name: version(name) for name in _LIBRARIES}


def hardware(device: str) -> str:
    """Processor or accelerator, with the number of threads torch uses."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    return f"{_processor()}, {torch.get_num_threads()} threads"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def reset_peak_memory(device: str) -> None:
    """Begin to measure anew: a worker that did large runs before should not report their memory for a small one.

    Memory that the process still holds counts, so the C library is asked to return its reserve. Linux alone can reset a
    process's own peak.
    """
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)
    else:
        gc.collect()
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
            _CLEAR_REFS.write_text(_RESET_PEAK, encoding="ascii")


def peak_memory_bytes(device: str) -> int:
    """Most memory in use since `reset_peak_memory`: of the accelerator, or of this process (where it cannot be reset,
    since the process began)."""
    if device.startswith("cuda"):
        return int(torch.cuda.max_memory_allocated(device))
    if _STATUS.is_file():
        found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text(encoding="utf-8"))
        if found:
            return int(found[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def fingerprint(data: TokenizedSplits, model: str, configuration_key: str, seed: int) -> dict[str, Any]:
    """Facts that a run needs unchanged to go on: configuration, seed, training and validation tokens, model name."""
    return {
        "configuration": configuration_key,
        "seed": seed,
        "data": _digest((data.train, data.validation)),
        "model": model.replace("\\", "/").rsplit("/", 1)[-1],
    }


def fingerprint_of_splits(data: TokenizedSplits) -> str:
    """Facts that must be the same for scores to be comparable: the tokens of all three splits."""
    return _digest((data.train, data.validation, data.test))


def _digest(splits: Sequence[Tokens]) -> str:
    digest = hashlib.sha256()
    for split in splits:
        digest.update(np.asarray(split.completion_starts, dtype=np.int64).tobytes())
        for row, places in split.between.items():
            digest.update(np.array([row, *places], dtype=np.int64).tobytes())
        for sequence in split.input_ids:
            digest.update(np.int64(len(sequence)).tobytes() + np.asarray(sequence, dtype=np.int64).tobytes())
    return digest.hexdigest()[:16]
