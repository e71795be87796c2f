"""What keeps a method from running on a task, in words; empty if nothing does."""

from __future__ import annotations

from foretune.benchmark.knowledge import Knowledge
from foretune.benchmark.replay_task import ReplayTask
from foretune.errors import SurrogateError
from foretune.surrogate.inputs import SLICES, feature_vector
from foretune.surrogate.kinds import find_kind
from foretune.surrogate.meta_features import read_task

_LEAST_TASKS = 2


def needs_default(setting: ReplayTask) -> str:
    """A default that was recorded."""
    return "" if setting.default else "the table knows no default configuration, or its run is missing"


def needs_features(setting: ReplayTask) -> str:
    """Meta-features."""
    known = setting.knowledge.meta.task(setting.knowledge.ranks.tasks[0]).meta_features
    return "" if known.keys() & setting.task.meta_features.keys() else "the tasks share no meta-features"


def needs_of_kind(kind: str, setting: ReplayTask) -> str:
    """What a kind of surrogate learns from; nothing where there is none."""
    if not kind:
        return ""
    return _described_tasks(setting) if find_kind(kind).needs_all else _like_tasks(setting)


def _described_tasks(setting: ReplayTask) -> str:
    """Meta-features, and eight slices."""
    tasks = [setting.knowledge.meta.task(name) for name in setting.knowledge.meta.task_ids]
    odd = [task for task in [setting.task, *tasks] if task.max_fidelity != SLICES]
    if odd:
        return f"surrogates learn from runs of {SLICES} slices, {odd[0].id!r} has {odd[0].max_fidelity}"
    try:
        for task in [setting.task, *tasks]:
            read_task(task)
        feature_vector(setting.task, sorted(tasks[0].meta_features))
    except SurrogateError as error:
        return str(error)
    return ""


def _like_tasks(setting: ReplayTask) -> str:
    """Complete runs with as many slices."""
    tasks = [setting.knowledge.meta.task(name) for name in setting.knowledge.meta.task_ids]
    odd = [task for task in tasks if task.max_fidelity != setting.task.max_fidelity]
    if odd:
        return f"{setting.task.id!r} has {setting.task.max_fidelity} slices a run, {odd[0].id!r} {odd[0].max_fidelity}"
    if len(_complete_tasks(setting.knowledge)) < _LEAST_TASKS:
        return f"it learns from complete runs of {_LEAST_TASKS} tasks or more"
    common = set(tasks[0].meta_features).intersection(*(task.meta_features for task in tasks))
    missing = sorted(common - set(setting.task.meta_features))
    return f"the task lacks the meta-features {', '.join(missing)}" if missing else ""


def _complete_tasks(knowledge: Knowledge) -> set[str]:
    """Tasks with a run that has all slices."""
    slices = {task: knowledge.meta.task(task).max_fidelity for task in knowledge.meta.task_ids}
    runs = knowledge.meta.runs[["run", "task"]].itertuples(index=False, name=None)
    return {task for run, task in runs if len(knowledge.meta.curve(run)) == slices[task]}
