"""Made-up tasks, how configurations do on them, and meta-datasets of their runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from foretune.metadata import MetaDataset, read_meta_dataset
from foretune.metadata.common import at_width, relative_to_width
from foretune.metadata.frames import arrow_to_frame, frame_to_rows, rows_to_frame
from foretune.metadata.schema import CONFIGURATION_PREFIX, CURVE_COLUMNS, FEATURE_PREFIX
from foretune.metadata.write import write_meta_dataset
from foretune.space import Encoder, SearchSpace, load_space
from foretune.types import VALIDATION_NLL, Configuration, Task

SHIPPED = "foretune-tiny-v1"
"""Meta-dataset that made-up ones look like, and surrogates fitted on it."""
SLICES = 8
WIDTHS = {"made-up-s": 192, "made-up-m": 384, "made-up-l": 768}
"""Base model -> width."""


@dataclass(frozen=True)
class MadeUp:
    """Tasks and how configurations do on them.

    Attributes:
        features: (M, F) by the names of `names`.
        names: of meta-features.
        likes: (M, 3) where in the space of configurations the best one is.
        models: base model of each.
    """

    features: np.ndarray
    names: Sequence[str]
    likes: np.ndarray
    models: Sequence[str]

    def task(self, place: int) -> Task:
        features = dict(zip(self.names, self.features[place].tolist(), strict=True))
        rows = round(10 ** features["log_train_rows"])
        return Task(f"data-{place}@{rows}:{self.models[place]}", VALIDATION_NLL, features, SLICES)


def shipped_table() -> MetaDataset:
    return read_meta_dataset(SHIPPED)


def made_up_tasks(number: int, rng: np.random.Generator) -> MadeUp:
    """Meta-features with the covariance of those of the shipped tasks; what a task likes follows from them."""
    known = shipped_table().tasks
    columns = [name for name in known.columns if name.startswith(FEATURE_PREFIX)]
    real = known[columns].to_numpy(dtype=float)
    factors = rng.standard_normal((number, len(real)))
    features = real.mean(axis=0) + factors @ (real - real.mean(axis=0)) / np.sqrt(len(real) - 1)
    names = [name.removeprefix(FEATURE_PREFIX) for name in columns]
    models = [list(WIDTHS)[place % len(WIDTHS)] for place in range(number)]
    widths = np.array([WIDTHS[model] for model in models])
    features[:, names.index("model_log_width")] = np.log10(widths)
    features[:, names.index("model_log_parameters")] += 2.0 * np.log10(widths / min(WIDTHS.values()))
    loss = names.index("zero_shot_nll")
    features[:, loss] = np.maximum(features[:, loss], 1.0)
    likes = factors[:, :3] + 0.5 * rng.standard_normal((number, 3))
    return MadeUp(features, names, likes, models)


def gains(rows: np.ndarray, likes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n, 8) of encoded configurations: the nearer to what the task likes the better, some slowly, some overfitting."""
    axes = np.random.default_rng(0).standard_normal((rows.shape[1], 5))
    places = (rows - 0.5) @ axes / np.sqrt(rows.shape[1]) * 3.0
    reach = 2.0 * np.exp(-0.15 * ((places[:, :3] - likes) ** 2).sum(axis=1))
    done = np.arange(1, SLICES + 1) / SLICES
    learned = reach[:, None] * (1.0 - np.exp(-6.0 * np.exp(places[:, 3:4]) * done))
    lost = 0.3 * np.maximum(places[:, 4:5], 0.0) * done**2
    return learned - lost + 0.02 * rng.standard_normal(learned.shape)


