"""When the user pressed Enter: the zero of a budget."""

from __future__ import annotations

import os
import time
from pathlib import Path

_STAT = Path("/proc/self/stat")
_START_FIELD = 19  # man 5 proc: field 22, starttime, counted from the state, which follows the name in brackets
_IMPORTED = time.monotonic()


def seconds_since_start() -> float:
    """Seconds that this process is old, as the system says; where it does not, since the command line was imported."""
    try:
        ticks = int(_STAT.read_text(encoding="utf-8").rpartition(")")[2].split()[_START_FIELD])
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK"))
    except (OSError, AttributeError, ValueError, IndexError):
        return time.monotonic() - _IMPORTED
