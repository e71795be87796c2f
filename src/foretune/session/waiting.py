"""What a wait shows: on a terminal a line that moves, elsewhere plain lines now and then."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console

from foretune.session.durations import format_seconds
from foretune.session.saying import say

FIRST, THEN = 2.0, 30.0
"""Seconds after which a wait is spoken of where there is no terminal, and between two lines."""


def nowhere() -> Console:
    """A console that shows nothing."""
    return Console(quiet=True)


@contextmanager
def waiting(
    console: Console, what: str, *, first: float = FIRST, then: float = THEN
) -> Generator[Callable[[str], None]]:
    """Show what is waited for; yields a function that takes what is being done now, such as `scoring, 3 of 8`.

    Args:
        console: where to.
        what: is done first.
        first: seconds without a terminal before the first line; what is done sooner leaves none.
        then: seconds between further lines.
    """
    if console.is_terminal:
        with console.status(f"{what} ...") as status:
            yield lambda step: status.update(f"{step} ...")
        return
    said = [what]

    def say() -> str:
        """What is being done, and for how long."""
        return f"{said[0]} ... ({format_seconds(time.monotonic() - begun)})"

    begun = time.monotonic()
    beat = Heartbeat(console, say, first=first, then=then)
    beat.start()
    try:
        yield lambda step: said.__setitem__(0, step)
    finally:
        beat.stop()


class Heartbeat:
    """Prints a line now and then, from a thread of its own."""

    def __init__(self, console: Console, say: Callable[[], str], *, first: float, then: float) -> None:
        """Print nothing yet.

        Args:
            console: where to.
            say: the line; an empty one is not printed.
            first: seconds before the first line.
            then: seconds between two lines.
        """
        self._console = console
        self._say = say
        self._first, self._then = first, then
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def start(self) -> None:
        """Begin to count."""
        self._thread.start()

    def stop(self) -> None:
        """No further line."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _beat(self) -> None:
        pause = self._first
        while not self._ended.wait(pause):
            if line := self._say():
                say(self._console, line)
            pause = self._then
