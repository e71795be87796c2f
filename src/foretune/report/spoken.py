"""Numbers as people say them."""

from __future__ import annotations


def format_seconds(seconds: float) -> str:
    """A duration as a person would say it: `1 h 05 min`, `2 min 30 s`, `7 s`."""
    whole = max(0, round(seconds))
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{whole} s"
