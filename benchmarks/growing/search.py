"""A search whose answers are made up."""

from __future__ import annotations

import time

import numpy as np

from foretune.optimizer import Optimizer, make_optimizer
from foretune.optimizer.pool import candidate_pool
from foretune.space import Encoder, load_space
from foretune.surrogate.protocol import Surrogates
from foretune.types import LearningCurve, Report, Status, Trial
from growing.made_up import SLICES, WIDTHS, made_up_tasks, scores_of

OPTIMIZER = "transfer-in-context"
PLENTY = 1e6
"""Seconds that are left, always: an optimizer may plan with them."""
cpu = time.process_time


class Search:
    """An optimizer on a made-up task, what its trials would come to, and the CPU seconds of making it."""

    def __init__(self, surrogates: Surrogates, candidates: int) -> None:
        rng = np.random.default_rng(1)
        made_up = made_up_tasks(1, rng)
        self.task, width = made_up.task(0), WIDTHS[made_up.models[0]]
        space = load_space("peft", hidden_size=width)
        pool = candidate_pool(space, width, surrogates.performance.recorded, candidates, rng)[:candidates]
        self.pool = list(dict.fromkeys([space.default(), *pool]))
        rows = Encoder.of(space).encode(self.pool)
        scores = scores_of(self.task, rows, made_up.likes[0], rng)
        self.scores = {one.key: values for one, values in zip(self.pool, scores, strict=True)}
        begun = cpu()
        self.optimizer: Optimizer = make_optimizer(OPTIMIZER, self.task, pool, space.default(), surrogates)
        self.made = cpu() - begun
        self.seen: dict[str, int] = {}

    @property
    def slices(self) -> int:
        return sum(self.seen.values())

    def step(self) -> float:
        """CPU seconds of an ask and a tell."""
        begun = cpu()
        trial = self.optimizer.ask(seconds_left=PLENTY)
        asked = cpu() - begun
        assert trial is not None, "every candidate is trained; give more of them"
        return asked + self.tell(trial)

    def tell(self, trial: Trial) -> float:
        """CPU seconds of a tell."""
        key, upto = trial.configuration.key, trial.fidelity
        curve = LearningCurve(self.scores[key][:upto], np.ones(upto))
        self.seen[key] = upto
        report = Report(trial, Status.OK, curve, seconds=float(upto - trial.resumes_from))
        begun = cpu()
        self.optimizer.tell(report)
        return cpu() - begun

    def tell_slices(self, upto: int, each: int) -> None:
        """The default's whole run, and so many slices of one candidate after the other, until so many are seen."""
        for number, one in enumerate(self.pool):
            left = upto - self.slices
            if left <= 0:
                return
            self.tell(Trial(number, one, fidelity=min(left, each if number else SLICES)))
