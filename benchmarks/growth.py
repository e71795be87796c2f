"""How the cost of a search, and of fitting what it knows, grows: tables, and a figure with `--plot`.

Run: python benchmarks/growth.py [--plot docs/images/growth.png] [--out FOLDER] [--parts candidates observations runs]
     [--candidates N ...] [--observations N ...] [--shapes 25x50 ...] [--common 1.0 0.6] [--meta META ...] [--asks 15]

What `foretune tune` and `foretune fit` do by default is measured: the optimizer `transfer-in-context` and surrogates of
the kind `in-context`.

- candidates: a slice of a search (ask and tell) with the shipped surrogates, few slices seen, by size of the pool.
- observations: the same with 1,000 candidates, by slices seen: in a search as it goes ("search"), and after histories
  made by hand, of whole runs ("whole runs") and of one slice each ("single slices").
- runs: reading, fitting and searching with meta-datasets of TASKSxCONFIGURATIONS runs of 8 slices, of which the share
  --common is of the same configurations on all tasks (1: all of them; 0.6: as `foretune collect` draws them by default;
  the others are run on one task each). --meta adds recorded ones.

Runs and answers are made up, from a seed: plausible curves whose best configuration follows from meta-features that are
drawn as those of the shipped tasks are spread; no figure made from them says anything about finetuning. Meta-datasets
are written to disk and read back as any other.

Each measurement has a process of its own, on one thread. Seconds are those of that process's CPU, for other work on the
machine moves the clock on the wall and not these (or hardly: caches are shared). Memory is the most that the process
ever had (ru_maxrss), imports included. One that would allocate more than --memory gigabytes ends, and is shown as "-".
With --out tables, surrogates and results are kept, and what is finished is not measured again.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits

from foretune.metadata import MetaDataset, read_meta_dataset
from foretune.metadata.common import at_width, relative_to_width
from foretune.metadata.frames import arrow_to_frame, frame_to_rows, rows_to_frame
from foretune.metadata.schema import CONFIGURATION_PREFIX, CURVE_COLUMNS, FEATURE_PREFIX
from foretune.metadata.write import write_meta_dataset
from foretune.optimizer import Optimizer, make_optimizer
from foretune.optimizer.pool import candidate_pool
from foretune.report.plot_style import BEST, DEFAULT, FAINT, INK, dress, new_figure, scale_axis
from foretune.space import Encoder, SearchSpace, load_space
from foretune.surrogate import load_surrogates, save_surrogates
from foretune.surrogate.encoders import encoder_for
from foretune.surrogate.examples import read_runs
from foretune.surrogate.fit import default_of, fit
from foretune.surrogate.fit_in_context import fit_in_context
from foretune.surrogate.protocol import Surrogates
from foretune.types import VALIDATION_NLL, Configuration, LearningCurve, Report, Status, Task, Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SLICES = 8
CANDIDATES = 1000
OPTIMIZER = "transfer-in-context"
WIDTHS = {"made-up-s": 192, "made-up-m": 384, "made-up-l": 768}
"""Base model -> width."""
SPREADS = {"search": 0, "whole runs": SLICES, "single slices": 1}
"""How observations are spread -> slices of each configuration that is told before measuring; 0: what a search asks."""
FEW = 3
"""Asks before measuring, the first ones of which set everything up."""
MOST_MS, MOST_FIT_SECONDS, MOST_GB = 10.0, 180.0, 1.0
"""What is aimed at."""
SHIPPED = Path(str(files("foretune"))) / "data"
Figures = Mapping[str, Any]
cpu = time.process_time


# Made-up tasks and runs


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
    return read_meta_dataset(SHIPPED / "meta_datasets" / "foretune-tiny-v1")


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


# A search whose answers are made up


class Search:
    """An optimizer on a made-up task, and what its trials would come to."""

    def __init__(self, surrogates: Surrogates, candidates: int) -> None:
        rng = np.random.default_rng(1)
        made_up = made_up_tasks(1, rng)
        self.task, width = made_up.task(0), WIDTHS[made_up.models[0]]
        space = load_space("peft", hidden_size=width)
        pool = candidate_pool(space, width, surrogates.performance.recorded, candidates, rng)[:candidates]
        self.pool = list(dict.fromkeys([space.default(), *pool]))
        rows = Encoder.of(space).encode(self.pool)
        scores = scores_of(self.task, rows, made_up.likes[0], rng)
        self.scores = {one.key: values for one, values in zip(self.pool, scores, strict=True)}
        self.optimizer: Optimizer = make_optimizer(OPTIMIZER, self.task, pool, space.default(), surrogates)
        self.seen: dict[str, int] = {}

    @property
    def slices(self) -> int:
        return sum(self.seen.values())

    def step(self) -> float:
        """CPU seconds of an ask and a tell."""
        begun = cpu()
        trial = self.optimizer.ask()
        asked = cpu() - begun
        assert trial is not None, "every candidate is trained; give more of them"
        return asked + self.tell(trial)

    def tell(self, trial: Trial) -> float:
        """CPU seconds of a tell."""
        key, upto = trial.configuration.key, trial.fidelity
        curve = LearningCurve(self.scores[key][:upto], np.ones(upto))
        self.seen[key] = upto
        report = Report(trial, Status.OK, curve, seconds=float(upto - trial.resumes_from))
        begun = cpu()
        self.optimizer.tell(report)
        return cpu() - begun

    def tell_slices(self, upto: int, each: int) -> None:
        """The default's whole run, and so many slices of one candidate after the other, until so many are seen."""
        for number, one in enumerate(self.pool):
            left = upto - self.slices
            if left <= 0:
                return
            self.tell(Trial(number, one, fidelity=min(left, each if number else SLICES)))


