"""What carries over to a real LLM: replays of its table by knowledge of tiny models, of the LLM itself, and of both.

Run: python benchmarks/real_llm.py [--table smollm2-v1] --out FOLDER [--budget 1runs,2runs,3runs,5runs]
     [--tasks own|tiny]

The tasks of the table are replayed as `foretune replay` does it, the family of each left out, thinking for free. The
default search is there three times: it has learned from

- tiny: `foretune-tiny-v1` alone, so that it has never met a model of that size;
- own: the other datasets of the table alone;
- both.

So is the greedy portfolio. Against them stand what needs no knowledge of runs: random search, the default, the rules of
`foretune.optimizer.rules`, and `lr-probe`. Printed are the regret of each (0 is the best of the table, 1 its median
configuration), and its difference from the search that knows both, with 95 % intervals over tasks; then how well losses
and seconds are foretold before any run, and the losses of the rules themselves, as far as they are recorded. Searches
that are done are lines of FOLDER/*/replays.jsonl. A few minutes.

With `--tasks tiny`, the tasks of `foretune-tiny-v1` are replayed instead, by the search that has learned from it alone
and the one that has learned from both: whether runs of the LLM do harm where nothing is like it. Some five minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from foretune.benchmark.budgets import parse_amounts
from foretune.benchmark.compare import Terms, prepare, replay_all
from foretune.benchmark.figures import results_frame, scales_of, task_means
from foretune.benchmark.knowledge import divide
from foretune.benchmark.regret import interval
from foretune.benchmark.replay import recorded_task
from foretune.metadata import MetaDataset, read_meta_dataset
from foretune.metadata.merge import MergePart, merge
from foretune.metadata.noise import seed_noise
from foretune.optimizer.rules import rule_configuration
from foretune.surrogate.cost import LinearCost, cost_errors
from foretune.surrogate.examples import by_task, read_runs
from foretune.surrogate.judge import judge
from foretune.surrogate.kinds import IN_CONTEXT

TINY = "foretune-tiny-v1"
RULES = ("rule:unsloth", "rule:tinker", "rule:llama-factory", "rule:auto-epochs", "rule:constant")
UNTAUGHT = ("random", "default", *RULES, "lr-probe")
LEARNED = ("transfer-in-context", "portfolio")
WHOLE = "transfer-in-context (both)"


def replayed(
    knowledge: str, meta: MetaDataset, target: MetaDataset, budgets: str, folder: Path, methods: Sequence[str]
) -> pd.DataFrame:
    """A row for each search, of the methods that learn from `meta` under a name with the knowledge."""
    terms = Terms("family", parse_amounts(budgets), charge_overhead=False)
    contest = prepare(meta, target, terms, None, folder / "surrogates", methods)
    frame = results_frame(replay_all(contest, folder), contest, scales_of(contest, seed_noise(target)), target)
    learned = frame["method"].isin(LEARNED)
    frame["method"] = frame["method"].where(~learned, frame["method"] + f" ({knowledge})")
    return frame


def table(frame: pd.DataFrame, budgets: list[str]) -> None:
    """Regret of each method, and the difference from the search that knows both."""
    found = task_means(frame, "regret_median")
    print(f"{frame['task'].nunique()} tasks of {frame['family'].nunique()} families")
    print(f"{'':<30}" + "".join(f"{one:>8}" for one in budgets) + "   minus the search that knows both")
    order = sorted(dict.fromkeys(frame["method"]), key=lambda one: -np.mean(list(found[one, budgets[1]].values())))
    for method in order:
        own = {budget: np.array(list(found[method, budget].values())) for budget in budgets}
        apart = [interval(own[budget] - np.array(list(found[WHOLE, budget].values()))) for budget in budgets]
        cells = "".join(f"{own[budget].mean():>8.2f}" for budget in budgets)
        said = "  ".join(f"{one.mean:+.2f} [{one.low:+.2f}, {one.high:+.2f}]" for one in apart)
        print(f"{method:<30}{cells}   {said if method != WHOLE else ''}")


def foreseen(target: MetaDataset, meta: MetaDataset, folder: Path) -> dict[str, list[float]]:
    """What surrogates say of each task of the target before any run on it, its family left out.

    They know seconds of one kind of hardware: NaN for tasks whose runs were made on another.
    """
    known = divide(meta, target, "family", None, folder / "surrogates")
    found: dict[str, list[float]] = {"rank correlation": [], "error of the best loss": [], "error of log seconds": []}
    for name, runs in by_task(read_runs([target])).items():
        surrogates = known[target.families[name]].surrogates(IN_CONTEXT)
        predicted = surrogates.performance.on(runs[0].task, [run.configuration for run in runs])({}).mean.max(axis=1)
        errors = predicted - np.array([run.curve.scores.max() for run in runs])
        if not isinstance(surrogates.cost, LinearCost):
            raise TypeError("tables that tell the work of runs give a cost surrogate that is fitted")
        timed = [run for run in runs if run.hardware in surrogates.card["hardware"]]
        seconds = cost_errors(surrogates.cost, timed) if timed else np.array(np.nan)
        figures = (judge(surrogates.performance, runs)["rank_correlation_unseen"], *map(_middle, (errors, seconds)))
        for row, figure in zip(found.values(), figures, strict=True):
            row.append(figure)
    return found


def _middle(errors: np.ndarray) -> float:
    return float(np.median(np.abs(errors)))


def forecasts(found: dict[str, dict[str, list[float]]]) -> None:
    """Mean over tasks by knowledge, and that of `tiny` minus that of `both`."""
    print(f"\n{'before any run':<24}" + "".join(f"{name:>10}" for name in found) + "   tiny minus both")
    for row in found["both"]:
        means = "".join(f"{np.nanmean(one[row]):>10.2f}" for one in found.values())
        differences = np.array(found["tiny"][row]) - np.array(found["both"][row])
        apart = interval(differences[np.isfinite(differences)])
        print(f"{row:<24}{means}   {apart.mean:+.2f} [{apart.low:+.2f}, {apart.high:+.2f}]")


def losses(table: MetaDataset) -> None:
    """Least validation loss of the default and of each rule, where the run is recorded as the rule has it."""
    print(f"\n{'least validation loss':<44}" + "".join(f"{name:>20}" for name in ("default", *RULES)))
    for name in table.task_ids:
        recorded = recorded_task(table, name)
        wanted = [table.default(name), *(rule_configuration(rule.partition(":")[2], recorded.task) for rule in RULES)]
        runs = [recorded.recordings.get(one.key) if one else None for one in wanted]
        found = [-float(run.curve.scores.max()) if run and len(run.curve) else None for run in runs]
        print(f"{name:<44}" + "".join(f"{'-' if one is None else f'{one:.3f}':>20}" for one in found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", default="smollm2-v1")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--budget", default="1runs,2runs,3runs,5runs")
    parser.add_argument("--tasks", choices=["own", "tiny"], default="own")
    given = parser.parse_args()
    own, tiny = read_meta_dataset(given.table), read_meta_dataset(TINY)
    both = merge([MergePart(TINY, tiny), MergePart(given.table, own)]).meta
    known = {"tiny": tiny, "own": own, "both": both} if given.tasks == "own" else {"tiny": tiny, "both": both}
    target = known[given.tasks]
    learned = LEARNED if target is own else LEARNED[:1]
    methods = {name: (*learned, *(UNTAUGHT if meta is own else ())) for name, meta in known.items()}
    searches = [
        replayed(name, meta, target, given.budget, given.out / name, methods[name]) for name, meta in known.items()
    ]
    frame = pd.concat(searches)
    table(frame, [str(one) for one in parse_amounts(given.budget)])
    if target is own:
        forecasts({name: foreseen(own, meta, given.out / name) for name, meta in known.items()})
        losses(own)


if __name__ == "__main__":
    main()
