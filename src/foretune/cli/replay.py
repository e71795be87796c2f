"""`foretune replay`: compare methods on recorded runs of tasks that they have not learned from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from foretune.cli.answer import answering
from foretune.session import checks
from foretune.session.waiting import waiting

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from foretune.benchmark.compare import Contest, Replayed
    from foretune.metadata import MetaDataset
    from foretune.report.replay import Sheet


@answering
def replay(
    meta: Annotated[Path, typer.Argument(metavar="META", help="Meta-dataset to learn from, or a shipped name.")],
    out: Annotated[Path, typer.Option(help="Folder for results; a comparison that was interrupted goes on there.")],
    target: Annotated[Path | None, typer.Option(help="Meta-dataset whose tasks are replayed; else META.")] = None,
    methods: Annotated[str, typer.Option(help="Names with commas between them; by default all that can run.")] = "",
    budget: Annotated[
        str, typer.Option(help="Mean full runs of a task, or seconds.")
    ] = "1runs,2runs,3runs,5runs,15runs",
    seeds: Annotated[int, typer.Option(min=1, help="Of methods that draw at random.")] = 10,
    leave_out: Annotated[
        Literal["task", "family", "model"], typer.Option(help="Group of a target task that methods may not learn from.")
    ] = "family",
    exclude_family: Annotated[
        list[str] | None, typer.Option(help="Family neither learned from nor replayed; may be given again.")
    ] = None,
    default_first: Annotated[bool, typer.Option(help="Whether searches begin with the default configuration.")] = True,
    overhead: Annotated[bool, typer.Option(help="Whether the seconds that a method thinks are charged.")] = True,
    baseline: Annotated[
        str | None,
        typer.Option(
            metavar="METHOD",
            help="Method that the others are compared with in pairs; by default the portfolio.",
        ),
    ] = None,
    space: Annotated[
        str | None,
        typer.Option(help="Search space of META's runs: a shipped name or a YAML file; else what suits them."),
    ] = None,
) -> Mapping[str, object]:
    """Compare methods by replay: recorded curves answer their trials, which cost the recorded seconds."""
    from rich.console import Console

    checks.check_output(out, "--out")
    for table in (meta, *([target] if target else ())):
        checks.check_meta_dataset(table)
    checks.check_methods(methods)
    checks.check_space(space)

    from foretune.benchmark.budgets import parse_amounts
    from foretune.benchmark.compare import Terms, prepare, replay_all
    from foretune.benchmark.paired import baseline_of
    from foretune.metadata import read_meta_dataset
    from foretune.space import load_space

    console = Console()
    terms = Terms(leave_out, parse_amounts(budget), seeds, default_first, overhead)
    names = [name.strip() for name in methods.split(",") if name.strip()]
    folder = out / "surrogates"
    with waiting(console, "reading and fitting what the methods need") as step:
        learned = _without(read_meta_dataset(meta), exclude_family or [])
        replayed = learned if target is None else _without(read_meta_dataset(target), exclude_family or [])
        contest = prepare(learned, replayed, terms, load_space(space) if space else None, folder, names or None)
        for note in contest.notes:
            console.print(f"Left out: {note}.", style="yellow", highlight=False)
        paired = baseline_of([one.name for one in contest.methods], baseline)
        searches = replay_all(contest, out, lambda done, total: step(f"replaying, {done} of {total} searches"))
    return _report(contest, searches, replayed, paired, (meta.name, (target or meta).name), out, console)


def _report(
    contest: Contest,
    searches: list[Replayed],
    replayed: MetaDataset,
    baseline: str | None,
    tables: tuple[str, str],
    out: Path,
    console: Console,
) -> Mapping[str, object]:
    from foretune.benchmark.figures import means, regret_curves, results_frame, scales_of
    from foretune.benchmark.headroom import headrooms
    from foretune.metadata.noise import seed_noise
    from foretune.report.comparison import save_comparison
    from foretune.report.regret_plot import draw_regret, save_regret
    from foretune.report.replay import headroom_sheet, markdown, rich_table, sheets
    from foretune.session.comparing import comparison_of
    from foretune.session.reporting import write_final_comparison

    noise = seed_noise(replayed)
    scales = scales_of(contest, noise)
    frame = results_frame(searches, contest, scales, replayed)
    frame.to_parquet(out / "results.parquet", index=False)
    contestants = [one.name for one in contest.methods if not one.method.sees_answers]
    found = sheets(frame, contestants, baseline)
    headroom = headroom_sheet(headrooms(contest.recorded, contest.settings, noise))
    (out / "summary.md").write_text(_summary(contest, frame, found), encoding="utf-8")
    (out / "headroom.md").write_text(markdown(headroom), encoding="utf-8")
    curves = regret_curves(searches, contest, scales)
    figure = draw_regret(curves, tasks=len(contest.recorded), leave_out=contest.terms.leave_out)
    save_regret(figure, out / "regret.png")
    shown = [*found, headroom]
    comparison = comparison_of(contest, frame, curves, shown, tables=tables, program="foretune")
    save_comparison(comparison, out)
    write_final_comparison(out, console)
    for sheet in found:
        if sheet.printed:
            console.print(rich_table(sheet, console.width))
    console.print(
        f"More, with all intervals, in {out / 'report.html'}, summary.md, headroom.md, regret.png and results.parquet.",
        highlight=False,
    )
    regrets = means(frame, "regret_median")
    return {
        "folder": out,
        "tasks": list(contest.recorded),
        "regrets": [{"method": name, "budget": spent, **vars(mean)} for (name, spent), mean in regrets.items()],
        "notes": contest.notes,
    }


def _summary(contest: Contest, frame: pd.DataFrame, found: list[Sheet]) -> str:
    from foretune.report.replay import markdown
    from foretune.session.comparing import charging, seeding

    terms = contest.terms
    seeds = f"{terms.seeds} seeds of stochastic methods"
    head = (
        f"# Replay: one {terms.leave_out} left out\n\n{frame['task'].nunique()} tasks of {frame['family'].nunique()} "
        f"families, {seeds}, {len(frame):,} searches. {seeding(terms)} {charging(contest)}\n"
    )
    notes = "".join(f"\nLeft out: {note}.\n" for note in contest.notes)
    return "\n".join([head + notes, *(markdown(sheet) for sheet in found)])


def _without(meta: MetaDataset, families: list[str]) -> MetaDataset:
    if not families:
        return meta
    return meta.select([task for task in meta.task_ids if meta.families[task] not in families])
