"""The average of a search's best checkpoints against the best of them: real searches, each with both endings.

Run: python benchmarks/averages.py TASKS --out FOLDER [--rows 200] [--runs 3 5 2] [--tasks T ...] [--show]

TASKS is the folder of the datasets. A search has the seconds of so many runs of the default configuration, counted as
predicted, so that it is the same however busy the machine is; the scoring of averages may take a twentieth of them. It
knows no task of its dataset's family: surrogates are fitted twice to the shipped table, each time without the families
of half of the tasks. It ends as `foretune tune` does. Printed is the test loss of what it returns relative to that of
the best single checkpoint of the same search, with a 95 % interval over tasks: for the tasks that the rule was chosen
by, and for the others. Both endings took the same training. A finished search is a line of FOLDER/averages.jsonl, and
the command goes on from there.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from foretune.benchmark.regret import interval
from foretune.finetuning.shape import read_shape
from foretune.metadata import read_meta_dataset
from foretune.optimizer import Optimizer, Search
from foretune.session.closing import close
from foretune.session.folder import TRIALS
from foretune.session.ground import prepare
from foretune.session.options import TuneOptions
from foretune.session.search import Found, search
from foretune.session.shipped import learned_from
from foretune.space import load_space
from foretune.surrogate import save_surrogates
from foretune.surrogate.encoders import MAIN_SPACE
from foretune.surrogate.fit import fit
from foretune.tuner import Budget

CHOSEN_BY = ("hwu64", "snips_slots", "paper_topic", "snips_intent", "trivia_category", "mawps_equation")
OTHERS = (
    *("clinc150", "trivia_open", "sql_to_question", "ner_ncbi_disease", "chemprot_relation", "e2e_text_to_data"),
    *("xquad_en_qa", "pico_extraction", "gsm8k_answer", "arc_easy"),
)
MODEL = "foretune-tiny"

Line = Mapping[str, Any]


def surrogates_of(folder: Path, model: str = MODEL) -> dict[str, Path]:
    """Dataset to surrogates for a base model that have seen nothing of its family; they are fitted once."""
    tables = [read_meta_dataset(name) for name in learned_from(read_shape(model))]
    families = {task.split("@")[0]: tables[0].families[task] for task in tables[0].task_ids}
    left_out = sorted({families[name] for name in (*CHOSEN_BY, *OTHERS)})
    targets = [folder / f"surrogates-{half}" for half in (0, 1)]
    for half, target in enumerate(targets):
        if not target.is_dir():
            fitted = fit(tables, seed=0, exclude_families=left_out[half::2], search=load_space(MAIN_SPACE))
            save_surrogates(target, fitted)
    return {name: targets[left_out.index(families[name]) % 2] for name in (*CHOSEN_BY, *OTHERS)}


def run(
    data: Path,
    runs: int,
    rows: int | None,
    surrogates: Path | None,
    folder: Path,
    *,
    model: str = MODEL,
    make: Callable[[Search], Optimizer] | None = None,
) -> Line:
    """Make a search, or go on with it, and end it."""
    output = folder / f"{data.name}-{runs}"
    console = Console(file=(folder / "log.txt").open("a", encoding="utf-8"), width=160)
    options = TuneOptions.of(data, model, train_rows=rows, device="cpu", surrogates=surrogates)
    seconds = runs * default_seconds(options)
    resume = (output / "journal.jsonl").exists()
    found = search(options, Budget(seconds), output, console, resume=resume, as_predicted=True, make=make)
    report = close(with_time_for_averages(found, seconds, runs), console, compare_default=False)
    best = next(row for row in report.scores if row.name == "best")
    return {
        "task": data.name,
        "runs": runs,
        "rows": rows,
        "seconds": seconds,
        "configurations": len(report.trials),
        "best_method": best.configuration["method"],
        "weights": [member.weight for member in report.returned.members],
        "best": measured(best),
        "returned": measured(report.returned),
    }


def default_seconds(options: TuneOptions) -> float:
    """Predicted, of a whole run of the default configuration."""
    setup = prepare(options, None, timed=False)
    fidelities = np.arange(1, setup.task.max_fidelity + 1)
    assert setup.surrogates is not None
    return float(setup.surrogates.cost.predict(setup.task, [setup.default] * len(fidelities), fidelities).sum())


def with_time_for_averages(found: Found, seconds: float, runs: int) -> Found:
    """The search with the seconds of its budget and of an evaluation, both as predicted.

    The share of a slice that its evaluation takes is measured; whatever else the machine does slows both parts down.
    """
    files = (found.output / TRIALS).glob("*/slices.jsonl")
    lines = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    evaluation, training = (sum(line[f"{part}_seconds"] for line in lines) for part in ("evaluation", "train"))
    of_slice = seconds / runs / found.setup.task.max_fidelity
    setup = replace(found.setup, validation_seconds=of_slice * evaluation / (evaluation + training))
    return replace(found, budget=Budget(seconds), setup=setup)


def measured(row: Any) -> dict[str, float]:
    return {"validation": row.validation.nll, "test": row.test.nll, "exact_match": row.test.exact_match}


def read(path: Path) -> dict[tuple[str, int], Line]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return {(one["task"], one["runs"]): one for one in map(json.loads, lines)}


def show(done: Mapping[tuple[str, int], Line]) -> None:
    print(f"{'task':<20}{'runs':>5}{'best':>9}{'returned':>10}{'change':>9}{'exact match':>16}  made of")
    for (task, runs), line in sorted(done.items(), key=lambda item: (item[0][1], item[0][0] not in CHOSEN_BY)):
        best, returned = line["best"], line["returned"]
        exact = f"{best['exact_match']:.1%} {returned['exact_match']:.1%}"
        made_of = " + ".join(f"{weight:.2f}" for weight in line["weights"]) or f"the best ({line['best_method']})"
        change = f"{returned['test'] / best['test'] - 1:+.1%}"
        print(f"{task:<20}{runs:>5}{best['test']:>9.4f}{returned['test']:>10.4f}{change:>9}{exact:>16}  {made_of}")
    print()
    for label, tasks in (("chosen by", CHOSEN_BY), ("others", OTHERS), ("all", (*CHOSEN_BY, *OTHERS))):
        for runs in sorted({key[1] for key in done}):
            summarize(f"{label}, {runs} runs", [one for key, one in done.items() if key[1] == runs and key[0] in tasks])


def summarize(label: str, lines: Sequence[Line]) -> None:
    """Of test losses, relative to the best single checkpoint's, and of exact matches."""
    if not lines:
        return
    changes = np.array([one["returned"]["test"] / one["best"]["test"] - 1 for one in lines])
    exact = np.array([one["returned"]["exact_match"] - one["best"]["exact_match"] for one in lines])
    change, points = interval(changes), interval(100 * exact)
    print(
        f"{label:<20}{len(lines):>3} tasks: test loss {change.mean:+.1%} [{change.low:+.1%}, {change.high:+.1%}], "
        f"better {np.mean(changes < 0):.0%}, worse {np.mean(changes > 0):.0%} of tasks (at most {changes.max():+.1%}); "
        f"exact match {points.mean:+.2f} points [{points.low:+.2f}, {points.high:+.2f}]"
    )


def cases(
    tasks: Sequence[str], budgets: Sequence[int], done: Mapping[tuple[str, int], Line]
) -> Iterator[tuple[str, int]]:
    return ((task, runs) for runs in budgets for task in tasks if (task, runs) not in done)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--runs", type=int, nargs="+", default=[3, 5, 2])
    parser.add_argument("--tasks", nargs="+", choices=(*CHOSEN_BY, *OTHERS), default=(*CHOSEN_BY, *OTHERS))
    parser.add_argument("--show", action="store_true", help="print what there is, and search nothing")
    given = parser.parse_args()
    torch.set_num_threads(1)
    given.out.mkdir(parents=True, exist_ok=True)
    path = given.out / "averages.jsonl"
    left = [] if given.show else list(cases(given.tasks, given.runs, read(path)))
    surrogates = surrogates_of(given.out) if left else {}
    for task, runs in left:
        line = run(given.data / task, runs, given.rows, surrogates[task], given.out)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
    show(read(path))


if __name__ == "__main__":
    main()
