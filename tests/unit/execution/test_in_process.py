"""A trial's error is its status here, as it is in a worker."""

from __future__ import annotations

import numpy as np
import pytest

from foretune.execution import in_process
from foretune.execution.in_process import InProcess
from foretune.finetuning.data import TokenizedSplits, Tokens
from foretune.types import Configuration, Status, Trial

ROW = Tokens((np.array([1, 2, 3]),), np.array([1]))
DATA = TokenizedSplits("one", ROW, ROW, ROW)


def test_a_trial_whose_earlier_slices_are_gone_fails_and_nothing_else_does(tiny_model, tmp_path) -> None:
    run = InProcess(DATA, str(tiny_model), tmp_path)
    report = run(Trial(3, Configuration({"method": "lora"}), 4, 2))
    assert report.status is Status.FAILED
    assert report.message.startswith("trial 3 resumes from slice 2 but ")
    assert len(report.curve) == 0


def test_what_is_no_error_of_ours_is_not_hidden(tiny_model, tmp_path, monkeypatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(in_process, "finetune", interrupted)
    with pytest.raises(KeyboardInterrupt):
        InProcess(DATA, str(tiny_model), tmp_path)(Trial(0, Configuration({"method": "lora"}), 1))
