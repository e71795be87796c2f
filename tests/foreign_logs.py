"""Logs as other tools write them, of runs that a test makes up: one writer for each kind of import."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from foretune.interop import ImportOptions

START = 1_700_000_000.0


@dataclass(frozen=True)
class Log:
    """A run as a tool has recorded it.

    Attributes:
        name: of the run.
        values: of the metric, a loss.
        steps: at which they were logged.
        seconds: since the value before.
        parameters: hyperparameters.
        state: `ok`, `failed` or `stopped`.
    """

    name: str
    values: Sequence[float]
    steps: Sequence[int]
    seconds: Sequence[float]
    parameters: Mapping[str, Any] = field(default_factory=lambda: {"learning_rate": 1e-3, "rank": 8})
    state: str = "ok"

    @property
    def times(self) -> list[float]:
        """Of the clock, at which values were logged."""
        return [START + passed for passed in accumulate(self.seconds)]


def options(dataset: str, **more: Any) -> ImportOptions:
    """What only the owner of the logs knows."""
    return ImportOptions(**{"metric": "eval_loss", "dataset": dataset, "model": "org/base", "rows": 100} | more)


Written = tuple[list[str], ImportOptions]


def _number(value: float) -> str:
    return repr(value)


def write_csv(folder: Path, logs: Sequence[Log], dataset: str) -> Written:
    names = sorted({name for log in logs for name in log.parameters})
    lines = [",".join(["id", "at", "loss", "spent", "state", *names])]
    for log in logs:
        values = [str(log.parameters.get(name, "")) for name in names]
        for step, value, spent in zip(log.steps, log.values, log.seconds, strict=True):
            cells = [log.name, str(step), _number(value), _number(spent), log.state, *values]
            lines.append(",".join(cells))
    (folder / "runs.csv").write_text("\n".join(lines) + "\n")
    kinds = {name: "text" if name == "method" else "number" for name in names}
    mapping = {
        "layout": "long",
        "resample": True,
        "task": {
            "dataset": {"value": dataset},
            "model": {"value": "org/base"},
            "rows": {"value": 100},
            "metric": {"value": "eval_loss"},
            "direction": {"value": "minimize"},
        },
        "run": {"name": "id", "status": "state"},
        "slices": {"value": "loss", "seconds": "spent", "fidelity": "at", "steps": "at"},
        "hyperparameters": {name: {"column": name, "type": kinds[name]} for name in names},
    }
    (folder / "mapping.yaml").write_text(json.dumps(mapping))
    return [str(folder / "runs.csv")], options(dataset, mapping=folder / "mapping.yaml")


def write_mlflow(folder: Path, logs: Sequence[Log], dataset: str) -> Written:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        tracking = pytest.importorskip("mlflow.tracking")
        client = tracking.MlflowClient(tracking_uri=folder.as_uri())
        experiment = client.create_experiment("runs")
        states = {"ok": "FINISHED", "failed": "FAILED", "stopped": "KILLED"}
        for log in logs:
            run = client.create_run(experiment, run_name=log.name, start_time=int(1000 * START)).info.run_id
            for name, value in log.parameters.items():
                client.log_param(run, name, value)
            for step, value, time in zip(log.steps, log.values, log.times, strict=True):
                client.log_metric(run, "eval_loss", value, timestamp=int(1000 * time), step=step)
            client.set_terminated(run, states[log.state])
    return [str(folder)], options(dataset)


def write_optuna(folder: Path, logs: Sequence[Log], dataset: str) -> Written:
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    file = folder / "study.log"
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(file)))
    study = optuna.create_study(storage=storage, study_name=dataset)
    states = optuna.trial.TrialState
    kinds = {"ok": states.COMPLETE, "failed": states.FAIL, "stopped": states.PRUNED}
    for number, log in enumerate(logs):
        whole = log.state == "ok" and len(log.values) and math.isfinite(log.values[-1])
        state = kinds[log.state if log.state != "ok" or whole else "failed"]
        began = datetime.fromtimestamp(START + number, UTC).replace(tzinfo=None)
        spent = timedelta(seconds=float(sum(log.seconds)))
        trial = optuna.trial.FrozenTrial(
            number=number,
            state=state,
            value=log.values[-1] if whole else None,
            datetime_start=began,
            datetime_complete=began + spent,
            params=dict(log.parameters),
            distributions={
                name: optuna.distributions.CategoricalDistribution([value]) for name, value in log.parameters.items()
            },
            user_attrs={},
            system_attrs={},
            intermediate_values=dict(zip(log.steps, log.values, strict=True)),
            trial_id=number,
        )
        study.add_trial(trial)
    return [str(file)], options("")


def write_tensorboard(folder: Path, logs: Sequence[Log], dataset: str) -> Written:
    writer = pytest.importorskip("tensorboard.summary.writer.event_file_writer")
    event = pytest.importorskip("tensorboard.compat.proto.event_pb2").Event
    summary = pytest.importorskip("tensorboard.compat.proto.summary_pb2").Summary
    for log in logs:
        events = writer.EventFileWriter(str(folder / "logs" / log.name))
        events.add_event(event(wall_time=START, step=0))
        for step, value, time in zip(log.steps, log.values, log.times, strict=True):
            one = summary(value=[summary.Value(tag="eval_loss", simple_value=value)])
            events.add_event(event(wall_time=time, step=step, summary=one))
        events.close()
    (folder / "settings.json").write_text(json.dumps({log.name: dict(log.parameters) for log in logs}))
    return [str(folder / "logs")], options(dataset, settings=folder / "settings.json")


def write_trainer(folder: Path, logs: Sequence[Log], dataset: str) -> Written:
    for log in logs:
        out = folder / log.name
        out.mkdir(parents=True)
        history: list[dict[str, Any]] = []
        for step, value in zip(log.steps, log.values, strict=True):
            history.append({"eval_loss": value, "eval_runtime": 0.125, "epoch": step / 25, "step": step})
        last = max([1, *log.steps])
        planned = last if log.state == "ok" else 2 * last
        runtime = float(sum(log.seconds)) + 0.125 * len(history)
        history.append({"train_runtime": runtime, "train_loss": 1.0, "epoch": last / 25, "step": last})
        state = {"global_step": last, "max_steps": planned, "num_train_epochs": math.ceil(planned / 25)}
        state |= {"epoch": last / 25, "train_batch_size": 4, "log_history": history}
        (out / "trainer_state.json").write_text(json.dumps(state))
        (out / "adapter_config.json").write_text(
            json.dumps({"peft_type": "LORA", "r": log.parameters.get("rank", 8), "lora_alpha": 16})
        )
    settings = {log.name: dict(log.parameters) for log in logs}
    (folder / "settings.json").write_text(json.dumps(settings))
    return [str(folder)], options(dataset, settings=folder / "settings.json")


def write_quicktunetool(folder: Path, logs: Sequence[Log], dataset: str) -> Written:
    names = sorted({name for log in logs for name in log.parameters})
    width = max(len(log.values) for log in logs)

    def table(name: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        lines = [["", *columns], *([str(at), *map(str, row)] for at, row in enumerate(rows))]
        (folder / f"{name}.csv").write_text("\n".join(",".join(line) for line in lines) + "\n")

    table("config", names, [[log.parameters.get(name, "") for name in names] for log in logs])
    slices = [str(number) for number in range(1, width + 1)]
    gaps = [[""] * (width - len(log.values)) for log in logs]
    table("curve", slices, [[*map(_number, log.values), *gap] for log, gap in zip(logs, gaps, strict=True)])
    table("cost", slices, [[*map(_number, log.seconds), *gap] for log, gap in zip(logs, gaps, strict=True)])
    table("meta", ["log_train_rows", "classes"], [[2.0, 3.0] for _ in logs])
    return [str(folder)], options(dataset)


def write_peft(folder: Path, logs: Sequence[Log], dataset: str) -> Written:
    for number, log in enumerate(logs):
        elapsed = list(accumulate(log.seconds))
        metrics = [
            {"step": step, "valid accuracy": value, "elapsed time": time, "eval time": spent / 4}
            for step, value, time, spent in zip(log.steps, log.values, elapsed, log.seconds, strict=True)
        ]
        rate = log.parameters.get("learning_rate", 1e-3)
        said = {
            "experiment_name": f"lora/base-{log.name}",
            "error_msg": "",
            "created_at": "2026-01-01T00:00:00+00:00",
            "train_config": {
                "model_id": "org/base",
                "batch_size": 4,
                "seed": number,
                "optimizer_type": "AdamW",
                "optimizer_kwargs": {"lr": rate},
            },
            "peft_config": {"peft_type": "LORA", "r": log.parameters.get("rank", 8), "lora_alpha": 16},
        }
        status = "success" if log.state == "ok" else "failed"
        found = {"run_info": said, "train_info": {"status": status, "metrics": metrics}, "meta_info": {}}
        (folder / f"{number}.json").write_text(json.dumps(found))
    return [str(folder)], options(dataset, metric="")


def write_taskset(folder: Path, logs: Sequence[Log], dataset: str) -> Written:
    width = max(len(log.values) for log in logs)
    curves = np.full((len(logs), width + 1), np.nan)
    for row, log in zip(curves, logs, strict=True):
        row[0], row[1 : len(log.values) + 1] = 1.0, log.values
    rates = np.array([[float(log.parameters.get("learning_rate", 1e-3)), 0.5] for log in logs])
    names = np.array(["learning_rate", "beta1"])
    np.savez(folder / f"{dataset}.npz", hp_names=names, X=rates, valid=curves, test=curves)
    return [str(folder / f"{dataset}.npz")], options(dataset, metric="")


def write_tinker(folder: Path, logs: Sequence[Log], dataset: str) -> Written:
    lines = ["# Sweep", "", f"- Dataset: {dataset}", "- Batch size: 4", "- Training steps: 25", "- Adapter: LoRA", ""]
    lines += ["## org/base-1B", "", "| LR | LoRA Rank | Test NLL | Wall Time (min) |", "|---|---|---|---|"]
    for log in logs:
        cells = [log.parameters.get("learning_rate", 1e-3), log.parameters.get("rank", 8)]
        cells += [_number(log.values[-1]), _number(float(sum(log.seconds)) / 60)]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    (folder / "sweep.md").write_text("\n".join(lines) + "\n")
    return [str(folder)], ImportOptions()


def write_scaling_law(folder: Path, logs: Sequence[Log], dataset: str) -> Written:
    """The values of a run as losses after 100, 200, ... rows; a table has no configurations."""
    longest = max(len(log.values) for log in logs)
    sizes = [100 * number for number in range(1, longest + 1)]
    lines = [",".join(["config name", "0", *map(str, sizes), "size", "family"])]
    for log in logs:
        losses = [*map(_number, log.values), *[_number(log.values[-1])] * (longest - len(log.values))]
        lines.append(",".join([f"org/{log.name}", "9.5", *losses, "1000000", "base"]))
    (folder / f"{dataset}.csv").write_text("\n".join(lines) + "\n")
    return [str(folder)], ImportOptions()


def write_fms_acceleration(folder: Path, logs: Sequence[Log], dataset: str) -> Written:
    names = ["model_name_or_path", "framework_config", "num_gpus", "per_device_train_batch_size", "learning_rate"]
    lines = [",".join([*names, "train_runtime", "train_loss"])]
    for log in logs:
        figures = ["", ""] if log.state == "failed" else [_number(float(sum(log.seconds))), _number(log.values[-1])]
        rate = str(log.parameters.get("learning_rate", 1e-3))
        lines.append(",".join(["org/base-3B", "none", "1", "4", rate, *figures]))
    (folder / "a100_80gb.csv").write_text("\n".join(lines) + "\n")
    return [str(folder)], ImportOptions(rows=100)


def write_litgpt(folder: Path, logs: Sequence[Log], dataset: str) -> Written:
    columns = ["Config", "Model", "Epochs", "Micro batch size", "Machine", "Training runtime", "Peak memory"]
    rows = [[*columns, "Validation loss"], ["---"] * (len(columns) + 1)]
    for epochs, log in enumerate(logs, start=1):
        figures = [f"{_number(float(sum(log.seconds)) / 60)} min", "1.5 GB", _number(log.values[-1])]
        figures = ["OOM"] * 3 if log.state == "failed" else figures
        rows.append(["base-4b/lora.yaml", "base-4b", str(epochs), "1", "1xA10G", *figures])
    (folder / "table.md").write_text("".join(f"| {' | '.join(row)} |\n" for row in rows))
    return [str(folder)], ImportOptions(dataset=dataset)


def write_hf_cards(folder: Path, logs: Sequence[Log], dataset: str) -> Written:
    cards = [
        {
            "url": f"https://hub/org/{log.name}",
            "model": "org/base-2B",
            "dataset": dataset,
            "lr": log.parameters.get("learning_rate", 1e-3),
            "epochs_planned": 2 * log.steps[-1] if log.state == "stopped" else None,
            "epoch": list(log.steps),
            "eval_loss": list(log.values),
        }
        for log in logs
    ]
    (folder / "cards.json").write_text(json.dumps(cards))
    return [str(folder)], ImportOptions(rows=100)


def write_public_llm(folder: Path, logs: Sequence[Log], dataset: str) -> Written:
    parts = {
        "peft_metamathqa": write_peft,
        "tinker_sft_sweep": write_tinker,
        "scaling_law_finetuning": write_scaling_law,
        "hf_cards": write_hf_cards,
        "fms_acceleration_costs": write_fms_acceleration,
        "litgpt_costs": write_litgpt,
    }
    for part, write in parts.items():
        (folder / part).mkdir()
        write(folder / part, logs, dataset)
    return [str(folder)], ImportOptions(dataset=dataset)


WRITERS: dict[str, Callable[[Path, Sequence[Log], str], Written]] = {
    "csv": write_csv,
    "fms-acceleration": write_fms_acceleration,
    "hf-cards": write_hf_cards,
    "litgpt": write_litgpt,
    "mlflow": write_mlflow,
    "optuna": write_optuna,
    "peft": write_peft,
    "public-llm": write_public_llm,
    "quicktunetool": write_quicktunetool,
    "scaling-law": write_scaling_law,
    "taskset": write_taskset,
    "tensorboard": write_tensorboard,
    "tinker": write_tinker,
    "trainer-state": write_trainer,
}

WITHOUT_RANKING = frozenset({"fms-acceleration", "scaling-law"})
"""Kinds that tell nothing about which configuration is best: by losses of training, or of one run a task."""
