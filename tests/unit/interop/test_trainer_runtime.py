"""Which steps of a run its `train_runtime` covers; the numbers are of logs as transformers 4 and 5 write them."""

import pytest

from foretune.interop.trainer_runtime import first_step


def logged(*losses, every=10):
    """Entries of the mean loss since the entry before."""
    return [{"step": every * place, "loss": loss} for place, loss in enumerate(losses, start=1)]


@pytest.mark.parametrize(
    ("rate", "save_steps", "start"),
    [
        (10.0, None, 0),  # 100 steps in 10 seconds: all of them
        (6.0, None, 40),
        (6.0, 25, 40),  # no checkpoint within the error of the rounding
        (6.04, 40, 40),  # 39.6, and a checkpoint at 40
        (6.0, 0.1, 40),  # a share of the steps is no distance between checkpoints
    ],
)
def test_the_rate_counts_the_steps_of_the_part(rate, save_steps, start):
    entry = {"step": 100, "train_runtime": 10.0, "train_steps_per_second": rate}
    assert first_step(entry, [], earlier=0, save_steps=save_steps) == start


def test_the_rate_of_a_second_part_is_compared_with_the_steps_since_the_first():
    entry = {"step": 100, "train_runtime": 10.0, "train_steps_per_second": 6.0}
    assert first_step(entry, [], earlier=40, save_steps=None) == 40
    assert first_step(entry, [], earlier=20, save_steps=None) == 40


def test_losses_that_add_up_to_the_sum_of_a_part_tell_its_start():
    # Losses 4, 3, 2, 1 in blocks of ten steps; the part from step 20 on has the sum 30.
    log = logged(4.0, 3.0, 2.0, 1.0)
    entry = {"step": 40, "train_runtime": 10.0, "train_loss": 30.0 / 40}
    assert first_step(entry, log, earlier=0, save_steps=None) == 20
    assert first_step(entry, log, earlier=0, save_steps=10) == 20
    # Only a step with a checkpoint can be the start: 30 (sum 10) is farther from 30 than 15 (sum 45).
    assert first_step(entry, log, earlier=0, save_steps=15) == 15
    assert first_step(entry, log, earlier=25, save_steps=None) == 25


@pytest.mark.parametrize(
    ("changes", "log"),
    [({"train_loss": 2.5}, logged(4.0, 3.0, 2.0, 1.0)), ({}, logged(4.0)), ({"train_loss": 0.1}, []),
     ({"train_loss": 2.45}, logged(4.0, 3.0, 2.0, 1.0))],
)  # fmt: skip
def test_a_log_that_does_not_tell_is_of_a_run_in_one_part(changes, log):
    entry = {"step": 40, "train_runtime": 10.0, **changes}
    assert first_step(entry, log, earlier=0, save_steps=None) == 0


def test_a_loss_at_step_0_is_of_no_step():
    log = [{"step": 0, "loss": 100.0}, *logged(1.0, 1.0)]
    assert first_step({"step": 20, "train_runtime": 1.0, "train_loss": 1.0}, log, earlier=0, save_steps=None) == 0
