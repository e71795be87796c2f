"""foretune against other libraries on the same recorded runs: regret, rank, time per ask and tell, memory.

Run: python benchmarks/against_peers.py foretune-tiny-v1 --out FOLDER [--peers optuna-tpe,dehb]
     [--methods random,transfer-in-context] [--tasks 4] [--seeds 10] [--no-default-first] [--no-overhead]
     python benchmarks/against_peers.py foretune-tiny-v1 --target TABLE --out FOLDER
     python benchmarks/against_peers.py TABLE --space observed --leave-out task --out FOLDER
     python benchmarks/against_peers.py --out FOLDER --show
     python benchmarks/against_peers.py --list

`make peers` makes the environments of the peers; a peer whose environment is missing, or that fails, is left out and
the reason is printed. `docs/peers.md` says what is compared, and how.

Every finished replay is a line of FOLDER/peers.jsonl, which counts as long as data, terms, adapter and settings are the
same. A peer does not plan with its budget, so that its search for the largest budget tells of the smaller ones, too.
FOLDER/peers.md has the tables, which --show prints again from FOLDER/results.csv (`foretune.report.peers`);
FOLDER/report.html has curves and ranks, too, and `foretune report FOLDER` makes it again;
FOLDER/regret.png has the curves.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
from rich.console import Console

from foretune.benchmark.budgets import Amount, parse_amounts
from foretune.benchmark.compare import Contest, Terms, prepare, replay
from foretune.benchmark.figures import regret_curves, results_frame, scales_of
from foretune.benchmark.knowledge import LeaveOut
from foretune.benchmark.methods import METHODS, Chosen
from foretune.benchmark.paired import baseline_of
from foretune.benchmark.peers.journal import Line, read_lines, spread, stamp, write_line
from foretune.benchmark.peers.native_space import observed_space
from foretune.benchmark.peers.roster import PREFIX, Entry, Peers, read_roster
from foretune.benchmark.peers.timed import Latest
from foretune.errors import PeerError
from foretune.metadata import MetaDataset, read_meta_dataset
from foretune.metadata.noise import seed_noise
from foretune.report.comparison import save_comparison
from foretune.report.final_test import final_test_sheets
from foretune.report.peers import peer_sheets
from foretune.report.regret_plot import draw_regret, save_regret
from foretune.report.replay import markdown, sheets
from foretune.report.sheet import Sheet
from foretune.session.comparing import charging, comparison_of, seeding
from foretune.session.reporting import write_final_comparison
from foretune.space import load_space

FOLDER = Path(__file__).parent / "peers"
JOURNAL = "peers.jsonl"
RESULTS = "results.csv"
OBSERVED = "observed"
OURS = "random,portfolio,transfer-in-context"
BUDGETS = "1runs,2runs,3runs,5runs"


def drawn_tasks(table: MetaDataset, count: int) -> list[str]:
    """One task of each of `count` families, always the same ones."""
    rng = np.random.default_rng(0)
    families = rng.choice(sorted(set(table.families.values())), size=count, replace=False)
    return [str(rng.choice([task for task in table.task_ids if table.families[task] == one])) for one in families]


def only(contest: Contest, tasks: Sequence[str]) -> Contest:
    return replace(contest, recorded={task: contest.recorded[task] for task in tasks})


def jobs(contest: Contest, entries: Mapping[str, Entry]) -> Iterator[tuple[Chosen, str, int, Amount]]:
    """Method by method, so that a peer's process is needed once; a peer only for the largest budget."""
    for chosen in contest.methods:
        is_peer = chosen.name.startswith(PREFIX)
        least = entries[chosen.name.removeprefix(PREFIX)].seeds if is_peer else None
        seeds = min(contest.terms.seeds, least or contest.terms.seeds) if chosen.method.stochastic else 1
        for task, recorded in contest.recorded.items():
            largest = max(contest.terms.budgets, key=lambda one: one.seconds(recorded))
            for seed in range(seeds):
                for budget in (largest,) if is_peer else contest.terms.budgets:
                    yield chosen, task, seed, budget


