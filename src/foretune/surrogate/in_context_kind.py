"""The in-context surrogate as a kind: fitted and judged, and as a file."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np

from foretune.space import Encoder
from foretune.surrogate.arrays import flatten, restore
from foretune.surrogate.examples import Run, by_task
from foretune.surrogate.fit_in_context import fit_in_context
from foretune.surrogate.in_context import InContextSurrogate, Origin
from foretune.surrogate.judge import can_be_judged, judge
from foretune.surrogate.kinds import IN_CONTEXT, Arrays, Data, Fitted, Kind, Scores
from foretune.surrogate.scaling import Scaling
from foretune.surrogate.scenarios import Scenarios
from foretune.surrogate.similarity import Similarity
from foretune.surrogate.units import Units
from foretune.types import Configuration

_PARTS: Mapping[str, type[Any]] = {
    "row_scaling": Scaling,
    "scenarios": Scenarios,
    "similarity": Similarity,
    "units": Units,
}


def _fit(data: Data, recipe: None) -> Fitted:
    """Nothing is trained."""
    del recipe
    judged = dict[str, Scores]()
    for part in data.held_out():
        rest = data.without(part)
        surrogate = fit_in_context(rest, data.encoder, data.names, reference=data.reference)
        judged |= _judge(surrogate, data, part)
    performance = fit_in_context(data.runs, data.encoder, data.names, reference=data.reference)
    return Fitted(performance, _means(judged), judged, {"kind": IN_CONTEXT})


def _judge(surrogate: InContextSurrogate, data: Data, part: Collection[str]) -> dict[str, Scores]:
    needed = set(surrogate.needed_features)
    groups = {
        name: runs
        for name, runs in by_task(data.of(part)).items()
        if can_be_judged(runs) and needed <= runs[0].task.meta_features.keys()
    }
    return {name: judge(surrogate, runs, _reference(surrogate, runs)) for name, runs in groups.items()}


def _reference(surrogate: InContextSurrogate, runs: Sequence[Run]) -> Configuration | None:
    """The reference configuration as it was run on this task."""
    found = (run.configuration for run in runs if surrogate.is_reference(run.task, run.configuration))
    return next(found, None)


def _means(judged: Mapping[str, Scores]) -> Scores:
    names = dict.fromkeys(name for one in judged.values() for name in one)
    return {name: fmean(one[name] for one in judged.values() if name in one) for name in names}


def _take_apart(performance: InContextSurrogate) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    facts = {
        "kind": IN_CONTEXT,
        "encoder": performance.encoder.to_json(),
        "features": performance.feature_names,
        "reference": dict(performance.reference.values),
        "slices": performance.slices,
        "recorded": [dict(one.values) for one in performance.recorded],
        "origins": performance.origins,
    }
    parts = {path: array for name in _PARTS for path, array in flatten(getattr(performance, name), name).items()}
    return facts, parts


def _put_together(encoder: Encoder, facts: Mapping[str, Any], arrays: Arrays) -> InContextSurrogate:
    return InContextSurrogate(
        encoder=encoder,
        feature_names=tuple(facts["features"]),
        reference=Configuration(facts["reference"]),
        slices=int(facts["slices"]),
        recorded=tuple(Configuration(values) for values in facts["recorded"]),
        origins=tuple(Origin(*values) for values in facts["origins"]),
        **{name: restore(kind, arrays, name) for name, kind in _PARTS.items()},
    )


IN_CONTEXT_KIND = Kind(_fit, _take_apart, _put_together)
