"""Slices of one run: steps, tokens, what is scored, and when a run ends early."""

import json
import math
import time

import numpy as np
import pytest
import torch

from foretune.finetuning import slices
from foretune.finetuning.batches import epoch_batches
from foretune.finetuning.evaluate import Scores
from foretune.finetuning.run import RunRequest, StoppedError
from foretune.finetuning.slices import prepare_run, train_slices
from foretune.types import Status, Trial


@pytest.fixture
def order(tiny_model, tiny_data, configuration, tmp_path):
    def make(fidelity=2, **options):
        torch.manual_seed(0)
        trial = Trial(0, options.pop("chosen", configuration("lora")), fidelity)
        return RunRequest(trial, tiny_data, str(tiny_model), "cpu", tmp_path, **options)

    return make


@pytest.fixture
def losses(monkeypatch):
    """Scripts what evaluations say, and keeps how many rows each was of."""

    def script(*values):
        seen, left = [], iter(values)

        def evaluate(_, tokens):
            seen.append(tokens)
            return Scores(next(left), 0.5, 0.25)

        monkeypatch.setattr(slices, "evaluate", evaluate)
        return seen

    return script


def test_a_slice_has_its_share_of_steps_and_counts_the_tokens_read(order, tiny_data):
    found = list(train_slices(order(4), None))
    # Two epochs of five batches: ten steps in eight slices.
    assert [one.steps for one in found] == [1, 2, 4, 5]
    assert [one.epochs for one in found] == [0.2, 0.4, 0.8, 1.0]
    lengths = tiny_data.train.lengths
    batches = epoch_batches(lengths, 4, seed=0, epoch=0)
    assert [one.tokens for one in found] == np.cumsum([lengths[batch].sum() for batch in batches])[
        [0, 1, 3, 4]
    ].tolist()
    assert found[-1].tokens == tiny_data.train.total
    assert all(one.test_nll is None for one in found)


def test_the_test_split_is_scored_where_validation_improves(order, tiny_data, losses):
    seen = losses(3.0, 3.25, 3.5, 2.0, 2.25)
    found = list(train_slices(order(3, test=True), None))
    assert [one.validation_nll for one in found] == [3.0, 3.5, 2.0]
    assert [one.test_nll for one in found] == [3.25, None, 2.25]
    assert [tokens is tiny_data.test for tokens in seen] == [False, True, False, False, True]


@pytest.mark.parametrize("loss", [math.nan, 22.2])
def test_a_loss_far_beyond_guessing_ends_the_run(order, losses, loss, tmp_path):
    losses(3.0, loss)
    run = train_slices(order(3), None)
    assert next(run).validation_nll == 3.0
    # Three times the loss of a uniform guess among 300 tokens, and 5.
    with pytest.raises(
        StoppedError, match=r"validation loss after slice 2 is .*, beyond 22.11; a lower learning"
    ) as end:
        next(run)
    assert end.value.status is Status.DIVERGED
    assert len((tmp_path / "slices.jsonl").read_text().splitlines()) == 1


def test_a_worst_loss_follows_from_the_vocabulary(order):
    run = prepare_run(order())
    assert run.worst_loss == pytest.approx(3 * math.log(300) + 5)
    assert (run.batch_size, run.plan.steps, run.plan.steps_per_epoch) == (4, 10, 5)
    assert run.model.training


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"deadline": -math.inf, "timeout_seconds": 2.5}, "stopped before step 0: over 2.5 seconds"),
        ({"stop": lambda: True}, "stopped before step 0, as was asked"),
    ],
)
def test_a_run_that_is_stopped_leaves_word_of_itself(order, tmp_path, options, message):
    with pytest.raises(StoppedError, match=message) as end:
        next(train_slices(order(**options), None))
    assert end.value.status is Status.TIMED_OUT
    known = json.loads((tmp_path / "run.json").read_text())
    assert known["configuration"]["method"] == "lora"
    assert known["parameters_trained"] > 0
    assert not (tmp_path / "slices.jsonl").exists()


def test_slices_are_timed_by_the_given_clock(order):
    ticks = iter(range(100))
    found = list(train_slices(order(1, seconds=lambda: float(next(ticks)), deadline=time.perf_counter() + 60), None))
    assert [(one.train_seconds, one.evaluation_seconds) for one in found] == [(1.0, 1.0)]
