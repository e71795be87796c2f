"""A wall clock that somebody sets while a program runs; the monotonic clock goes on."""

import datetime as dt
import time

import pytest


def set_clock(patch: pytest.MonkeyPatch, jump: float) -> None:
    """Set the clock of the process forward by so many seconds."""
    now, moment = time.time, dt.datetime

    class Set(moment):
        """The class that modules take the time from."""

        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
            return moment.now(tz) + dt.timedelta(seconds=jump)

    patch.setattr(time, "time", lambda: now() + jump)
    patch.setattr(time, "time_ns", lambda: int(1e9 * (now() + jump)))
    patch.setattr(dt, "datetime", Set)