# What is measured, each in a process of its own


def nothing(_: Path) -> Figures:
    """What the imports take."""
    return {}


def search_candidates(_: Path, candidates: int, asks: int) -> Figures:
    search = Search(shipped_surrogates(), candidates)
    first = [search.step() for _ in range(FEW)]
    return {"first": sum(first[:2]), "later": median(search.step() for _ in range(asks)), "slices": search.slices}


def search_observations(_: Path, spread: str, observations: Sequence[int], asks: int) -> Figures:
    """For each number of slices seen, the median of the asks after it, and the configurations these are of."""
    found: dict[str, Any] = {}
    for search, number in searches(SPREADS[spread], observations):
        tried = len(search.seen)
        found[str(number)] = {"later": median(search.step() for _ in range(asks)), "configurations": tried}
    return found


def searches(each: int, observations: Sequence[int]) -> Iterator[tuple[Search, int]]:
    """A search that has seen so many slices, for every such number."""
    surrogates = shipped_surrogates()
    search = Search(surrogates, CANDIDATES)
    for number in observations:
        if each:
            search = Search(surrogates, CANDIDATES)
            search.tell_slices(number, each)
            search.step()  # sets everything up
        while search.slices < number:
            search.step()
        yield search, number


def shipped_surrogates() -> Surrogates:
    return load_surrogates(SHIPPED / "surrogates" / "foretune-tiny-v1")


def table_folder(out: Path, table: str) -> Path:
    """Of a made-up meta-dataset by its shape, or of a recorded one by its path."""
    return Path(table) if Path(table).is_dir() else out / "tables" / table


def make_table(out: Path, tasks: int, configurations: int, common: float) -> Figures:
    shape, begun = Shape(tasks, configurations, common), cpu()
    write_made_up(shape, table_folder(out, str(shape)))
    return {"seconds": cpu() - begun}


def fit_performance(out: Path, table: str) -> Figures:
    """Reading, and the performance surrogate alone."""
    begun = cpu()
    meta = read_meta_dataset(table_folder(out, table))
    read = cpu()
    runs, encoder = read_runs([meta]), encoder_for([meta])
    names = sorted(runs[0].task.meta_features)
    prepared = cpu()
    surrogate = fit_in_context(runs, encoder, names, reference=default_of([meta]))
    seconds = {"read": read - begun, "runs_read": prepared - read, "performance": cpu() - prepared}
    shape = {"points": len(meta.curves), "tasks": len(meta.tasks), "runs": len(meta.runs)}
    return {**seconds, **shape, "distinct": len(surrogate.recorded)}


