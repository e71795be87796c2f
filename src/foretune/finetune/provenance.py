"""What a run was made with: hardware, library versions, peak memory, data."""

from __future__ import annotations

import hashlib
import platform
import resource
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from foretune.finetune.data import TokenizedSplits

_LIBRARIES = ("foretune", "torch", "transformers", "peft")


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


def peak_memory_bytes(device: str) -> int:
    """Most memory so far: of the accelerator since its counter was reset, or of this process since it began."""
    if device.startswith("cuda"):
        return int(torch.cuda.max_memory_allocated(device))
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def fingerprint(data: TokenizedSplits, model: str, configuration_key: str, seed: int) -> dict[str, Any]:
    """What must be the same for a run to go on: configuration, seed, training and validation tokens, model name."""
    digest = hashlib.sha256()
    for split in (data.train, data.validation):
        digest.update(np.asarray(split.completion_starts, dtype=np.int64).tobytes())
        for sequence in split.input_ids:
            digest.update(np.int64(len(sequence)).tobytes() + np.asarray(sequence, dtype=np.int64).tobytes())
    return {
        "configuration": configuration_key,
        "seed": seed,
        "data": digest.hexdigest()[:16],
        "model": model.replace("\\", "/").rsplit("/", 1)[-1],
    }
