"""The metric that a user names: checked at once, and the scorer of answers that it stands for."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from foretune.errors import ConfigurationError, DataError
from foretune.metrics import JUDGE, METRICS, NLL
from foretune.session.checks import check_name
from foretune.session.teachers import check_teacher, is_local, open_teacher
from foretune.teacher.price import Price

if TYPE_CHECKING:
    from foretune.metrics.judge import Judge
    from foretune.metrics.protocol import Scorer

REPLIES = ".judge.jsonl"
"""Replies of the judge, in the folder of a run."""

_LONGEST_RUBRIC = 10_000
"""Characters."""


@dataclass(frozen=True)
class MetricRequest:
    """What answers are scored by.

    Attributes:
        name: one of `foretune.metrics.METRICS`.
        rows: most questions of a split that are answered.
        judge: of the metric `judge`: the address of a chat model, or `local:MODEL`.
        judge_model: name of the model at the address.
        rubric: file that says what grades mean; None for the one of foretune.
        key_variable: environment variable with the key of the address.
        price: of tokens of the judge.
    """

    name: str = NLL
    rows: int = 200
    judge: str = ""
    judge_model: str = ""
    rubric: Path | None = None
    key_variable: str = "OPENAI_API_KEY"
    price: Price = field(default_factory=Price)

    @property
    def writes(self) -> bool:
        """Whether answers are written for it."""
        return self.name != NLL

    @property
    def scorer(self) -> dict[str, str]:
        """Who scores an answer, as journals keep it: the time of a question depends on this."""
        return {"name": self.name, "judge": self.judge, "judge_model": self.judge_model}

    @property
    def words(self) -> list[str]:
        """The options of the command line that are not at their defaults."""
        default = MetricRequest()
        given = {
            "--metric": (self.name, default.name),
            "--metric-rows": (self.rows, default.rows),
            "--judge": (self.judge, default.judge),
            "--judge-model": (self.judge_model, default.judge_model),
            "--rubric": (self.rubric, default.rubric),
            "--key-variable": (self.key_variable, default.key_variable),
            "--prompt-price": (self.price.prompt, None),
            "--completion-price": (self.price.completion, None),
        }
        return [word for option, (value, usual) in given.items() if value != usual for word in (option, str(value))]


def check_metric(request: MetricRequest) -> None:
    """What can be said of a metric before anything heavy is imported.

    Raises:
        ForetuneError: there is no such metric, or its judge cannot be asked.
    """
    check_name("metric", request.name, METRICS)
    if request.rows < 1:
        raise ConfigurationError(f"{request.rows} rows cannot be scored; give at least 1 to --metric-rows")
    if request.name != JUDGE:
        if request.judge or request.judge_model or request.rubric:
            raise ConfigurationError(f"the metric {request.name} asks no judge; add --metric judge, or leave it out")
        return
    if not request.judge:
        raise ConfigurationError("who is to judge? give --judge URL with --judge-model NAME, or --judge local:MODEL")
    needed = ("pydantic", "llguidance" if is_local(request.judge) else "openai")
    if missing := [name for name in needed if find_spec(name) is None]:
        message = f"a judge needs {', '.join(missing)}; install with: pip install 'foretune[synthesize]'"
        raise ConfigurationError(message)
    check_teacher(request.judge, request.judge_model, "--judge-model")
    _rubric(request)


def open_scorer(request: MetricRequest, folder: Path | None, *, device: str = "auto") -> Scorer:
    """The scorer of a metric for which answers are written.

    Args:
        request: checked.
        folder: of the run, where a judge's replies are kept; None to keep none.
        device: of a judge of this machine.
    """
    if request.name == JUDGE:
        return open_judge(request, folder, device=device)
    from foretune.metrics.text import TextScorer

    return TextScorer(request.name)


def open_judge(request: MetricRequest, folder: Path | None, *, device: str = "auto") -> Judge:
    """The judge, see `open_scorer`."""
    from foretune.metrics.judge import RUBRIC, Judge
    from foretune.teacher.cache import Remembered

    teacher = open_teacher(request.judge, request.judge_model, key_variable=request.key_variable, device=device)
    remembered = teacher if folder is None else Remembered(teacher, folder / REPLIES)
    return Judge(remembered, _rubric(request) or RUBRIC)


def _rubric(request: MetricRequest) -> str:
    if request.rubric is None:
        return ""
    try:
        text = request.rubric.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise DataError(f"the rubric {request.rubric} cannot be read ({error}); give a text file in UTF-8") from None
    if not 0 < len(text) <= _LONGEST_RUBRIC:
        raise DataError(f"the rubric {request.rubric} has {len(text):,} characters; write 1 to {_LONGEST_RUBRIC:,}")
    return text
