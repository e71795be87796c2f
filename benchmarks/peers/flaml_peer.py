"""FLAML: BlendSearch, over a flat space, with complete runs.

It knows its proposals by their values, so that it is told the loss of the trained configuration under its own proposal.
"""

from __future__ import annotations

from flaml import BlendSearch, tune
from serving import Flat, Result, Start, proposal, serve

TRIES = 100


class Blend:
    def __init__(self, start: Start) -> None:
        self._start, self._flat = start, Flat(start)
        self._search = BlendSearch(
            metric="loss",
            mode="min",
            space={one.name: domain(one) for one in self._flat.parameters},
            points_to_evaluate=[self._flat.encoded(start.default)] if start.default else None,
            seed=start.seed,
        )
        self._count = 0

    def ask(self) -> dict | None:
        for _ in range(TRIES):  # it says None where a proposal is no new one
            self._count += 1
            self._config = self._search.suggest(str(self._count))
            if self._config is not None:
                return proposal(self._count, self._flat.decoded(self._config), self._start.slices)
        return None

    def tell(self, result: Result) -> None:
        told = {"loss": result.loss, "config": self._config, "time_total_s": sum(result.seconds)}
        self._search.on_trial_complete(str(self._count), told if result.ok else None, error=not result.ok)


def domain(one) -> object:
    if one.kind == "choice":
        return tune.choice(list(one.values))
    if one.kind == "ordered":
        return tune.randint(0, len(one.values))
    if one.kind == "integer":
        return (tune.lograndint if one.log else tune.randint)(one.low, one.high + 1)
    return (tune.loguniform if one.log else tune.uniform)(one.low, one.high)


if __name__ == "__main__":
    serve(Blend, ["flaml", "optuna"])
