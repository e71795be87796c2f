"""Schedules, steps and weight decay in the terms of other trainers."""

import pytest
import yaml

from foretune.errors import InteropError
from foretune.interop.trainers.planned import refuse
from foretune.interop.trainers.registry import TRAINERS


def test_warm_up_is_counted_in_steps_of_the_whole_run(planned):
    assert planned().warmup_steps == 2  # of 20
    assert planned({"warmup": 0.0}).warmup_steps == 0
    assert planned().arguments()["max_steps"] == -1


def test_a_run_of_few_rows_takes_eight_steps(planned):
    run = planned(rows=9)  # 2 steps an epoch
    assert (run.plan.steps, run.max_steps, run.warmup_steps) == (8, 8, 1)


def test_a_constant_schedule_keeps_its_warm_up(planned):
    assert planned({"schedule": "constant"}).arguments()["lr_scheduler_type"] == "constant_with_warmup"
    assert planned().arguments()["lr_scheduler_type"] == "cosine"


def test_gates_of_ia3_are_not_decayed(planned):
    assert planned({"method": "ia3"}).decay == 0.0
    assert planned().decay == 0.01


def test_an_alpha_between_two_numbers_is_rounded_with_a_note(planned):
    notes = []
    assert planned({"alpha_over_rank": 0.3}).whole_alpha(notes) == 2
    assert notes == ["lora_alpha is 2.4 in foretune; it is rounded here to a whole number"]
    assert planned().whole_alpha(notes) == 16
    assert len(notes) == 1


def test_differences_of_the_trainer_are_said(planned):
    assert planned().shared_notes() == []
    assert "magnitudes" in planned({"method": "dora"}).shared_notes()[0]
    assert planned(cut=True).shared_notes() == [
        "rows of more than 128 tokens are shortened in another way: in foretune they lose the beginning of their "
        "prompt, so that a whole answer is learned"
    ]
    assert "lose their last turns where there" in planned(cut=True, last_only=False).shared_notes()[0]
    assert planned(cut=True, form="text").shared_notes() == []


def test_batches_are_computed_as_they_fit_on_a_card(planned):
    split = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4, "gradient_checkpointing": False}
    run = planned(split=split)
    assert split.items() <= run.arguments().items()
    assert run.arguments()["per_device_eval_batch_size"] == 2
    assert run.plan == planned().plan
    contents = {name: TRAINERS[name].write(run)[0] for name in TRAINERS}
    trl, axolotl, factory = (yaml.safe_load(contents[name]) for name in ("trl", "axolotl", "llama-factory"))
    assert split.items() <= trl.items()
    assert (axolotl["micro_batch_size"], axolotl["gradient_accumulation_steps"]) == (2, 4)
    assert axolotl["gradient_checkpointing"] is False
    assert (factory["per_device_train_batch_size"], factory["disable_gradient_checkpointing"]) == (2, True)
    assert "use_gradient_checkpointing=False" in contents["unsloth"]
    assert "'rows_at_once': 2,\n" in contents["peft-script"]
    checkpointed = TRAINERS["peft-script"].write(planned(split={**split, "gradient_checkpointing": True}))[0]
    assert "'gradient_checkpointing': True" in checkpointed


def test_lower_ranks_of_narrow_layers_are_told_or_refused(planned):
    lower = {"init_lora_weights": "pissa", "rank_pattern": {"k_proj": 4}, "alpha_pattern": {"k_proj": 8.0}}
    run = planned({"method": "pissa"}, pissa=lower)
    assert "'rank_pattern': {'k_proj': 4}" in TRAINERS["peft-script"].write(run)[0]
    for trainer in ("axolotl", "llama-factory"):
        with pytest.raises(InteropError, match="PiSSA cannot have rank 8 in layers as narrow as 4"):
            TRAINERS[trainer].write(run)


def test_a_method_that_a_trainer_lacks_is_refused(planned):
    with pytest.raises(InteropError, match="Axolotl cannot train ia3; export to peft-script"):
        refuse(planned({"method": "ia3"}), ["ia3"], "Axolotl")
