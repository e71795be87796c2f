"""foretune: finetune LLMs with knowledge transferred from earlier finetuning runs.

The functions and types below are all that most users need. They are imported when they are first asked for, so that
`import foretune` stays quick.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from foretune.api import finetune, recommend, tune
    from foretune.errors import ForetuneError
    from foretune.run import Run, load_run
    from foretune.session.scoring import MetricRequest
    from foretune.session.synthesizing import Synthesized, synthesize
    from foretune.tuner import Budget
    from foretune.types import Configuration, LearningCurve, Metric, Report, Status, Task, Trial

__version__ = version("foretune")

__all__ = [
    "Budget",
    "Configuration",
    "ForetuneError",
    "LearningCurve",
    "Metric",
    "MetricRequest",
    "Report",
    "Run",
    "Status",
    "Synthesized",
    "Task",
    "Trial",
    "finetune",
    "load_run",
    "recommend",
    "synthesize",
    "tune",
]

_HOMES = {
    "foretune.api": ("finetune", "recommend", "tune"),
    "foretune.errors": ("ForetuneError",),
    "foretune.run": ("Run", "load_run"),
    "foretune.session.scoring": ("MetricRequest",),
    "foretune.session.synthesizing": ("Synthesized", "synthesize"),
    "foretune.tuner": ("Budget",),
    "foretune.types": ("Configuration", "LearningCurve", "Metric", "Report", "Status", "Task", "Trial"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'foretune' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
