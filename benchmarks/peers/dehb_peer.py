"""DEHB: differential evolution with Hyperband, over ConfigSpace.

Its fidelities are 8/3 and 8 slices of 8; the former is rounded up. Where another configuration was trained than the one
that it proposed, its population gets that, the way its own `tell(replay=True)` does it. It takes no first
configuration, so that its first proposal is replaced by the default in the same way.
"""

from __future__ import annotations

import math
import sys
import tempfile

from ConfigSpace import Configuration, ConfigurationSpace
from dehb import DEHB
from loguru import logger
from serving import Result, Start, plain, proposal, serve, worst

logger.remove()
logger.add(sys.stderr, level="WARNING")


class Evolution:
    def __init__(self, start: Start) -> None:
        self._start = start
        self._space = ConfigurationSpace.from_serialized_dict(start.configspace)
        self._space.seed(start.seed)
        self._folder = tempfile.TemporaryDirectory()
        self._dehb = DEHB(
            f=lambda *_, **__: None,
            cs=self._space,
            dimensions=len(self._space),
            min_fidelity=1,
            max_fidelity=start.slices,
            n_workers=1,
            seed=start.seed,
            output_path=self._folder.name,
            save_freq="end",
            **start.settings.get("options", {}),
        )
        self._losses: list = []

    def ask(self) -> dict:
        self._job = self._dehb.ask()
        values = {name: plain(value) for name, value in dict(self._job["config"]).items()}
        if self._start.default and not self._losses:
            values = self._start.default
        return proposal(self._job["config_id"], values, math.ceil(self._job["fidelity"]))

    def tell(self, result: Result) -> None:
        proposed = {name: plain(value) for name, value in dict(self._job["config"]).items()}
        if proposed != result.configuration:
            trained = Configuration(self._space, values=result.configuration)
            item = self._dehb.config_repository.configs[self._job["config_id"]]
            item.config = self._dehb.configspace_to_vector(trained)
        loss = result.loss if result.ok else worst(self._losses)
        self._losses.append(loss)
        self._dehb.tell(self._job, {"fitness": loss, "cost": sum(result.seconds)})


if __name__ == "__main__":
    serve(Evolution, ["dehb", "ConfigSpace"])
