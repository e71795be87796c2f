"""What a recommendation says, wherever it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from foretune.recommendation.split import AtOnce
from foretune.types import Configuration

Basis = Literal["surrogates", "published sweeps", "rule"]


@dataclass(frozen=True)
class Interval:
    """A prediction with the interval that should hold the truth in four of five cases."""

    middle: float
    low: float
    high: float


@dataclass(frozen=True)
class Recommendation:
    """One configuration.

    Attributes:
        configuration: to finetune with.
        score: predicted, in the unit of `Advice.scored_by`; None where nothing is known.
        seconds: of the complete run, on the hardware of the recorded runs or the one that was asked about; None where
            not known.
        memory_bytes: at its peak; None where not known.
        reason: what speaks for it, in a line.
        cases: (K,) its score in each of the cases that `Advice.case_weights` weighs, in which what is asked about turns
            out like an earlier task or model; empty where there are none.
        at_once: what of a batch is computed at once on the accelerator that was asked about; None where there is none,
            or where nothing is known of the memory.
        dollars: of `seconds`; None where these or the price of an hour are not known.
        rank: from 1; those that cannot be told apart have one in common, see `foretune.recommendation.ties`.
        steps: of the optimizer in the complete run; None where not known.
    """

    configuration: Configuration
    score: Interval | None
    seconds: float | None
    memory_bytes: float | None
    reason: str
    cases: tuple[float, ...] = ()
    at_once: AtOnce | None = None
    dollars: float | None = None
    rank: int = 1
    steps: int | None = None


@dataclass(frozen=True)
class Advice:
    """Configurations, best first, and how far to trust them.

    Attributes:
        recommendations: best first.
        basis: where they come from.
        scored_by: what `Recommendation.score` is; less is better.
        distance: how far the target lies from what was seen.
        warnings: what to keep in mind.
        case_weights: (K,) of the cases of all recommendations.
        facts: what was measured or assumed on the way, JSON-like.
        is_guess: whether the predictions say too little to rank by, for neither the base model nor a dataset like this
            was recorded; the first recommendation is then the default.
    """

    recommendations: tuple[Recommendation, ...]
    basis: Basis
    scored_by: str
    distance: str
    warnings: tuple[str, ...] = ()
    case_weights: tuple[float, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    is_guess: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        rows = [
            {
                "rank": one.rank,
                "configuration": dict(one.configuration.values),
                "score": asdict(one.score) if one.score else None,
                "steps": one.steps,
                "seconds": one.seconds,
                "dollars": one.dollars,
                "memory_bytes": one.memory_bytes,
                "at_once": one.at_once.to_json() if one.at_once else None,
                "reason": one.reason,
            }
            for one in self.recommendations
        ]
        return {
            "basis": self.basis,
            "scored_by": self.scored_by,
            "distance": self.distance,
            "is_guess": self.is_guess,
            "warnings": list(self.warnings),
            **self.facts,
            "recommendations": rows,
        }
