"""Every answer of a teacher on disk before it is used, so that a killed run asks nothing twice."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from threading import Lock

from foretune.errors import TeacherError
from foretune.teacher.protocol import Failure, Reply, Request, Teacher


class Remembered:
    """A teacher that answers a known request from a file, and adds new answers to it.

    The file has a JSON object a line: the key of the request and the reply. A half-written last line, which a kill may
    leave, is cut off.
    """

    def __init__(self, teacher: Teacher, path: Path) -> None:
        """Read the file, if it is there.

        Args:
            teacher: is asked what is not known.
            path: of the file; made with the first answer.

        Raises:
            TeacherError: a complete line is damaged.
        """
        self.name, self.concurrency = teacher.name, teacher.concurrency
        self._teacher, self._path, self._lock = teacher, path, Lock()
        self._replies = _read(path)

    def ask(self, request: Request) -> Reply | Failure:
        """Answer a request, see `foretune.teacher.protocol.Teacher`; failures are not remembered."""
        key = request.key(self.name)
        if (known := self._replies.get(key)) is not None:
            return known
        reply = self._teacher.ask(request)
        if isinstance(reply, Reply):
            with self._lock:
                self._append(key, reply)
        return reply

    @property
    def replies(self) -> tuple[Reply, ...]:
        """All answers of the file, those of earlier runs included."""
        return tuple(self._replies.values())

    def _append(self, key: str, reply: Reply) -> None:
        with self._path.open("ab") as file:
            file.write(json.dumps({"key": key, **asdict(reply)}).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._replies[key] = reply


def _read(path: Path) -> dict[str, Reply]:
    if not path.exists():
        return {}
    content = path.read_bytes()
    complete = content[: content.rfind(b"\n") + 1]
    if len(complete) < len(content):
        with path.open("r+b") as file:
            file.truncate(len(complete))
    replies: dict[str, Reply] = {}
    for number, line in enumerate(complete.splitlines(), start=1):
        try:
            values = json.loads(line)
            key = values.pop("key")
            replies[key] = Reply(**values)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise TeacherError(f"{path}, line {number}: not an answer ({error}); delete this line") from error
    return replies