def run_all(
    contest: Contest, peers: Peers, latest: Latest, entries: Mapping[str, Entry], path: Path
) -> tuple[list[Line], dict[str, str]]:
    """Every search, and the peers that failed with the reason."""
    done, lines, failed, running = read_lines(path), list[Line](), dict[str, str](), ""
    for chosen, task, seed, budget in jobs(contest, entries):
        if chosen.name != running:
            peers.close()  # of the one before
            running = chosen.name
        stamped = stamp(contest, chosen.name, entries)
        key = (stamped, task, chosen.name, seed, str(budget))
        if chosen.name not in failed and key not in done:
            try:
                done[key] = searched(contest, chosen, task, seed, budget, peers, latest)
            except PeerError as error:
                failed[chosen.name] = str(error)
                print(f"Left out: {chosen.name}: {error}", flush=True)
                continue
            write_line(path, stamped, done[key])
            print(f"{chosen.name}, {task}, seed {seed}: {done[key].effort.cpu_seconds:.2f} s of its own", flush=True)
        if chosen.name not in failed:
            lines.append(done[key])
    return [one for one in lines if one.replayed.method not in failed], failed


def searched(
    contest: Contest, chosen: Chosen, task: str, seed: int, budget: Amount, peers: Peers, latest: Latest
) -> Line:
    replayed = replay(contest, task, chosen, seed, budget)
    is_peer = chosen.name.startswith(PREFIX)
    return Line(replayed, peers.latest[chosen.name.removeprefix(PREFIX)].effort if is_peer else latest.effort)


def results_of(lines: Sequence[Line], frame: pd.DataFrame, contest: Contest) -> pd.DataFrame:
    """A row for each method and task, see `foretune.report.peers` and `foretune.report.final_test`."""
    by_task = ["method", "task"]
    efforts = [{"method": one.replayed.method, "task": one.replayed.task, **asdict(one.effort)} for one in lines]
    totals = {"asks": "sum", "seconds": "sum", "cpu_seconds": "sum", "peak_bytes": "max"}
    regrets = frame.pivot_table(index=by_task, columns="budget", values="regret_median", sort=False)
    seeds = frame.groupby(by_task, sort=False).agg(seeds=("seed", "nunique"))
    effort = pd.DataFrame(efforts).groupby(by_task, sort=False).agg(totals)
    budgets = list(dict.fromkeys(frame["budget"]))
    found = [seeds, regrets[budgets], effort]
    if not any(one.task.metric.maximize for one in contest.recorded.values()):
        ends = frame[frame["budget_seconds"] == frame.groupby("task")["budget_seconds"].transform("max")]
        found.append(ends.groupby(by_task, sort=False).agg(test=("test", "mean"), test_deviation=("test", "std")))
    return pd.concat(found, axis=1).reset_index()


def tables_of(folder: Path, reference: str) -> list[Sheet]:
    """Those of `FOLDER/results.csv`."""
    results = read_results(folder)
    return [*peer_sheets(results), *final_test_sheets(results, reference)]


def title(contest: Contest, failed: Mapping[str, str]) -> str:
    """Of `peers.md`: the terms, and who is left out."""
    left_out = "".join(f"\nLeft out: {name}: {reason}\n" for name, reason in failed.items())
    return f"# Against peers\n\n{len(contest.recorded)} tasks. {seeding(contest.terms)} {charging(contest)}\n{left_out}"


def read_results(folder: Path) -> pd.DataFrame:
    """What `compare` wrote."""
    path = folder / RESULTS
    if not path.is_file():
        raise SystemExit(f"{path} is missing; compare first, without --show")
    return pd.read_csv(path)


def roster(entries: Mapping[str, Entry]) -> Sheet:
    """Versions, settings and notes of all peers."""
    rows = list[list[str]]()
    for name, entry in entries.items():
        versions = ", ".join(entry.versions()) or "-"
        note = f"{entry.note} **Left out: {entry.missing}**" if entry.missing else entry.note
        settings = json.dumps(dict(entry.settings)) if entry.settings else "-"
        rows.append([name, versions, settings, "yes" if entry.earlier else "no", note])
    return Sheet("Peers", "", ["peer", "versions", "settings", "earlier runs", "note"], rows)


