"""The report that several tests look at."""

import pytest
from finished_search import ENTRIES, IA3, LORA, scored

from foretune.report.run_report import RunReport, trial_curves


@pytest.fixture
def report():
    return RunReport(
        data="facts",
        model="foretune-tiny",
        optimizer="transfer",
        seed=0,
        budget_seconds=20.0,
        spent_seconds=18.5,
        setup_seconds=10.0,
        reason="the seconds of the budget are spent",
        max_fidelity=8,
        best_key=LORA.key,
        default_key=IA3.key,
        scores=(scored("zero-shot", 4.0), scored("default", 2.5, IA3, 1), scored("best", 1.5, LORA, 2)),
        trials=trial_curves(ENTRIES, {LORA.key: [100, 200, 300]}),
        notes=("3 rows were cut to 256 tokens",),
    )
