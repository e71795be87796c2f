"""`foretune merge` prints how the written model compares with the adapter."""

import torch
from typer.testing import CliRunner

from foretune.cli import commands
from foretune.finetuning.merge import Merged


def test_the_command_tells_both_losses(tmp_path, monkeypatch):
    found = Merged(12, 0.0123, 20.04, 1.23456, 1.23467, torch.bfloat16)
    monkeypatch.setattr("foretune.session.merging.merge", lambda *_, **__: (found, ("a note",)))
    result = CliRunner().invoke(commands, ["merge", str(tmp_path), "--out", "merged"])
    assert result.exit_code == 0, result.output
    assert result.output == (
        "note: a note\n"
        "On 12 validation rows: loss 1.2346 with the adapter and 1.2347 merged, "
        "logits differ by 0.012 at most (of 20).\n"
        "The model is in merged, in bfloat16.\n"
    )
