"""The trainers that a configuration can be exported to.

A new trainer is a function in a file of its own, a line here, and its name in `foretune.session.checks`, which knows
names without what is loaded here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from foretune.interop.trainers.axolotl import to_axolotl
from foretune.interop.trainers.llama_factory import dataset_info, to_llama_factory
from foretune.interop.trainers.peft_script import to_peft_script
from foretune.interop.trainers.planned import PlannedRun
from foretune.interop.trainers.rows import Style
from foretune.interop.trainers.trl import to_trl
from foretune.interop.trainers.unsloth import to_unsloth


@dataclass(frozen=True)
class Trainer:
    """A trainer's file.

    Attributes:
        write: its content, and notes on what it cannot say.
        command: that trains with it.
        style: of the rows that it reads.
        file: its name, where none is given.
        dataset_info: the content of a `dataset_info.json` beside the rows, where the trainer reads that.
    """

    write: Callable[[PlannedRun], tuple[str, list[str]]]
    command: str
    style: Style
    file: str
    dataset_info: Callable[[PlannedRun], dict[str, Any]] | None = None


TRAINERS: Mapping[str, Trainer] = {
    "trl": Trainer(to_trl, "trl sft --config {file}", "split", "trl.yaml"),
    "axolotl": Trainer(to_axolotl, "axolotl train {file}", "turns", "axolotl.yaml"),
    "llama-factory": Trainer(
        to_llama_factory, "llamafactory-cli train {file}", "turns", "llama-factory.yaml", dataset_info
    ),
    "unsloth": Trainer(to_unsloth, "python {file}", "split", "train_unsloth.py"),
    "peft-script": Trainer(to_peft_script, "python {file}", "pieces", "peft-script.py"),
}
