"""How far predicted seconds and memory of real language models are from those of two public tables.

`python benchmarks/public_costs.py TABLES` reads `fms_acceleration_costs/` and `litgpt_costs/` in a folder, see
`cost_rows.py`. It says which runs are left out and why, and compares the others by kind. Errors are medians: of the
absolute difference of log seconds, and of the relative error of the peak memory.

Seconds are predicted in three ways:
- now: with the constants of `foretune.recommendation.hardware`, which are round numbers;
- before: with the formula that had no term for weights and predicted LoRA only;
- fitted: with constants from non-negative least squares on runs of the other models. Relative errors are squared, and
  each model counts the same. In the same way the factor of a layer's backward pass is fitted to the recorded memory.
A model is a shape, so Llama 3 and 3.1 are the same.

A run is foretold to be out of memory if its predicted peak is above the memory of the accelerator. At the end come the
intervals that hold four of five runs: the quantiles of recorded over predicted, each model counting the same, of runs
as foretune does them: on one device, without fused kernels. Twenty seconds of one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from cost_rows import ALPACA_TOKENS, Recorded, read_rows
from scipy.optimize import nnls

from foretune.recommendation.hardware import PRICES, Trainer, cost_terms, peak_memory_bytes
from foretune.recommendation.shape import ModelShape

BEFORE = (1 / 0.7, 1.0, 1e-3, 0.0, 0.0)
_BACKWARD = (1.0, 1.25, 1.5, 1.75, 2.0)  # of one device; that of FSDP grows with it


def weights(rows: Sequence[Recorded]) -> np.ndarray:
    """Of runs, so that each model counts the same."""
    shapes = [row.planned.shape for row in rows]
    return np.array([1 / shapes.count(shape) for shape in shapes])


def fit_prices(rows: Sequence[Recorded]) -> np.ndarray:
    """The constants of time with the least squared relative errors."""
    known = [row for row in rows if row.seconds]
    share = np.sqrt(weights(known))
    terms = np.array([cost_terms(row.planned, row.card) / row.seconds for row in known])
    return nnls(terms * share[:, None], share)[0]


def fit_backward(rows: Sequence[Recorded]) -> float:
    """The factor of a layer's backward pass with the least error of memory."""
    known = [row for row in rows if row.memory]
    return min(
        _BACKWARD,
        key=lambda factor: np.average(
            [abs(np.log(memory(row, factor) / row.memory)) for row in known], weights=weights(known)
        ),
    )


def memory(row: Recorded, backward: float = Trainer().backward) -> float:
    """Predicted bytes."""
    trainer = row.planned.trainer
    trainer = replace(trainer, backward=trainer.backward * backward / Trainer().backward)
    found = peak_memory_bytes(replace(row.planned, trainer=trainer))
    assert found is not None
    return found


def left_out(rows: Sequence[Recorded], fit: Callable[[Sequence[Recorded]], object]) -> dict[ModelShape, object]:
    """What is fitted to the plain runs of all other models, by model."""
    return {
        shape: fit([row for row in rows if row.plain and row.planned.shape != shape])
        for shape in {row.planned.shape for row in rows}
    }


def quantiles(values: np.ndarray, share: np.ndarray, at: Sequence[float]) -> list[float]:
    """Of weighted values."""
    order = np.argsort(values)
    places = np.cumsum(share[order]) - share[order] / 2
    return [float(np.interp(one * share.sum(), places, values[order])) for one in at]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path)
    parser.add_argument("--alpaca-tokens", type=int, default=ALPACA_TOKENS, help="mean of LitGPT's rows")
    arguments = parser.parse_args()
    rows, skipped = read_rows(arguments.tables, arguments.alpaca_tokens)
    models = len({row.planned.shape for row in rows})
    print(f"{len(rows)} runs of {models} models; left out:")
    for why, count in skipped.items():
        print(f"  {count:3d} {why}")
    _show(rows)
    plain = [row for row in rows if row.plain]
    print()
    for name, prices, backward in (
        ("fitted to all runs as foretune does them", fit_prices(plain), fit_backward(plain)),
        ("shipped", np.array(PRICES), Trainer().backward),
    ):
        print(f"{name}: prices {np.array2string(prices, precision=4)}, backward {backward}")
    _show_intervals(plain)


