"""Whether the Hugging Face hub can be asked, and what of it is on this machine: known before its client retries."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

from foretune.errors import DataError, ModelError

PATIENCE = 3.0
"""Seconds that the hub gets to accept a connection."""
_SWITCHES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")


def check_model(name: str, near: str = "") -> None:
    """Whether a base model was downloaded or, where there is a network, exists on the hub.

    Args:
        name: `model` or `owner/model`.
        near: what it may have been meant to be, in words.

    Raises:
        ModelError: neither; the message says which.
    """
    why = spare_retries()
    if _is_downloaded("models", name):
        return
    if why:
        message = f"no model {name!r} is on this machine{near}, and the hub cannot be asked: {why}; give a folder"
        raise ModelError(message)
    if not _exists(name, "model"):
        raise ModelError(f"there is no folder {name!r}{near}, and the hub has no model of that name; check the name")


def check_dataset(name: str, near: str = "") -> None:
    """The same for a dataset.

    Raises:
        DataError: it was not downloaded, and there is no network or no such dataset.
    """
    why = spare_retries()
    if _is_downloaded("datasets", name):
        return
    if why:
        raise DataError(
            f"{name}: no such file or folder{near}, as a dataset of the Hugging Face hub it is not on this machine, "
            f"and the hub cannot be asked: {why}; check the name, or give files"
        )
    if not _exists(name, "dataset"):
        message = f"{name}: no such file or folder{near}, and the hub has no dataset of that name; check the name"
        raise DataError(message)


def spare_retries() -> str:
    """The same as `why_offline`, and where the hub cannot be asked, its client is told so by the environment: it would
    try for a minute before it takes what was downloaded earlier, or gives up."""
    why = why_offline()
    if why:
        for switch in _SWITCHES:
            os.environ[switch] = "1"
    return why


def why_offline() -> str:
    """Why the hub cannot be asked; empty if it can."""
    for switch in _SWITCHES[:2]:
        if os.environ.get(switch, "").upper() in {"1", "TRUE", "YES", "ON"}:
            return f"{switch} is set"
    host, port = _address()
    if _accepts(host, port):
        return ""
    return f"no network ({host} does not answer)"


def _address() -> tuple[str, int]:
    """Of the hub, or of the proxy that stands before it."""
    hub = urlsplit(os.environ.get("HF_ENDPOINT", "https://huggingface.co"))
    proxy = getproxies().get(hub.scheme or "https")
    parts = urlsplit(proxy if proxy and "://" in proxy else f"//{proxy}") if proxy else hub
    return parts.hostname or "huggingface.co", parts.port or (80 if parts.scheme == "http" else 443)


def _accepts(host: str, port: int) -> bool:
    """Whether a connection is accepted soon; looking up the name may take long, and knows no time limit of its own."""
    accepted: list[bool] = []

    def connect() -> None:
        """Try once."""
        try:
            socket.create_connection((host, port), timeout=PATIENCE).close()
        except OSError:
            return
        accepted.append(True)

    attempt = threading.Thread(target=connect, daemon=True)
    attempt.start()
    attempt.join(PATIENCE)
    return bool(accepted)


def _is_downloaded(kind: str, name: str) -> bool:
    from huggingface_hub import constants

    hub = Path(constants.HF_HUB_CACHE) / f"{kind}--{name.replace('/', '--')}" / "snapshots"
    prepared = Path(constants.HF_HOME) / "datasets" / name.replace("/", "___")
    return (hub.is_dir() and any(hub.iterdir())) or (kind == "datasets" and prepared.is_dir())


def _exists(name: str, kind: str) -> bool:
    """Whether the hub knows it; true where the hub does not say no."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    try:
        HfApi().repo_info(name, repo_type=kind, timeout=PATIENCE)
    except RepositoryNotFoundError:
        return False
    except (HfHubHTTPError, OSError, ValueError):
        return True
    return True
