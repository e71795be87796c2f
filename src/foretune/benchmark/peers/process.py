"""A library in a process of its own, which is asked and told by lines of JSON.

Requests, one a line on the adapter's standard input; every one is answered by a line on its standard output:

    {"verb": "start", ...}   begins a search (`Peer`)  -> {"facts": {...}}
    {"verb": "ask"}                                    -> {"run": "3", "configuration": {...}, "fidelity": 8}
                                                          or {"done": "why"}
    {"verb": "tell", ...}    what came of it           -> {}

An answer may be {"error": "why"}. Every answer has "seconds", "cpu_seconds" and "peak_bytes": what the library took for
it by the clock and on the CPU, and the greatest memory of the process so far. Lines without them are no answers, which
libraries print while they are imported. An adapter begins a new search whenever it is told to start,
so that its imports are paid for once.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from foretune.errors import PeerError

PATIENCE = 3600.0
"""Seconds after which an answer is given up. quicktunetool fits for many minutes where cores are busy."""


class AdapterProcess:
    """Starts when it is first needed.

    Args:
        command: program and arguments.
        log: takes the adapter's standard error.
        patience: seconds to wait for an answer.
    """

    def __init__(self, command: Sequence[str], log: Path, patience: float = PATIENCE) -> None:
        self._command = list(command)
        self._log = log
        self._patience = patience
        self._process: subprocess.Popen[str] | None = None

    def request(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """What the adapter answers.

        Raises:
            PeerError: if the adapter ends, takes too long, or says that it cannot.
        """
        process = self._running()
        assert process.stdin is not None  # noqa: S101 - it is a pipe
        assert process.stdout is not None  # noqa: S101
        timer = threading.Timer(self._patience, process.kill)
        timer.start()
        try:
            process.stdin.write(json.dumps(message) + "\n")
            process.stdin.flush()
            answer = next((one for one in map(_read, process.stdout) if "peak_bytes" in one), None)
        except BrokenPipeError:
            answer = None
        finally:
            is_late = not timer.is_alive()
            timer.cancel()
        if answer is None:
            self.close()
            what = f"gave no answer within {self._patience:g} s" if is_late else "ended without an answer"
            raise PeerError(f"{self._command[-1]} {what} to {message['verb']!r}; see {self._log}")
        if "error" in answer:
            raise PeerError(f"{self._command[-1]} answers {message['verb']!r} with: {answer['error']}; see {self._log}")
        return answer

    def close(self) -> None:
        """Ends the process; the next request begins another one."""
        if self._process is not None:
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()
            self._process.kill()
            self._process.wait()
            self._process = None

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("a", encoding="utf-8") as errors:
                try:
                    self._process = subprocess.Popen(  # noqa: S603 - what the peers' table names
                        self._command,
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        stderr=errors,
                        env={**os.environ, "PYTHONHASHSEED": "0"},  # the order of a set must not matter
                        text=True,
                    )
                except OSError as error:
                    raise PeerError(f"cannot start {self._command[0]} ({error}); run `make peers`") from error
        return self._process


def _read(line: str) -> dict[str, Any]:
    """An answer; empty for anything else."""
    try:
        read = json.loads(line)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
