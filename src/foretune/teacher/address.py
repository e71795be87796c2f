"""Checks of a teacher's address, which need no client."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from foretune.errors import TeacherError


def check_url(url: str) -> None:
    """Whether this is the address of a server, without secrets.

    Raises:
        TeacherError: it is not.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise TeacherError(f"{url!r} is no address; give for instance https://api.openai.com/v1, or local:MODEL")
    if parts.username or parts.password or parts.query or parts.fragment:
        message = f"the address of {parts.hostname} has a user, key or query; put the key into an environment variable"
        raise TeacherError(message)


def check_reachable(url: str) -> None:
    """Whether somebody listens at an address; behind a proxy this cannot be told.

    Raises:
        TeacherError: nobody does.
    """
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    if getproxies() and not proxy_bypass(parts.hostname or ""):
        return
    try:
        socket.create_connection((parts.hostname, port), timeout=10).close()
    except OSError as error:
        raise TeacherError(f"nobody answers at {parts.hostname}:{port} ({error}); check the address") from None
