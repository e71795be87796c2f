"""The chat model that a user names, as an address or as `local:MODEL`: checked at once, opened when it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foretune.errors import TeacherError
from foretune.session.checks import check_model
from foretune.teacher.address import check_reachable, check_url

if TYPE_CHECKING:
    from foretune.teacher.protocol import Teacher

_LOCAL = "local:"


def is_local(address: str) -> bool:
    """Whether it is a model of this machine."""
    return address.startswith(_LOCAL)


def check_teacher(address: str, model: str, option: str = "--model") -> None:
    """What can be said before anything heavy is imported.

    Args:
        address: of a server, or `local:MODEL`.
        model: name of the model at the server; empty for a model of this machine.
        option: that the user gives the name with.

    Raises:
        TeacherError: the address is none, nobody answers there, or the name is missing or too much.
        ModelError: there is no such model on this machine.
    """
    if is_local(address):
        check_model(address.removeprefix(_LOCAL))
        if model:
            raise TeacherError(f"{address} names the model already; leave out {option}")
        return
    if not model:
        raise TeacherError(f"which model at {address}? name it with {option}")
    check_url(address)
    check_reachable(address)


def open_teacher(address: str, model: str, *, key_variable: str, concurrency: int = 8, device: str = "auto") -> Teacher:
    """The client of an address, or the model in the memory of this process.

    Args:
        address: see `check_teacher`.
        model: see `check_teacher`.
        key_variable: the environment variable with the key of an address.
        concurrency: requests under way at a time, at an address.
        device: of a model of this machine.
    """
    if is_local(address):
        from foretune.teacher.local import LocalModel

        return LocalModel(address.removeprefix(_LOCAL), device=device)
    from foretune.teacher.endpoint import Endpoint

    return Endpoint(address, model, key_variable=key_variable, concurrency=concurrency)
