"""Random search over the native space: the measure of the snapping itself. It needs nothing but Python."""

from __future__ import annotations

import math
import random

from serving import Parameter, Result, Start, proposal, serve


class RandomSearch:
    def __init__(self, start: Start) -> None:
        self._start = start
        self._random = random.Random(start.seed)
        self._count = 0

    def ask(self) -> dict:
        self._count += 1
        if self._count == 1 and self._start.default:
            return proposal(1, self._start.default, self._start.slices)
        drawn = {one.name: self._draw(one) for one in self._start.parameters}
        return proposal(self._count, self._start.active(drawn), self._start.slices)

    def tell(self, result: Result) -> None:
        pass

    def _draw(self, one: Parameter) -> object:
        if one.kind == "choice":
            return self._random.choices(one.values, one.weights or None)[0]
        if one.kind == "ordered":
            return self._random.choice(one.values)
        low, high = (math.log(end) if one.log else end for end in one.values)
        value = self._random.uniform(low, high)
        value = min(max(math.exp(value) if one.log else value, one.low), one.high)
        return round(value) if one.kind == "integer" else value


if __name__ == "__main__":
    serve(RandomSearch, [])