def _show(rows: Sequence[Recorded]) -> None:
    prices, factors = left_out(rows, fit_prices), left_out(rows, fit_backward)
    kinds = {"all": list(rows), "as foretune runs them": [row for row in rows if row.plain]}
    kinds |= {"others": [row for row in rows if not row.plain]}
    kinds |= {kind: [row for row in rows if row.kind == kind] for kind in sorted({row.kind for row in rows})}
    print(f"\n{'':34}{'error of log seconds':>32}{'error of memory':>28}{'out of memory':>25}")
    print(f"{'runs':34}{'number':>8}{'before':>8}{'now':>8}{'fitted':>8}", end="")
    print(f"{'number':>10}{'now':>9}{'fitted':>9}{'foretold':>15}{'false':>10}")
    for kind, these in kinds.items():
        timed, sized = [row for row in these if row.seconds], [row for row in these if row.memory]
        terms = np.array([cost_terms(row.planned, row.card) / row.seconds for row in timed])
        fitted = np.array([prices[row.planned.shape] for row in timed])
        untimed = any(row.planned.method != "lora" for row in timed)
        cells = ["" if untimed else _median(np.log(terms @ BEFORE)), _median(np.log(terms @ PRICES))]
        cells.append(_median(np.log((terms * fitted).sum(axis=1))))
        print(f"{kind:34}{len(timed):8d}" + "".join(f"{cell:>8}" for cell in cells), end="")
        now = np.array([memory(row) / row.memory - 1 for row in sized])
        other = np.array([memory(row, factors[row.planned.shape]) / row.memory - 1 for row in sized])
        print(f"{len(sized):10d}{_percent(now):>9}{_percent(other):>9}{_out_of_memory(these)}")


def _median(errors: np.ndarray) -> str:
    return f"{np.median(np.abs(errors)):.3f}"


def _percent(errors: np.ndarray) -> str:
    return f"{np.median(np.abs(errors)):.1%}" if len(errors) else ""


def _out_of_memory(rows: Sequence[Recorded]) -> str:
    told = np.array([memory(row) > row.card.memory_bytes for row in rows])
    ran_out = np.array([row.ran_out for row in rows])
    known = np.array([row.ran_out or row.memory is not None for row in rows])
    hits = f"{(told & ran_out).sum()} of {ran_out.sum()}"
    return f"{hits:>15}{f'{(told & ~ran_out & known).sum()} of {(~ran_out & known).sum()}':>10}"


def _show_intervals(rows: Sequence[Recorded]) -> None:
    timed, sized = [row for row in rows if row.seconds], [row for row in rows if row.memory]
    prices = left_out(rows, fit_prices)
    seconds = np.array([row.seconds / np.dot(cost_terms(row.planned, row.card), PRICES) for row in timed])
    fitted = np.array(
        [row.seconds / np.dot(cost_terms(row.planned, row.card), prices[row.planned.shape]) for row in timed]
    )
    peaks = np.array([row.memory / memory(row) for row in sized])
    print("of the runs as foretune does them, recorded over predicted, each model counting the same:")
    for name, ratios, these in (
        ("seconds", seconds, timed),
        ("seconds, fitted", fitted, timed),
        ("memory", peaks, sized),
    ):
        low, high = quantiles(ratios, weights(these), (0.1, 0.9))
        middle = quantiles(np.abs(np.log(ratios)), weights(these), (0.5,))[0]
        counted = f"{len(these)} runs of {len({row.planned.shape for row in these})} models"
        print(f"  {name:15}  4 of 5 within x{low:.2f} to x{high:.2f}, median log error {middle:.3f}, {counted}")


if __name__ == "__main__":
    main()