def listing(entries: Mapping[str, Entry]) -> str:
    """`roster` as Markdown."""
    found = roster(entries)
    return "\n".join("| " + " | ".join(row) + " |" for row in (found.head, ["---"] * len(found.head), *found.rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", nargs="?", default="foretune-tiny-v1")
    parser.add_argument("--target", help="table whose tasks are replayed; by default the one that is learned from")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--peers", help="names with commas between them; by default all that can take part")
    parser.add_argument("--methods", default=OURS, help="of foretune")
    parser.add_argument("--budgets", default=BUDGETS)
    parser.add_argument("--tasks", type=int, help="so many, each of another family; by default all")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--leave-out", choices=get_args(LeaveOut), default="family")
    parser.add_argument(
        "--space", default="peft", help=f"search space of the table's configurations; `{OBSERVED}` for what they span"
    )
    parser.add_argument("--reference", default="transfer-in-context", help="that test losses at the end stand against")
    parser.add_argument("--default-first", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--no-overhead", dest="overhead", action="store_false")
    parser.add_argument(
        "--list", action="store_true", help="versions, settings and notes of the peers, and nothing else"
    )
    parser.add_argument(
        "--show", action="store_true", help="print the tables of FOLDER/results.csv, and replay nothing"
    )
    arguments = parser.parse_args()
    entries = read_roster(FOLDER)
    if arguments.list:
        print(listing(entries))
        return
    if arguments.out is None:
        parser.error("--out is needed")
    if arguments.show:
        print("\n".join(map(markdown, tables_of(arguments.out, arguments.reference))))
        return
    compare(arguments, chosen_entries(entries, arguments.peers))


def chosen_entries(entries: Mapping[str, Entry], names: str | None) -> dict[str, Entry]:
    wanted = list(entries) if names is None else [name for name in names.split(",") if name]
    if unknown := [name for name in wanted if name not in entries]:
        raise SystemExit(f"no peer is called {', '.join(unknown)}; choose from {', '.join(entries)}")
    return {name: entries[name] for name in wanted}


def compare(arguments: argparse.Namespace, entries: Mapping[str, Entry]) -> None:
    arguments.out.mkdir(parents=True, exist_ok=True)
    failed = {PREFIX + name: one.missing for name, one in entries.items() if one.missing}
    able = {name: one for name, one in entries.items() if not one.missing}
    table = read_meta_dataset(arguments.table)
    target = read_meta_dataset(arguments.target) if arguments.target else table
    observed = arguments.space == OBSERVED
    space = observed_space([*target.configurations.values()]) if observed else load_space(arguments.space)
    budgets = parse_amounts(arguments.budgets)
    terms = Terms(arguments.leave_out, budgets, arguments.seeds, arguments.default_first, arguments.overhead)
    peers, latest = Peers(able, space, arguments.out), Latest()
    known = {name: latest.timed(method) for name, method in METHODS.items()} | peers.methods()
    names = [*(name for name in arguments.methods.split(",") if name), *peers.methods()]
    contest = prepare(table, target, terms, None, arguments.out / "surrogates", names, known)
    if arguments.tasks:
        contest = only(contest, drawn_tasks(target, arguments.tasks))
    try:
        lines, problems = run_all(contest, peers, latest, able, arguments.out / JOURNAL)
    finally:
        peers.close()
    failed |= problems
    searches = [one.replayed for one in spread(lines, contest)]
    scales = scales_of(contest, seed_noise(target))
    frame = results_frame(searches, contest, scales, target)
    results_of(lines, frame, contest).to_csv(arguments.out / RESULTS, index=False, float_format="%.6g")
    found = tables_of(arguments.out, arguments.reference)
    text = "\n".join([title(contest, failed), *map(markdown, found)])
    (arguments.out / "peers.md").write_text(
        f"{text}\n{listing(entries)}\n\nforetune {version('foretune')}\n", encoding="utf-8"
    )
    print(text)
    curves = regret_curves(searches, contest, scales)
    figure = draw_regret(curves, tasks=len(contest.recorded), leave_out=terms.leave_out)
    save_regret(figure, arguments.out / "regret.png")
    methods = list(dict.fromkeys(frame["method"]))
    comparison = comparison_of(
        contest,
        frame,
        curves,
        [*found, *sheets(frame, methods, baseline_of(methods)), roster(entries)],
        tables=(arguments.table, arguments.target or arguments.table),
        program="python benchmarks/against_peers.py",
        notes=[f"{name}: {reason}" for name, reason in failed.items()],
    )
    save_comparison(comparison, arguments.out)
    write_final_comparison(arguments.out, Console(stderr=True))


if __name__ == "__main__":
    main()