def scores_of(task: Task, rows: np.ndarray, likes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return -task.meta_features["zero_shot_nll"] * np.exp(-gains(rows, likes, rng))


@dataclass(frozen=True)
class Shape:
    """Of a made-up meta-dataset."""

    tasks: int
    configurations: int
    common: float

    def __str__(self) -> str:
        return f"{self.tasks}x{self.configurations}-{self.common:g}"


def write_made_up(shape: Shape, folder: Path) -> None:
    rng = np.random.default_rng(0)
    made_up, spaces = made_up_tasks(shape.tasks, rng), {w: load_space("peft").at(w) for w in WIDTHS.values()}
    main, shipped = spaces[min(WIDTHS.values())], shipped_table()
    like_task, like_run = (frame_to_rows(frame.head(1))[0] for frame in (shipped.tasks, shipped.runs))
    shared = [main.default(), *main.sample(round(shape.common * shape.configurations), rng)]
    shared = list(dict.fromkeys(shared))[: max(round(shape.common * shape.configurations), 1)]
    tasks: list[dict[str, Any]] = []
    runs: list[dict[str, Any]] = []
    curves: list[dict[str, np.ndarray]] = []
    for place in range(shape.tasks):
        task, width = made_up.task(place), WIDTHS[made_up.models[place]]
        pool = _pool(shared, spaces[width], width, shape.configurations, rng)
        rows = Encoder.of(main).at(width).encode(pool)
        tasks.append(_task_row(task, place, like_task))
        runs += [_run_row(task, one, like_run) for one in pool]
        curves.append(_curve_columns(task, pool, scores_of(task, rows, made_up.likes[place], rng), rng))
    slices = pa.table({name: np.concatenate([one[name] for one in curves]) for name in curves[0]})
    frames = rows_to_frame("tasks", tasks), rows_to_frame("runs", runs), arrow_to_frame("curves", slices)
    defaults = {model: dict(spaces[width].default().values) for model, width in WIDTHS.items()}
    write_meta_dataset(MetaDataset(*frames, {"how": "made up", "defaults": defaults}), folder)


def _pool(
    shared: Sequence[Configuration], space: SearchSpace, width: int, number: int, rng: np.random.Generator
) -> list[Configuration]:
    """The shared ones and, where these are too few, draws of the task's own."""
    least = min(WIDTHS.values())
    kept = [space.default(), *(at_width(relative_to_width(one, least), width) for one in shared[1:])]
    drawn = space.sample(number - len(kept), rng) if number > len(kept) else []
    return list(dict.fromkeys([*kept, *drawn]))


def _task_row(task: Task, place: int, like: Mapping[str, Any]) -> dict[str, Any]:
    name, _, model = task.id.partition(":")
    dataset, _, rows = name.partition("@")
    loss = task.meta_features["zero_shot_nll"]
    own = {"task": task.id, "dataset": dataset, "model": model, "family": f"family-{place // 3}", "source": "made up"}
    scores = {f"zero_shot_{split}_value": loss for split in ("validation", "test")}
    features = {FEATURE_PREFIX + name: value for name, value in task.meta_features.items()}
    return {**like, **own, "license": "none", "n_train": max(int(rows), 1), **scores, **features}


def _run_row(task: Task, configuration: Configuration, like: Mapping[str, Any]) -> dict[str, Any]:
    shared = {name: value for name, value in like.items() if not name.startswith(CONFIGURATION_PREFIX)}
    own = {"run": f"{task.id}/{configuration.key}/0", "task": task.id, "seed": 0, "hardware": "none"}
    peak = 400_000_000 + 5_000_000 * int(configuration.values["batch_size"])
    values = {CONFIGURATION_PREFIX + name: value for name, value in configuration.values.items()}
    return {**shared, **own, "peak_memory_bytes": peak, **values}


def _curve_columns(
    task: Task, pool: Sequence[Configuration], scores: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """The slices of all runs of a task, one run after the other."""
    repeat, features = (lambda values: np.repeat(values, SLICES)), task.meta_features
    done = np.tile(np.arange(1, SLICES + 1), len(pool))
    epochs = repeat(np.array([float(one.values["epochs"]) for one in pool])) / SLICES
    batch = repeat(np.array([float(one.values["batch_size"]) for one in pool]))
    steps = epochs * np.ceil(10 ** features["log_train_rows"] / batch)
    tokens = epochs * 10 ** features["log_train_tokens"]
    seconds = 6e-5 * (tokens + 150.0 * steps) * np.exp(0.05 * rng.standard_normal(len(done)))
    known = {
        "run": repeat(np.array([f"{task.id}/{one.key}/0" for one in pool], dtype=object)),
        "fidelity": done,
        "epochs": epochs * done,
        "steps": np.ceil(steps * done).astype(np.int64),
        "tokens": np.ceil(tokens * done).astype(np.int64),
        "train_seconds": seconds,
        "evaluation_seconds": np.full(len(done), 0.3),
        **{f"{split}_value": -scores.ravel() for split in ("validation", "test")},
    }
    return {column.name: known.get(column.name, np.full(len(done), 0.5)) for column in CURVE_COLUMNS}
