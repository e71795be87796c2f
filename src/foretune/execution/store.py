"""Folders of runs in a place that all machines of a cluster reach, through fsspec: a folder, `s3://bucket/runs`, ..."""

from __future__ import annotations

import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsspec.core import url_to_fs

from foretune.errors import ConfigurationError


@dataclass(frozen=True)
class Store:
    """A place for folders.

    What a service needs beside the address, such as keys, comes from its own variables (`AWS_ENDPOINT_URL`, ...).

    Attributes:
        url: of the place; a path for a folder.
    """

    url: str

    @property
    def folder(self) -> Path | None:
        """The folder that it is; None for a service."""
        protocol, _, path = self.url.rpartition("://")
        return Path(path) if protocol in {"", "file"} else None

    def check(self) -> None:
        """Write a file there, and delete it.

        Raises:
            ConfigurationError: it cannot be written to.
        """
        try:
            files, root = self._files()
            probe = f"{root}/.probe-{uuid.uuid4().hex}"
            if self.folder is not None:
                files.makedirs(root, exist_ok=True)
            files.pipe_file(probe, b"")
            files.rm_file(probe)
        except Exception as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ConfigurationError(
                f"cannot write to {self.url} ({reason}); give a folder that all machines see, or the address of a "
                "bucket such as s3://bucket/runs"
            ) from error

    def push(self, folder: Path, name: str) -> None:
        """Copy a folder (or a file) there, over what is there; the state that a run goes on from comes last."""
        files, root = self._files()
        paths = [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else [folder]
        for path in sorted(paths, key=lambda one: "state" in one.parts):
            relative = path.relative_to(folder).as_posix() if folder.is_dir() else path.name
            self._put(files, path, f"{root}/{name}/{relative}")

    def pull(self, name: str, folder: Path) -> None:
        """Copy a folder from there; none if it is not there."""
        files, root = self._files()
        files.invalidate_cache()
        start = f"{root}/{name}"
        if not files.exists(start):
            return
        for path in files.find(start):
            relative = str(path).split(f"{start.lstrip('/')}/", 1)[-1]
            target = folder / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            unfinished = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
            files.get_file(path, str(unfinished))
            unfinished.replace(target)

    def _put(self, files: Any, path: Path, target: str) -> None:
        """Services show a file once it is whole; a folder would show it before."""
        if self.folder is None:
            files.put_file(str(path), target)
            return
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        unfinished = f"{target}.{uuid.uuid4().hex}"
        shutil.copyfile(path, unfinished)
        Path(unfinished).replace(target)

    def _files(self) -> tuple[Any, str]:
        files, root = url_to_fs(self.url)
        return files, str(root).rstrip("/")
