"""The paper's performance surrogate as a kind (`foretune fit --kind deep-kernel`): how it is fitted, and its file."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from foretune.errors import SurrogateError
from foretune.paper.inputs import Inputs
from foretune.paper.performance import DeepKernelSurrogate, Member, Targets
from foretune.space import Encoder
from foretune.surrogate.arrays import flatten, restore, restore_all
from foretune.surrogate.kinds import Arrays, Data, Fitted, Kind

if TYPE_CHECKING:
    from foretune.paper.deep_kernel import Recipe


def check_installed() -> None:
    """Raises a `SurrogateError` if the libraries of the extra are not there; predicting does without them."""
    if find_spec("gpytorch") is None:
        raise SurrogateError("a deep kernel is trained with gpytorch, which is missing: pip install 'foretune[paper]'")


def _fit(data: Data, recipe: Recipe | None) -> Fitted:
    from foretune.paper.fit import fit_deep_kernel  # noqa: PLC0415 (it alone needs gpytorch)

    return fit_deep_kernel(data, recipe)


def _take_apart(performance: DeepKernelSurrogate) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    inputs = performance.inputs
    facts = {
        "kind": performance.kind,
        "encoder": inputs.encoder.to_json(),
        "features": inputs.feature_names,
        "columns": inputs.names,
    }
    parts = {"inputs.center": inputs.center, "inputs.spread": inputs.spread}
    return facts, parts | flatten(performance.targets, "targets") | flatten(performance.members, "members")


def _put_together(encoder: Encoder, facts: Mapping[str, Any], arrays: Arrays) -> DeepKernelSurrogate:
    inputs = Inputs(encoder, tuple(facts["features"]), arrays["inputs.center"], arrays["inputs.spread"])
    return DeepKernelSurrogate(inputs, restore(Targets, arrays, "targets"), restore_all(Member, arrays, "members"))


DEEP_KERNEL = Kind(_fit, _take_apart, _put_together, needs_all=True, needs_held_out=True, check=check_installed)
