"""The child process that runs trials: `python -m foretune.execution.worker` reads jobs and writes answers.

See `foretune.execution.jobs` for both formats. The process lives long, so that the imports (10 s and more) and the
tokenized data are paid for once. Standard output belongs to the protocol: whatever a library prints goes to standard
error instead. The worker ends when its standard input does, or in the middle of a job when its parent is gone: what
goes on with the search may need the same folders.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from foretune.errors import ForetuneError, OutputError
from foretune.execution.jobs import Answer, Job, answer_to_json, job_from_json, read_records
from foretune.request import DataRequest
from foretune.types import LearningCurve, Report, Status

if TYPE_CHECKING:
    from foretune.finetuning.data import TokenizedSplits


_LOOK_SECONDS = 0.5
"""Between two looks at whether the parent is still there."""


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
        except OutputError as error:
            _write(output, {"unwritable": str(error)})
            continue
        except ForetuneError as error:
            answer = Answer(Report(job.trial, Status.FAILED, LearningCurve(), str(error)))
        _write(output, answer_to_json(answer))


def run_job(job: Job) -> Answer:
    """Finetune as the job says, in this process."""
    import torch  # noqa: PLC0415 (a parent that only starts workers imports no torch)

    from foretune.finetuning.train import finetune  # noqa: PLC0415 (see above)

    if job.threads is not None:
        torch.set_num_threads(job.threads)
    data = _tokenized(job.data, job.model)
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
        memory_bytes=job.memory_bytes,
    )
    return Answer(report, *read_records(directory, len(report.curve)))


@lru_cache(maxsize=64)
def _tokenized(request: DataRequest, model: str) -> TokenizedSplits:
    from foretune.finetuning.data import read_tokens  # noqa: PLC0415 (see above)
    from foretune.finetuning.model import load_tokenizer  # noqa: PLC0415 (see above)

    end = _end_of(model) if request.end is None else request.end
    return read_tokens(replace(request, end=end), load_tokenizer(model))[1]


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


def _end_with(parent: int) -> None:
    """End the process soon after its parent has ended."""
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os._exit(1)


def main() -> None:
    """Serve the parent until it closes our standard input."""
    output = _keep_output_for_protocol()
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    import_module("foretune.finetuning.train")  # the slow imports belong before "ready"
    serve(sys.stdin, output, run_job)


if __name__ == "__main__":
    main()
