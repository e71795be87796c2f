"""How many bytes a device has left."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

import torch

_FILES = {
    "": ("memory.max", "memory.current", "inactive_file"),
    "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
"""Of a control group, by the name of its hierarchy: limit, use, and the part of the use that is a cache of files. The
first entry is version 2, which has a single hierarchy."""


def free_memory(device: str) -> float:
    """Bytes that are free on a device; infinite if unknown."""
    if device.startswith("cuda"):
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return float(torch.cuda.mem_get_info(device)[0] + cached)
    return main_memory() if device.startswith("cpu") else math.inf


def main_memory(root: Path = Path("/")) -> float:
    """Bytes that this process may still take: the available memory of Linux, or less where a control group has a limit.

    Args:
        root: where `proc` and `sys` are.
    """
    available = _number(root / "proc/meminfo", r"MemAvailable: +(\d+)") * 1024
    groups = root / "proc/self/cgroup"
    lines = groups.read_text(encoding="ascii").splitlines() if groups.is_file() else []
    found = [available]
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers in _FILES:
            found += _left(root / "sys/fs/cgroup" / controllers, group, *_FILES[controllers])
    return min(found)


def _left(root: Path, group: str, limit: str, used: str, cached: str) -> Iterator[float]:
    """Bytes that a control group and its parents have left; in a container their names may be those of the host."""
    folder = root / group.lstrip("/")
    for one in (folder, *folder.parents):
        taken = _number(one / used, otherwise=0.0) - _number(one / "memory.stat", rf"^{cached} (\d+)", otherwise=0.0)
        yield _number(one / limit) - taken


def _number(file: Path, pattern: str = r"(\d+)", otherwise: float = math.inf) -> float:
    found = re.search(pattern, file.read_text(encoding="ascii"), re.MULTILINE) if file.is_file() else None
    return float(found[1]) if found else otherwise
