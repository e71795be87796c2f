"""The tables of a comparison with other libraries, from its results by task.

Results are a frame with a row for each method and task:

- `method`, `task`, `seeds`: the number of searches at each budget;
- a column for each budget, such as `3 runs`: regret (1 = median), mean over seeds;
- `asks`, `seconds`, `cpu_seconds`: what the method's own part of all its searches took; `peak_bytes` of its process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from foretune.benchmark.paired import ratio_of_means
from foretune.benchmark.peers.roster import PREFIX
from foretune.benchmark.ranking import p_values
from foretune.benchmark.regret import interval, mean_ranks
from foretune.report.sheet import Sheet

OURS = "transfer-in-context"
SNAPPED = f"{PREFIX}random-snapped"
"""Random search like a peer's, which is no library."""
SHARE, LEVEL = 0.5, 0.01
"""Of the best library's regret that is aimed at, and of the p-values against all of them."""
AIMED_AT = ("2 runs", "3 runs")
TIMES_FASTER = {f"{PREFIX}quicktunetool": 100, f"{PREFIX}quicktunetool-refit": 100, f"{PREFIX}optuna-tpe": 1}
"""How many times the CPU time of an ask and its tell these are aimed to take of ours."""
_EFFORT = ("asks", "seconds", "cpu_seconds", "peak_bytes")
_TEST = ("test", "test_deviation")
_DIGITS = 3


@dataclass(frozen=True)
class _Effort:
    """Of a method: its seeds, milliseconds of an ask with its tell by the clock and on the CPU, greatest memory."""

    seeds: int
    clock: float
    cpu: float
    peak_bytes: int


def peer_sheets(results: pd.DataFrame) -> list[Sheet]:
    """Regret and effort of all methods; where both are there, the default search against each peer, and the aims."""
    methods = list(dict.fromkeys(results["method"]))
    peers = [one for one in methods if one.startswith(PREFIX)]
    found = [_methods_sheet(results, methods)]
    return [*found, _pairs_sheet(results, peers), _aims_sheet(results, peers)] if OURS in methods and peers else found


def _budgets(results: pd.DataFrame) -> list[str]:
    return [str(one) for one in results.columns if one not in {"method", "task", "seeds", *_EFFORT, *_TEST}]


def _regrets(results: pd.DataFrame, budget: str, methods: Sequence[str]) -> Float[np.ndarray, "M K"]:
    """Of each task and method."""
    by_task = results.pivot(index="task", columns="method", values=budget)
    return by_task[list(methods)].to_numpy(dtype=float)


def _methods_sheet(results: pd.DataFrame, methods: Sequence[str]) -> Sheet:
    budgets = _budgets(results)
    regrets = {one: _regrets(results, one, methods) for one in budgets}
    ranks = {one: mean_ranks(values) for one, values in regrets.items()}
    efforts, rows = _efforts(results), list[list[str]]()
    for place, name in enumerate(methods):
        effort = efforts[name]
        found = [interval(regrets[one][:, place]) for one in budgets]
        cells = [f"{one.mean:.2f} [{one.low:.2f}, {one.high:.2f}]" for one in found]
        places = [f"{ranks[one][place]:.1f}" for one in budgets]
        peak = f"{effort.peak_bytes / 2**20:.0f}" if effort.peak_bytes else "-"
        rows.append([name, str(effort.seeds), *cells, *places, f"{effort.clock:.3g}", f"{effort.cpu:.3g}", peak])
    head = ["method", "seeds", *budgets, *(f"rank {one}" for one in budgets)]
    head += ["ms per ask and tell", "on the CPU", "peak MB"]
    note = (
        f"Regret (1 = median) on {results['task'].nunique()} tasks with 95 % bootstrap intervals, then average ranks."
    )
    return Sheet("Regret, rank, time and memory", note, head, rows, printed=True)


def _efforts(results: pd.DataFrame) -> dict[str, _Effort]:
    """Of every method."""
    names = ["method", "seeds", *_EFFORT]
    rows = list(zip(*(results[name].tolist() for name in names), strict=True))
    found: dict[str, _Effort] = {}
    for name in dict.fromkeys(row[0] for row in rows):
        seeds, asks, seconds, cpu, peaks = zip(*(row[1:] for row in rows if row[0] == name), strict=True)
        thousand = 1000 / max(1, sum(asks))
        found[name] = _Effort(max(seeds), sum(seconds) * thousand, sum(cpu) * thousand, max(peaks))
    return found


def _pairs_sheet(results: pd.DataFrame, peers: Sequence[str]) -> Sheet:
    budgets = _budgets(results)
    columns = list[list[str]]()
    for budget in budgets:
        regrets = _regrets(results, budget, [OURS, *peers])
        shares = [ratio_of_means(regrets[:, 0], other) for other in regrets[:, 1:].T]
        tested = p_values(regrets[:, 0], regrets[:, 1:].T)
        columns.append(
            [
                f"{one.mean:.2f} [{one.low:.2f}, {one.high:.2f}], p {p:.2g}"
                for one, p in zip(shares, tested, strict=True)
            ]
        )
    note = (
        "Ratio of the mean regrets with its 95 % bootstrap interval over tasks, and p of Wilcoxon's signed-rank test, "
        f"with Holm's correction for {len(peers)} peers. Below 1 is better."
    )
    rows = [[name, *cells] for name, *cells in zip(peers, *columns, strict=True)]
    return Sheet(f"Regret of {OURS} as a share of each peer's", note, ["peer", *budgets], rows, printed=True)


def _aims_sheet(results: pd.DataFrame, peers: Sequence[str]) -> Sheet:
    libraries = [one for one in peers if one != SNAPPED]
    rows = list[list[str]]()
    for budget in _budgets(results) if libraries else ():
        if budget in AIMED_AT:
            rows += _regret_rows(budget, _regrets(results, budget, [OURS, *libraries]), libraries)
    cpu = {name: one.cpu for name, one in _efforts(results).items()}
    for name, times in TIMES_FASTER.items():
        if name in cpu:
            aim = f"CPU time of an ask and its tell at most {'1/100 ' if times > 1 else ''}of {name}'s"
            figure = f"{cpu[OURS]:.3g} ms of {cpu[name]:.3g} ms"
            rows.append([aim, figure, _verdict(cpu[OURS] * times <= cpu[name])])
    return Sheet("Aims", f"Of {OURS}, against libraries.", ["aim", "figure", "met"], rows, printed=True)


def _regret_rows(budget: str, regrets: Float[np.ndarray, "M K"], libraries: Sequence[str]) -> list[list[str]]:
    """The aims of one budget; the regrets are ours, then those of the libraries."""
    own, means = float(regrets[:, 0].mean()), regrets[:, 1:].mean(axis=0)
    best, tested = int(means.argmin()), p_values(regrets[:, 0], regrets[:, 1:].T)
    told = [p < LEVEL and own < mean for p, mean in zip(tested, means, strict=True)]
    missed = [name for name, is_told in zip(libraries, told, strict=True) if not is_told]
    return [
        [
            f"{budget}: at most {SHARE} of the least regret of a library",
            f"{own:.{_DIGITS}f} of {means[best]:.{_DIGITS}f} ({libraries[best]}): {own / means[best]:.2f}",
            _verdict(own <= SHARE * means[best]),
        ],
        [
            f"{budget}: less regret than each library, p < {LEVEL}",
            f"greatest p {tested.max():.2g}" + (f"; not {', '.join(missed)}" if missed else ""),
            _verdict(not missed),
        ],
    ]


def _verdict(is_met: bool) -> str:
    return "yes" if is_met else "**no**"
