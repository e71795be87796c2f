"""The child process that runs trials: `python -m foretune.execution.worker` reads jobs and writes answers.

See `foretune.execution.jobs` for both formats. The process lives long, so that the imports (10 s and more) and the
tokenized data are paid for once. Standard output belongs to the protocol: whatever a library prints goes to standard
error instead. The worker ends when its standard input does.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from datetime import date
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from foretune.errors import ForetuneError
from foretune.execution.jobs import Answer, Job, answer_to_json, job_from_json, read_records
from foretune.types import LearningCurve, Report, Status

if TYPE_CHECKING:
    from foretune.finetuning.data import TokenizedSplits


def serve(lines: Iterable[str], output: TextIO, run: Callable[[Job], Answer]) -> None:
    """Answer every job in `lines`.

    Args:
        lines: one job each.
        output: where the answers go, one line each.
        run: does the job; it reports failures of the trial, and raises only errors of the job.
    """
    _write(output, {"ready": True})
    for line in lines:
        job = job_from_json(json.loads(line))
        try:
            answer = run(job)
        except ForetuneError as error:
            answer = Answer(Report(job.trial, Status.FAILED, LearningCurve(), str(error)))
        _write(output, answer_to_json(answer))


def run_job(job: Job) -> Answer:
    """Finetune as the job says, in this process."""
    import torch  # noqa: PLC0415 (a parent that only starts workers imports no torch)

    from foretune.finetuning.train import finetune  # noqa: PLC0415 (see above)

    if job.threads is not None:
        torch.set_num_threads(job.threads)
    data = _tokenized(_Read(**{field.name: getattr(job, field.name) for field in fields(_Read)}))
    directory = Path(job.directory)
    report = finetune(
        job.trial,
        data,
        job.model,
        directory,
        seed=job.seed,
        device=job.device,
        test=job.test,
        timeout_seconds=job.timeout_seconds,
        keep_state=job.keep_state,
        processor_time=job.processor_time,
    )
    return Answer(report, *read_records(directory, len(report.curve)))


@dataclass(frozen=True)
class _Read:
    """The part of a job that decides its data; see `Job`."""

    data: str
    model: str
    train_rows: int | None
    validation_rows: int | None
    test_rows: int | None
    data_seed: int
    max_length: int
    end: int | None
    columns: str | None
    last_turn_only: bool
    skip_bad_rows: bool
    today: str | None


@lru_cache(maxsize=64)
def _tokenized(job: _Read) -> TokenizedSplits:
    from foretune.finetuning.data import load_splits, tokenize  # noqa: PLC0415 (see above)
    from foretune.finetuning.model import load_tokenizer  # noqa: PLC0415 (see above)

    splits = load_splits(
        job.data,
        seed=job.data_seed,
        train_rows=job.train_rows,
        validation_rows=job.validation_rows,
        test_rows=job.test_rows,
        columns=job.columns,
        last_turn_only=job.last_turn_only,
        skip_bad_rows=job.skip_bad_rows,
    )
    tokenizer = load_tokenizer(job.model)
    end = _end_of(job.model) if job.end is None else job.end
    today = date.fromisoformat(job.today) if job.today else None
    return tokenize(splits, tokenizer, job.max_length, end_token_id=end, today=today)


@lru_cache(maxsize=8)
def _end_of(model: str) -> int:
    from foretune.finetuning.ending import find_ending  # noqa: PLC0415 (see above)
    from foretune.finetuning.model import load_model, load_tokenizer  # noqa: PLC0415 (see above)

    return find_ending(load_model(model), load_tokenizer(model)).token


def _write(output: TextIO, values: dict[str, Any]) -> None:
    output.write(json.dumps(values, ensure_ascii=False) + "\n")
    output.flush()


def _keep_output_for_protocol() -> TextIO:
    """Take a private duplicate of standard output, and lead file descriptor 1 to standard error."""
    private = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return os.fdopen(private, "w", encoding="utf-8")


def main() -> None:
    """Serve the parent until it closes our standard input."""
    output = _keep_output_for_protocol()
    import_module("foretune.finetuning.train")  # the slow imports belong before "ready"
    serve(sys.stdin, output, run_job)


if __name__ == "__main__":
    main()
