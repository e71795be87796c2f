"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from foretune.session.scoring import MetricRequest

Columns = Annotated[
    str | None, typer.Option(metavar="NAME=COLUMN,...", help="Columns to take, such as prompt=Q,completion=A.")
]
LastTurnOnly = Annotated[bool, typer.Option("--last-turn-only", help="Learn the last answer of a conversation alone.")]
SkipBadRows = Annotated[
    bool, typer.Option("--skip-bad-rows", help="Leave out rows that cannot be used, and say how many.")
]
Guard = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", help="A second dataset, to see what finetuning costs there; `general` comes with foretune."
    ),
]
Cluster = Annotated[
    str | None, typer.Option(metavar="ray[:ADDRESS]", help="Train on a Ray cluster, --workers runs at the same time.")
]
Checkpoints = Annotated[
    str | None, typer.Option(metavar="URL", help="Folder or bucket that all nodes reach; by default the output folder.")
]
Device = Annotated[str, typer.Option(help="auto (a GPU if there is one), cpu, cuda, cuda:1, ...")]

MetricRows = Annotated[int, typer.Option(min=1, help="Most questions of a split that are answered for --metric.")]
Judge = Annotated[str, typer.Option("--judge", metavar="URL|local:MODEL", help="Chat model of --metric judge.")]
JudgeModel = Annotated[str, typer.Option("--judge-model", help="Name of the model at the URL of --judge.")]
Rubric = Annotated[Path | None, typer.Option(help="Text file that tells the judge what grades 1 to 5 mean.")]
KeyVariable = Annotated[str, typer.Option(help="Environment variable with the key of the chat model.")]
PromptPrice = Annotated[float | None, typer.Option(min=0, help="Dollars per million prompt tokens of the chat model.")]
CompletionPrice = Annotated[float | None, typer.Option(min=0, help="Likewise, of the answers.")]


def metric_request(
    name: str,
    judge: str,
    judge_model: str,
    rubric: Path | None,
    key_variable: str,
    prompt_price: float | None,
    completion_price: float | None,
    rows: int = 200,
) -> MetricRequest:
    """The options of a metric as one."""
    from foretune.session.scoring import MetricRequest
    from foretune.teacher.price import Price

    price = Price(prompt_price, completion_price)
    return MetricRequest(name, rows, judge, judge_model, rubric, key_variable, price)
