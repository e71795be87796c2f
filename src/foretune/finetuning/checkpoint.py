"""The folder of a run: its slices so far, its resume state and its best adapter; every file is replaced atomically.

```
slices.jsonl             one line a slice: the columns of curves.parquet
run.json                 parameters trained, peak memory, how steps are split, hardware, versions
state/state.safetensors  parameters, optimizer, random generators; fidelity and slices as JSON in the header
best/                    what PEFT (or transformers, after full finetuning) loads
```
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from foretune.disk import replace_file, replace_text
from foretune.errors import JournalError
from foretune.finetuning.memory import Splitting

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Slice:
    """One evaluated slice of a run; `steps`, `tokens` and `epochs` count from the start, seconds are this slice's own.

    Attributes:
        fidelity: slices trained.
        epochs: passes over the training rows.
        steps: optimizer steps.
        tokens: trained on, without padding.
        validation_nll: the score of the run, see `VALIDATION_NLL`.
        validation_token_accuracy: see `Scores`.
        validation_exact_match: see `Scores`.
        test_nll: stored for later judgement, never used to choose; none where the test split was not asked for.
        test_token_accuracy: see `Scores`.
        test_exact_match: see `Scores`.
        train_seconds: of the training share.
        evaluation_seconds: of the evaluations.
    """

    fidelity: int
    epochs: float
    steps: int
    tokens: int
    validation_nll: float
    validation_token_accuracy: float
    validation_exact_match: float
    test_nll: float | None
    test_token_accuracy: float | None
    test_exact_match: float | None
    train_seconds: float
    evaluation_seconds: float

    @property
    def seconds(self) -> float:
        """Training plus evaluation."""
        return self.train_seconds + self.evaluation_seconds


Slices = tuple[Slice, ...]


@dataclass(frozen=True)
class State:
    """Everything a run needs to go on as if it had never stopped.

    Attributes:
        fingerprint: settings and data of the run; only a run with the same may go on.
        slices: trained so far, first to last.
        tensors: by dotted name.
        splitting: of the steps; None in a state of an earlier version.
    """

    fingerprint: Mapping[str, Any]
    slices: Slices
    tensors: Mapping[str, torch.Tensor]
    splitting: Splitting | None = None


def best_fidelity(slices: Slices) -> int:
    """The slice with the lowest validation loss, the earliest of equals; 0 without slices."""
    return min(slices, key=lambda one: one.validation_nll).fidelity if slices else 0


def save_state(directory: Path, state: State) -> None:
    """Replace the resume state of a run."""
    header = json.dumps(
        {
            "schema_version": SCHEMA_VERSION,
            "fingerprint": dict(state.fingerprint),
            "slices": [asdict(one) for one in state.slices],
            "splitting": state.splitting and state.splitting.to_json(),
        }
    )
    tensors = {name: value.detach().cpu().contiguous() for name, value in state.tensors.items()}
    replace_file(_state_file(directory), lambda path: save_file(tensors, path, metadata={"foretune": header}))


def load_state(directory: Path, fingerprint: Mapping[str, Any]) -> State | None:
    """The resume state of a run; none if it has not finished a slice yet.

    Raises:
        JournalError: the file is damaged, from another version, or of a run with another fingerprint.
    """
    path = _state_file(directory)
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            header: dict[str, Any] = json.loads(file.metadata()["foretune"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        slices = tuple(Slice(**one) for one in header["slices"])
        splitting = Splitting.from_json(header["splitting"]) if header.get("splitting") else None
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise JournalError(f"{path} is damaged ({error}); delete {directory} to train this run again") from error
    if header["schema_version"] != SCHEMA_VERSION:
        raise JournalError(
            f"{path} has schema version {header['schema_version']}, this foretune reads {SCHEMA_VERSION}"
        )
    different = sorted(name for name, value in fingerprint.items() if header["fingerprint"].get(name) != value)
    if different:
        raise JournalError(
            f"{directory} holds another run (different {', '.join(different)}); give a new folder or the same settings"
        )
    return State(header["fingerprint"], slices, tensors, splitting)


def _state_file(directory: Path) -> Path:
    return directory / "state" / "state.safetensors"


def write_slices(directory: Path, slices: Slices) -> None:
    """Replace `slices.jsonl`."""
    lines = "".join(json.dumps(asdict(one)) + "\n" for one in slices)
    replace_text(directory / "slices.jsonl", lines)


def append_slice(directory: Path, one: Slice) -> None:
    """Append a line to `slices.jsonl` and see it onto the disk."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "slices.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(one)) + "\n")
        file.flush()
        os.fsync(file.fileno())


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Replace a small JSON file."""
    replace_text(path, json.dumps(dict(values), indent=1) + "\n")


def replace_folder(folder: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a folder beside `folder`, then move its files over the old ones, weights last.

    The small files are the same for every slice of a run, so a reader always finds a whole adapter, even after a kill.
    """
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    write(temporary)
    folder.mkdir(exist_ok=True)
    for file in sorted(temporary.iterdir(), key=lambda path: path.suffix == ".safetensors"):
        file.replace(folder / file.name)
    temporary.rmdir()
