"""A wall clock that somebody sets while a program runs; the monotonic clock goes on."""

import datetime as calendar
import time

import pytest


def set_clock(patch: pytest.MonkeyPatch, jump: float) -> None:
    """Set the clock of the process forward by so many seconds."""
    now, moment = time.time, calendar.datetime

    class Set(moment):
        """The class that modules take the time from."""

        @classmethod
        def now(cls, tz: calendar.tzinfo | None = None) -> calendar.datetime:
            return moment.now(tz) + calendar.timedelta(seconds=jump)

    patch.setattr(time, "time", lambda: now() + jump)
    patch.setattr(time, "time_ns", lambda: int(1e9 * (now() + jump)))
    patch.setattr(calendar, "datetime", Set)
