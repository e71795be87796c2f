"""The kinds of sources, by name: a new kind is a file and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from foretune.errors import ForetuneError, InteropError
from foretune.interop.csv_table import import_csv
from foretune.interop.fms_acceleration import import_fms_acceleration
from foretune.interop.hf_cards import import_hf_cards
from foretune.interop.litgpt_costs import import_litgpt
from foretune.interop.mlflow_store import import_mlflow
from foretune.interop.options import ImportOptions
from foretune.interop.optuna_study import import_optuna
from foretune.interop.peft_results import import_peft
from foretune.interop.public_llm import import_public_llm
from foretune.interop.quicktunetool import import_quicktunetool
from foretune.interop.scaling_law import import_scaling_law
from foretune.interop.taskset import import_taskset
from foretune.interop.tensorboard_events import import_tensorboard
from foretune.interop.tinker import import_tinker
from foretune.interop.trainer_state import import_trainer_state
from foretune.metadata import MetaDataset

Importer = Callable[[Sequence[str], ImportOptions], MetaDataset]

IMPORTERS: Mapping[str, Importer] = MappingProxyType(
    {
        "csv": import_csv,
        "fms-acceleration": import_fms_acceleration,
        "hf-cards": import_hf_cards,
        "litgpt": import_litgpt,
        "mlflow": import_mlflow,
        "optuna": import_optuna,
        "peft": import_peft,
        "public-llm": import_public_llm,
        "quicktunetool": import_quicktunetool,
        "scaling-law": import_scaling_law,
        "taskset": import_taskset,
        "tensorboard": import_tensorboard,
        "tinker": import_tinker,
        "trainer-state": import_trainer_state,
    }
)
"""Kind of source -> its reader."""


def import_runs(kind: str, paths: Sequence[str], options: ImportOptions | None = None) -> MetaDataset:
    """Read a table of another tool as a meta-dataset.

    Args:
        kind: one of `IMPORTERS`.
        paths: files, folders or addresses, whatever the kind takes.
        options: facts that the table lacks.

    Raises:
        InteropError: if the kind is unknown, or the source is not of this kind.
    """
    if kind not in IMPORTERS:
        message = f"unknown kind of source {kind!r}; choose one of {', '.join(IMPORTERS)}"
        raise InteropError(message)
    try:
        return IMPORTERS[kind](paths, options or ImportOptions())
    except ForetuneError:
        raise
    except Exception as error:
        # These files are of other people, and each importer names the faults that have been seen; this is all others.
        source, reason = ", ".join(map(str, paths)), f"{type(error).__name__}: {error}"
        message = f"{source} cannot be read as {kind} ({reason}); is it of this kind, and whole? If so, report this"
        raise InteropError(message) from error
