"""Searches in other tools: after each report, a tool is told how all runs of the search stand.

Told the same again, a tool does nothing, so that a resumed search doubles nothing. A tool that fails is told nothing
more, which is said once; the search goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from foretune.errors import ConfigurationError
from foretune.journal import read_journal
from foretune.session.folder import JOURNAL, name_of_search
from foretune.tuner import Observer, Progress, incumbent_of
from foretune.types import VALIDATION_NLL, Configuration, History, Report, Status

if TYPE_CHECKING:
    from rich.console import Console


class Stage(StrEnum):
    """How a run stands; `left` is one that the search has given up for others."""

    RUNNING = "running"
    COMPLETE = "complete"
    LEFT = "left"
    FAILED = "failed"


@dataclass(frozen=True)
class RunSoFar:
    """A configuration of a search, as far as it is trained.

    Attributes:
        configuration: its hyperparameters.
        losses: on the validation split after each slice, nats per completion token.
        seconds: of all slices.
        stage: how it stands.
        message: why it failed.
    """

    configuration: Configuration
    losses: tuple[float, ...]
    seconds: float
    stage: Stage
    message: str


Follower = Callable[[Sequence[RunSoFar]], None]
"""Brings a tool up to these runs, whatever it knows of them."""


@dataclass(frozen=True)
class Tool:
    """A tool that can follow a search.

    Attributes:
        where: `module:function`, which makes a follower of an address and the name of the search.
        needs: the module of its library.
        extra: of foretune, which brings that.
        address: an example.
    """

    where: str
    needs: str
    extra: str
    address: str


TOOLS: Mapping[str, Tool] = MappingProxyType(
    {
        "optuna": Tool("optuna_storage:study_follower", "optuna", "optuna", "sqlite:///trials.db"),
        "mlflow": Tool("trackers:mlflow_follower", "mlflow.tracking", "mlflow", "sqlite:///mlflow.db"),
        "tensorboard": Tool("trackers:tensorboard_follower", "tensorboard", "tensorboard", "logs"),
        "trackio": Tool("trackers:trackio_follower", "trackio", "trackio", "my-project"),
        "wandb": Tool("trackers:wandb_follower", "wandb", "wandb", "offline"),
    }
)
"""Name of a tool -> how it follows."""


def runs_so_far(history: History, slices: int, *, ended: bool = False) -> list[RunSoFar]:
    """The runs of a search, in the order in which they were begun.

    Args:
        history: all reports.
        slices: of a complete run.
        ended: whether the search goes on with none of them; its best run is complete then, however far it came.
    """
    last = {report.trial.configuration: report for report in history}
    best = incumbent_of(history)

    def stage(report: Report) -> Stage:
        if report.status is not Status.OK:
            return Stage.FAILED
        if len(report.curve) == slices or (ended and best and report.trial.configuration == best.configuration):
            return Stage.COMPLETE
        return Stage.LEFT if ended else Stage.RUNNING

    return [
        RunSoFar(
            configuration,
            tuple(VALIDATION_NLL.score(score) for score in report.curve.scores.tolist()),
            float(report.curve.seconds.sum()),
            stage(report),
            report.message,
        )
        for configuration, report in last.items()
    ]


class Following:
    """Observes a search for one tool.

    Args:
        output: folder of the search.
        begin: makes the follower of a search of that name, once there is something to tell.
        say: is told of a failure.
    """

    def __init__(self, output: Path, begin: Callable[[str], Follower], say: Callable[[str], None]) -> None:
        self._output, self._begin, self._say = output, begin, say
        self._follow: Follower | None = None
        self._slices = 0
        self._history: History = ()
        self._told: dict[Configuration, RunSoFar] = {}
        self._failed = False

    def __call__(self, progress: Progress) -> None:
        """See `foretune.tuner.Observer`."""
        if progress.trial is None:
            self._history = progress.history
            self._tell()

    def end(self) -> None:
        """The search goes on with no run."""
        if self._follow is not None:
            self._tell(ended=True)

    def _tell(self, *, ended: bool = False) -> None:
        if self._failed:
            return
        try:
            follow = self._follow = self._follow or self._begun()
            runs = runs_so_far(self._history, self._slices, ended=ended)
            if news := [run for run in runs if self._told.get(run.configuration) != run]:
                follow(news)
                self._told |= {run.configuration: run for run in news}
        except Exception as error:  # noqa: BLE001 - whatever a tool fails with, the search is worth more
            self._failed = True
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            self._say(f"note: from here on, the trials are in {self._output} alone: {reason}")

    def _begun(self) -> Follower:
        journal = self._output / JOURNAL
        self._slices = int(read_journal(journal).header["task"]["max_fidelity"])
        return self._begin(name_of_search(self._output))


@contextmanager
def followed(
    storage: str | None, tracked: Sequence[str], output: Path, console: Console
) -> Generator[Sequence[Observer]]:
    """Observers of a search for the tools that are to show it.

    Args:
        storage: address of a storage of Optuna; None for none.
        tracked: further tools, each as `TOOL:ADDRESS`.
        output: folder of the search.
        console: where failures of the tools are said.

    Raises:
        ForetuneError: if a tool is unknown, its library is not installed, or the address is none.
    """

    def say(text: str) -> None:
        console.print(text, style="yellow", highlight=False, markup=False, soft_wrap=True)

    if storage is not None and "://" not in storage:
        message = (
            f"--storage got {storage!r}, expected the address of a database; give for instance sqlite:///{storage}"
        )
        raise ConfigurationError(message)
    asked = [*tracked, *([] if storage is None else [f"optuna:{storage}"])]
    observers = [Following(output, _beginning(one), say) for one in asked]
    yield observers
    for one in observers:
        one.end()


def _beginning(asked: str) -> Callable[[str], Follower]:
    """Of `TOOL:ADDRESS`, what makes a follower of the name of a search."""
    name, _, address = asked.partition(":")
    if name not in TOOLS or not address:
        known = ", ".join(f"{name}:{tool.address}" for name, tool in TOOLS.items())
        message = f"--track got {asked!r}, expected a tool and an address, such as {known}"
        raise ConfigurationError(message)
    tool = TOOLS[name]
    from foretune.interop.optional import library  # brings pandas, which mistakes should not wait for

    library(tool.needs, tool.extra)
    module, _, function = tool.where.partition(":")
    return partial(getattr(import_module(f"foretune.integrations.{module}"), function), address)
