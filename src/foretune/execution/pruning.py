"""Checkpoints of a search that stay on disk: states that may be resumed, and the best few adapters."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from pathlib import Path

from foretune.types import CONTINUES, Report, Status, Trial


def prune_checkpoints(
    directory: Path, history: Sequence[Report], *, max_fidelity: int, best: Collection[str], keep: Collection[str] = ()
) -> None:
    """Delete checkpoints that nothing will ask for again.

    The state of a configuration goes when it is finished or has failed; its adapter goes when it is not among the best.
    An adapter that was beaten comes back by itself once its configuration improves on it. Deleting twice does no harm,
    so a kill in between is made good by the next call.

    Args:
        directory: of the trials, one folder for each configuration key.
        history: all reports that are in the journal.
        max_fidelity: slices of a complete run.
        best: keys of the configurations whose adapters are kept.
        keep: keys of which everything stays.
    """
    for report in {report.trial.configuration.key: report for report in history}.values():
        key = report.trial.configuration.key
        if key in keep:
            continue
        if report.status is not Status.OK or len(report.curve) == max_fidelity:
            shutil.rmtree(directory / key / "state", ignore_errors=True)
        if key not in best:
            shutil.rmtree(directory / key / "best", ignore_errors=True)


def needed_by(pending: Sequence[Trial]) -> set[str]:
    """Keys of the configurations whose checkpoints are being written, or that a run under way begins with."""
    own = {trial.configuration.key for trial in pending}
    return own | {str(trial.configuration.values.get(CONTINUES, "")) for trial in pending} - {""}
