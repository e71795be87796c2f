"""The tools of `foretune mcp` as plain functions; their docstrings are what an agent reads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from foretune.cli.answer import plain
from foretune.errors import JournalError


class Tools:
    """What an agent may ask for; knows the searches that it has begun."""

    def __init__(self) -> None:
        self._begun: dict[Path, subprocess.Popen[bytes]] = {}

    def recommend(
        self,
        data: str,
        model: str = "foretune-tiny",
        top: int = 5,
        budget: str | None = None,
        hardware: str | None = None,
        space: str | None = None,
    ) -> dict[str, Any]:
        """Rank configurations for finetuning a model on a dataset by predicted results, without training.

        Args:
            data: JSONL, JSON, CSV or Parquet file, folder of splits, or hub name.
            model: base model: foretune-tiny, a folder, or a hub name; its weights need not be there.
            top: number of configurations.
            budget: leave out runs that are predicted to take longer, such as 90s, 10m or 2h.
            hardware: accelerator to train a large model on, such as rtx-4090 or h100.
            space: only configurations of this search space: a shipped name or a YAML file.
        """
        from foretune.api import recommend
        from foretune.session.checks import check_accelerator

        check_accelerator(hardware)
        advice = recommend(_found(data), model=model, top=top, budget=budget, hardware=hardware, space=space)
        return plain(advice)

    def tune(
        self,
        data: str,
        output: str,
        budget: str,
        model: str = "foretune-tiny",
        seed: int = 0,
        train_rows: int | None = None,
        max_slices: int | None = None,
        space: str = "peft",
        guard: str | None = None,
        default_comparison: bool = True,
        resume: bool = False,
    ) -> dict[str, Any]:
        """Start a search for the best finetuning of a model on a dataset, and return at once.

        The search goes on if the server ends. SIGTERM to its process ends it early and keeps the best.

        Args:
            data: JSONL, JSON, CSV or Parquet file, folder of splits, or hub name.
            output: new folder for the results; ask for its status.
            budget: time that the search may take, such as 90s, 10m or 2h.
            model: base model: foretune-tiny, a folder, or a hub name.
            seed: of everything random.
            train_rows: train on only so many rows.
            max_slices: train no more slices than this; a whole run has eight.
            space: search space: a shipped name or a YAML file.
            guard: second dataset, to see what finetuning costs there; general comes with foretune.
            default_comparison: train the default configuration, too, for comparison, outside of the budget.
            resume: go on with the search in the folder, with a larger budget if it has ended.
        """
        from foretune.session.durations import parse_seconds
        from foretune.session.folder import check_folder, check_not_running
        from foretune.session.options import TuneOptions
        from foretune.session.search import check_settings

        run = _absolute(output)
        parse_seconds(budget)
        options = TuneOptions.of(_found(data), model, seed=seed, train_rows=train_rows, space=space, guard=guard)
        check_not_running(run)
        check_folder(run, options, resume=resume)
        check_settings(options)
        given = {
            "--output": run,
            "--budget": budget,
            "--model": model,
            "--seed": seed,
            "--train-rows": train_rows,
            "--max-slices": max_slices,
            "--space": space,
            "--guard": guard,
        }
        asked = [text for name, value in given.items() if value is not None for text in (name, str(value))]
        asked += ["--resume"] if resume else []
        asked += [] if default_comparison else ["--no-default-comparison"]
        log = _log_of(run)
        run.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "foretune.cli", "tune", _found(data), *asked],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._begun[run] = process
        return {"run": str(run), "state": "loading", "pid": process.pid, "log": str(log)}

    def status(self, run: str) -> dict[str, Any]:
        """Say how far a search is: state, trials, the best so far, the budget, and what is trained now.

        Args:
            run: folder of the search.
        """
        from foretune.session.status import status_of

        folder = _absolute(run)
        process = self._begun.get(folder)
        ended = process and process.poll()
        try:
            found: dict[str, Any] = plain(status_of(folder))
        except JournalError:
            if process is None:
                raise
            if ended is None:
                return {"run": str(folder), "state": "loading"}
            raise JournalError(f"the search has ended with exit code {ended}: {_last_line(folder)}") from None
        if process is not None and ended is None:
            return {**found, "state": "running"}
        return {**found, "message": _last_line(folder)} if ended else found

    def report(self, run: str) -> dict[str, Any]:
        """Tell what a finished search has found: its adapter, how it was trained, and its scores.

        Args:
            run: folder of a finished search or run.
        """
        from foretune.run import load_run
        from foretune.session.folder import is_locked

        folder = _absolute(run)
        if is_locked(folder):
            raise JournalError(f"the search in {folder} is still running; ask for its status until it is finished")
        return plain(load_run(folder))


def _absolute(path: str) -> Path:
    return Path(path).expanduser().absolute()


def _found(data: str) -> str:
    """A path as it is found from everywhere; a name on the hub as it is."""
    path = _absolute(data)
    return str(path) if path.exists() else data


def _log_of(run: Path) -> Path:
    return run.with_name(f"{run.name}.log")


def _last_line(run: Path) -> str:
    """What the search said at last."""
    lines = _log_of(run).read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "it said nothing").removeprefix("foretune: ")
