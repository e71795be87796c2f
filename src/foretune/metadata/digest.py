"""A digest of a meta-dataset: the same for the same rows, whatever files they are in."""

from __future__ import annotations

import hashlib

from foretune.metadata.dataset import MetaDataset


def data_sha256(meta_dataset: MetaDataset) -> str:
    """A digest of the three tables' values and columns, whatever file format they came from."""
    digest = hashlib.sha256()
    for frame in (meta_dataset.tasks, meta_dataset.runs, meta_dataset.curves):
        digest.update(frame.to_csv(index=False).encode())
    return digest.hexdigest()