def fit_all(out: Path, table: str) -> Figures:
    """What `foretune fit` does: read, fit and judge all surrogates, save them."""
    begun = cpu()
    surrogates = fit([read_meta_dataset(table_folder(out, table))], seed=0, kind="in-context")
    save_surrogates(out / "surrogates" / Path(table).name, surrogates)
    return {"fit": cpu() - begun}


def search_with(out: Path, table: str, asks: int) -> Figures:
    begun = cpu()
    surrogates = load_surrogates(out / "surrogates" / Path(table).name)
    loaded = cpu()
    search = Search(surrogates, CANDIDATES)
    first = [search.step() for _ in range(FEW)]
    seconds = {"load": loaded - begun, "first": sum(first[:2])}
    return {**seconds, "later": median(search.step() for _ in range(asks)), "candidates": len(search.pool)}


class Laboratory:
    """Measures each thing once.

    Args:
        out: folder for tables, surrogates and results.
        memory: gigabytes that a measurement may allocate.
    """

    def __init__(self, out: Path, memory: float) -> None:
        self._out, self._memory = out, memory
        self._results = out / "results.jsonl"

    def __call__(self, measurement: Callable[..., Figures], *arguments: Any) -> Figures:
        """Its figures and the `peak` of its memory in GB; empty if that would have been too much."""
        key = json.dumps([measurement.__name__, *arguments, f"{self._memory:g} GB"])
        lines = self._results.read_text(encoding="utf-8").splitlines() if self._results.is_file() else []
        if known := [one["figures"] for one in map(json.loads, lines) if one["key"] == key]:
            return known[-1]
        fresh = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=fresh) as process:
            figures = process.submit(_measured, self._memory, measurement, self._out, *arguments).result()
        with self._results.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key, "figures": figures}) + "\n")
        return figures


def _measured(memory: float, measurement: Callable[..., Figures], *arguments: Any) -> Figures:
    resource.setrlimit(resource.RLIMIT_DATA, (int(memory * 1e9), int(memory * 1e9)))
    try:
        with threadpool_limits(1):
            figures = measurement(*arguments)
    except MemoryError:
        return {}
    return {**figures, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9}


# Tables


