"""The kinds of sources, by name: a new kind is a file and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from foretune.errors import ForetuneError, InteropError
from foretune.interop.csv_table import csv_runs
from foretune.interop.fms_acceleration import fms_acceleration_runs
from foretune.interop.hf_cards import hf_card_runs
from foretune.interop.litgpt_costs import litgpt_runs
from foretune.interop.mlflow_store import mlflow_runs
from foretune.interop.options import ImportOptions
from foretune.interop.optuna_study import optuna_runs
from foretune.interop.origin import provenance
from foretune.interop.peft_results import peft_runs
from foretune.interop.public_llm import public_llm_runs
from foretune.interop.quicktunetool import quicktunetool_runs
from foretune.interop.recorded import Imported
from foretune.interop.rows import tables
from foretune.interop.scaling_law import scaling_law_runs
from foretune.interop.taskset import taskset_runs
from foretune.interop.tensorboard_events import tensorboard_runs
from foretune.interop.tinker import tinker_runs
from foretune.interop.trainer_state import trainer_state_runs
from foretune.metadata import MetaDataset

Importer = Callable[[Sequence[str], ImportOptions], Imported]

IMPORTERS: Mapping[str, Importer] = MappingProxyType(
    {
        "csv": csv_runs,
        "fms-acceleration": fms_acceleration_runs,
        "hf-cards": hf_card_runs,
        "litgpt": litgpt_runs,
        "mlflow": mlflow_runs,
        "optuna": optuna_runs,
        "peft": peft_runs,
        "public-llm": public_llm_runs,
        "quicktunetool": quicktunetool_runs,
        "scaling-law": scaling_law_runs,
        "taskset": taskset_runs,
        "tensorboard": tensorboard_runs,
        "tinker": tinker_runs,
        "trainer-state": trainer_state_runs,
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
        raise InteropError(f"unknown kind of source {kind!r}; choose one of {', '.join(IMPORTERS)}")
    given = options or ImportOptions()
    try:
        found = IMPORTERS[kind](paths, given)
        return tables(found.runs, {**provenance(kind, paths, given), **found.provenance}, found.notes)
    except ForetuneError:
        raise
    except Exception as error:
        # These files are of other people, and each importer names the faults that have been seen; this is all others.
        source, reason = ", ".join(map(str, paths)), f"{type(error).__name__}: {error}"
        message = f"{source} cannot be read as {kind} ({reason}); is it of this kind, and whole? If so, report this"
        raise InteropError(message) from error
