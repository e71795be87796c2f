"""A planned run to write for each trainer."""

import pytest

from foretune.finetuning.optim import SLICES, plan
from foretune.interop.trainers.planned import PlannedRun
from foretune.types import Configuration

VALUES = {
    "method": "lora", "rank": 8, "alpha_over_rank": 2.0, "dropout": 0.05, "target_modules": "all",
    "learning_rate": 0.005, "batch_size": 8, "schedule": "cosine", "warmup": 0.1, "weight_decay": 0.01,
    "optimizer": "adamw", "epochs": 2,
}  # fmt: skip

PISSA = {"init_lora_weights": "pissa_niter_4", "rank_pattern": {}, "alpha_pattern": {}}


@pytest.fixture
def planned(tmp_path):
    """Makes a run; `values` go over those of a plain LoRA."""

    def make(values=None, rows=80, **others):
        values = {**VALUES, **(values or {})}
        fields = {
            "values": values, "plan": plan(Configuration(values), rows), "slices": SLICES, "model": "org/base",
            "data": tmp_path / "rows", "form": "chat", "last_only": True, "all_learned": True, "cut": False,
            "max_length": 128, "seed": 3, "modules": ["k_proj", "q_proj"], "inputs": [],
            "pissa": PISSA if values["method"] == "pissa" else {},
            "output": str(tmp_path / "out"),
        }  # fmt: skip
        return PlannedRun(**{**fields, **others})

    return make
