"""A short search of two configurations that has ended, for the tests of reports."""

import numpy as np

from foretune.journal import JournalEntry
from foretune.report.final_scores import Measurement, ModelScores
from foretune.report.run_report import RunReport
from foretune.types import Configuration, LearningCurve, Report, Status, Trial

LORA = Configuration(
    {"method": "lora", "rank": 8, "learning_rate": 0.00731, "batch_size": 8, "epochs": 5, "warmup": 0.1}
)


IA3 = Configuration({"method": "ia3", "learning_rate": 0.02, "batch_size": 4, "epochs": 2})


def an_entry(number, configuration, losses, spent, status=Status.OK, message=""):
    fidelity = len(losses) + (status is not Status.OK)
    trial = Trial(number, configuration, fidelity, resumes_from=fidelity - 1)
    curve = LearningCurve(-np.array(losses, dtype=float), np.full(len(losses), 2.0))
    return JournalEntry(Report(trial, status, curve, message, 2.0), spent)


ENTRIES = (
    an_entry(0, LORA, [2.0], 12.0),
    an_entry(1, IA3, [2.5], 14.0),
    an_entry(2, LORA, [2.0, 1.5], 16.0),
    an_entry(3, IA3, [2.5], 18.0, Status.DIVERGED, "loss is NaN"),
)


def scored(name, nll, configuration=None, slices=0):
    measurement = Measurement(nll, 0.5, 0.25)
    return ModelScores(name, measurement, measurement, dict(configuration.values) if configuration else {}, slices)


def reported(*scores, **others):
    """A report with nothing but rows of the final table, and what is given."""
    fields = {
        "data": "data.jsonl", "model": "tiny", "optimizer": "", "seed": 2, "budget_seconds": None, "spent_seconds": 1.0,
        "setup_seconds": 0.0, "reason": "", "max_fidelity": 8, "best_key": "", "default_key": "", "trials": (),
    }  # fmt: skip
    return RunReport(**{**fields, **others}, scores=scores)