def cell(figures: Figures, name: str, factor: float = 1.0, digits: int = 1) -> str:
    return f"{factor * figures[name]:,.{digits}f}" if name in figures else "-"


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    lines = [columns, ["---"] * len(columns), *rows]
    print("\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines), flush=True)


def by_candidates(laboratory: Laboratory, arguments: argparse.Namespace) -> dict[int, Figures]:
    found = {one: laboratory(search_candidates, one, arguments.asks) for one in arguments.candidates}
    rows = [
        [f"{one:,}", cell(f, "slices", digits=0), cell(f, "later", 1e3), cell(f, "first"), cell(f, "peak", digits=2)]
        for one, f in found.items()
    ]
    print_table(["candidates", "slices seen at the end", "ask + tell, ms", "first two, s", "peak memory, GB"], rows)
    return found


def by_observations(laboratory: Laboratory, arguments: argparse.Namespace) -> dict[str, Figures]:
    numbers = arguments.observations
    found = {one: laboratory(search_observations, one, numbers, arguments.asks) for one in SPREADS}
    rows = [
        [spread, str(number), cell(f[str(number)], "configurations", digits=0), cell(f[str(number)], "later", 1e3)]
        for spread, f in found.items()
        if f
        for number in numbers
    ]
    print_table([f"observations, of {CANDIDATES:,} candidates", "slices", "configurations", "ask + tell, ms"], rows)
    return found


COLUMNS: Mapping[str, tuple[str, float, int]] = {
    "points": ("points", 1.0, 0),
    "tasks": ("tasks", 1.0, 0),
    "runs": ("runs", 1.0, 0),
    "distinct": ("configurations", 1.0, 0),
    "read": ("read, s", 1.0, 1),
    "performance": ("performance, s", 1.0, 2),
    "performance_peak": ("its peak, GB", 1.0, 2),
    "fit": ("`foretune fit`, s", 1.0, 1),
    "fit_peak": ("its peak, GB", 1.0, 2),
    "first": ("first two asks, s", 1.0, 1),
    "later": ("ask + tell, ms", 1e3, 1),
    "search_peak": ("its peak, GB", 1.0, 2),
}
"""Figure -> heading, factor, digits."""


def by_runs(laboratory: Laboratory, arguments: argparse.Namespace) -> Mapping[str, Figures]:
    """Tables by name -> figures."""
    found = {str(one): of_table(laboratory, str(one), arguments.asks) for one in arguments.meta}
    for common in arguments.common:
        for tasks, configurations in arguments.shapes:
            shape = Shape(tasks, configurations, common)
            laboratory(make_table, tasks, configurations, common)
            found[str(shape)] = of_table(laboratory, str(shape), arguments.asks)
    columns = ["meta-dataset", *(heading for heading, _, _ in COLUMNS.values())]
    rows = [
        [Path(name).name, *(cell(figures, key, factor, digits) for key, (_, factor, digits) in COLUMNS.items())]
        for name, figures in found.items()
    ]
    print_table(columns, rows)
    return found


def of_table(laboratory: Laboratory, table: str, asks: int) -> dict[str, Any]:
    parts: dict[str, Figures] = {"performance": laboratory(fit_performance, table)}
    if parts["performance"]:
        parts["fit"] = laboratory(fit_all, table)
    if parts.get("fit"):
        parts["search"] = laboratory(search_with, table, asks)
    peaks = {f"{name}_peak": figures["peak"] for name, figures in parts.items() if figures}
    return {**{name: value for figures in parts.values() for name, value in figures.items()}, **peaks}


# The figure


@dataclass(frozen=True)
class Line:
    """What is drawn as one line; without a label it is not in the legend."""

    label: str
    across: Sequence[float]
    up: Sequence[float]
    color: str
    style: str = "-"


def draw(
    path: Path, pools: Mapping[int, Figures], observations: Mapping[str, Figures], tables: Mapping[str, Figures]
) -> None:
    """One panel a question. Of meta-datasets only made-up ones are drawn."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = new_figure(10.5, 6.2)
    panels = iter(figure.subplots(2, 3).ravel())
    made = {name: figures for name, figures in tables.items() if not Path(name).is_dir()}
    known = {size: 1e3 * figures["later"] for size, figures in pools.items() if "later" in figures}
    milliseconds, points = "ask + tell, ms", "curve points learned from"
    pool = [Line("", list(known), list(known.values()), BEST)]
    plot(next(panels), pool, "candidates", milliseconds, MOST_MS)
    plot(next(panels), list(lines_of_spreads(observations)), "slices observed", milliseconds, MOST_MS)
    plot(next(panels), list(lines_of_tables(made, {"later": ("", BEST)}, 1e3)), points, milliseconds, MOST_MS)
    plot(next(panels), list(lines_of_tables(made, {"first": ("", BEST)})), points, "first two asks, s")
    what = {"fit": ("foretune fit", DEFAULT), "performance": ("performance alone", BEST), "read": ("reading", FAINT)}
    plot(next(panels), list(lines_of_tables(made, what)), points, "fitting, s", MOST_FIT_SECONDS)
    peaks = {"fit_peak": ("foretune fit", DEFAULT), "search_peak": ("search", BEST)}
    plot(next(panels), list(lines_of_tables(made, peaks)), points, "peak memory, GB", MOST_GB)
    path.parent.mkdir(parents=True, exist_ok=True)
    FigureCanvasAgg(figure).print_png(path)


def lines_of_spreads(observations: Mapping[str, Figures]) -> Iterator[Line]:
    for (spread, figures), color in zip(observations.items(), (BEST, INK, DEFAULT), strict=False):
        known = {int(number): 1e3 * one["later"] for number, one in figures.items() if number.isdecimal()}
        yield Line(spread, list(known), list(known.values()), color)


def lines_of_tables(
    tables: Mapping[str, Figures], what: Mapping[str, tuple[str, str]], factor: float = 1.0
) -> Iterator[Line]:
    """A line for every figure and share of common configurations; a single figure is labelled by the share."""
    shares = list(dict.fromkeys(name.rpartition("-")[2] for name in tables))
    for share, style in zip(shares, ("-", "--", ":"), strict=False):
        for key, (label, color) in what.items():
            known = [f for name, f in tables.items() if name.rpartition("-")[2] == share and key in f and "points" in f]
            text = label if share == shares[0] else ""
            if len(what) == 1:
                text = f"{float(share):.0%} of configurations common"
            yield Line(text, [one["points"] for one in known], [factor * one[key] for one in known], color, style)


def plot(axes: Axes, lines: Sequence[Line], x: str, y: str, most: float | None = None) -> None:
    dress(axes, "both")
    for line in lines:
        label = line.label or None
        axes.plot(line.across, line.up, line.style, marker="o", markersize=3.5, color=line.color, label=label)
    across = sorted({value for line in lines for value in line.across})
    up = [value for line in lines for value in line.up]
    if not up:
        return
    if most is not None:
        axes.axhline(most, color=INK, linestyle=(0, (1, 2)), linewidth=1.2, label=f"aim: {most:g}")
        up.append(most)
    scale_axis(axes, min(up), max(*up, 5.0 * min(up)), "y")
    axes.set_xscale("log")
    axes.set_xticks(across, [short(value) for value in across])
    axes.minorticks_off()
    if any(line.label for line in lines) or most is not None:
        axes.legend(frameon=False, fontsize=7)
    axes.set_xlabel(x, fontsize=8.5, color=INK)
    axes.set_ylabel(y, fontsize=8.5, color=INK)


def short(value: float) -> str:
    """With k for thousands and M for millions."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:g}"


def shape_of(text: str) -> tuple[int, int]:
    tasks, configurations = text.split("x")
    return int(tasks), int(configurations)


PARTS: Mapping[str, Callable[[Laboratory, argparse.Namespace], Mapping[Any, Figures]]] = {
    "candidates": by_candidates,
    "observations": by_observations,
    "runs": by_runs,
}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--candidates", type=int, nargs="+", default=[100, 300, 1000, 3000, 10_000])
    parser.add_argument("--observations", type=int, nargs="+", default=[10, 30, 100, 300, 500])
    parser.add_argument("--shapes", type=shape_of, nargs="*", default=[(25, 50), (125, 100), (500, 250)])
    parser.add_argument("--common", type=float, nargs="+", default=[1.0, 0.6])
    parser.add_argument("--meta", type=Path, nargs="*", default=[SHIPPED / "meta_datasets" / "foretune-tiny-v1"])
    parser.add_argument("--asks", type=int, default=15, help="that a median is of")
    parser.add_argument("--memory", type=float, default=6.0, help="GB that a measurement may allocate")
    parser.add_argument("--out", type=Path, help="folder to keep tables, surrogates and results in")
    parser.add_argument("--plot", type=Path, help="PNG file to draw")
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    with TemporaryDirectory() as temporary:
        out = arguments.out or Path(temporary)
        out.mkdir(parents=True, exist_ok=True)
        laboratory = Laboratory(out, arguments.memory)
        print(f"The imports alone take {cell(laboratory(nothing), 'peak', digits=2)} GB of memory.")
        found = {name: PARTS[name](laboratory, arguments) for name in arguments.parts}
        if arguments.plot:
            draw(arguments.plot, *(found.get(name, {}) for name in PARTS))


if __name__ == "__main__":
    main()
