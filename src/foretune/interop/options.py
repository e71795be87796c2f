"""Facts that the owner of a table adds: names and units that the table itself may not have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from foretune.errors import InteropError
from foretune.types import Value

Direction = Literal["minimize", "maximize"]
_PARAMETER = "param:"
_LESS_IS_BETTER = ("loss", "nll", "perplexity", "ppl", "error", "wer", "cer", "mae", "mse", "rmse", "bpb")
_MORE_IS_BETTER = ("accuracy", "acc", "f1", "score", "bleu", "rouge", "rougel", "exact_match", "match", "auc", "em")


@dataclass(frozen=True)
class ImportOptions:
    """Facts about a table from outside; empty or None where nothing is.

    Attributes:
        metric: the metric that judges runs, under its name in the source.
        test_metric: the same on a test split.
        direction: `minimize` or `maximize`; follows from the metric's name or the source where it is clear.
        cost_unit: unit of the costs, if not seconds.
        dataset: name of the dataset; `param:NAME` takes it from a parameter of the run.
        model: the base model; `param:NAME` as above.
        rows: training rows.
        family: kind of dataset.
        source: where the figures come from.
        license: of the figures.
        parameters: which parameters of a run are hyperparameters, source's name to ours; empty for all of them.
        settings: a YAML or JSON file with hyperparameters of runs, by name of the run or for all.
        mapping: a YAML file with the meaning of the columns of a CSV.
        parts: which experiments (MLflow) or studies (Optuna) to read; empty for all.
        file_times: whether the times of files may stand in for times that a log does not have.
    """

    metric: str = ""
    test_metric: str = ""
    direction: Direction | None = None
    cost_unit: str = ""
    dataset: str = ""
    model: str = ""
    rows: int | None = None
    family: str = ""
    source: str = ""
    license: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    settings: Path | None = None
    mapping: Path | None = None
    parts: tuple[str, ...] = ()
    file_times: bool = False

    def needed_metric(self, found: object) -> str:
        """The metric.

        Args:
            found: names in the source, for the message.

        Raises:
            InteropError: if none is given.
        """
        if not self.metric:
            raise InteropError(f"no metric given; name one with --metric, the source has: {found}")
        return self.metric

    def named(self, what: Literal["dataset", "model"], parameters: dict[str, Value], default: str = "") -> str:
        """Name of the dataset or model of a run; a parameter that names it is taken out of the parameters.

        Raises:
            InteropError: if neither the options nor the source say it.
        """
        given: str = getattr(self, what)
        if given.startswith(_PARAMETER):
            key = given.removeprefix(_PARAMETER)
            if key not in parameters:
                names = ", ".join(sorted(parameters)) or "none"
                raise InteropError(f"--{what} {given}: a run has no parameter {key!r}; it has {names}")
            return str(parameters.pop(key))
        if not (name := given or default):
            message = f"the source does not say the {what}; give --{what} NAME, or --{what} param:NAME for a parameter"
            raise InteropError(message)
        return name

    def chosen(self, parameters: Mapping[str, Value]) -> dict[str, Value]:
        """The parameters that are hyperparameters, under our names."""
        if not self.parameters:
            return dict(parameters)
        return {ours: parameters[theirs] for theirs, ours in self.parameters.items() if theirs in parameters}


def direction_of(metric: str, given: Direction | None) -> Direction:
    """Whether a metric is minimized or maximized, as said or as its name says.

    Raises:
        InteropError: if neither does.
    """
    if given is not None:
        return given
    words = metric.lower().replace("/", "_").replace("-", "_").replace(" ", "_").split("_")
    less, more = set(words) & set(_LESS_IS_BETTER), set(words) & set(_MORE_IS_BETTER)
    if bool(less) == bool(more):
        message = f"is more or less of {metric!r} better? The name does not tell: give --direction minimize or maximize"
        raise InteropError(message)
    return "minimize" if less else "maximize"
