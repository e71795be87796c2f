"""Memory that a process needs for a base model of more than 1 GB: as multiples of its weights.

Run: python benchmarks/one_copy.py [--layers 6] [--width 2048]

Writes a model with random weights in bfloat16 to a temporary folder, and in a process of its own reads it in float32,
the type of CPUs, and hands it to runs, one after the other. Printed after each step are the bytes that the process has
for itself (RssAnon) and the most that it had in between, less what it had before the model was read. The most counts
pages of the file, too, while the model is read from it; the system takes these back when it needs them.
"""

from __future__ import annotations

import argparse
import gc
import re
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

_STATUS, _CLEAR_REFS = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def write_model(folder: Path, layers: int, width: int) -> None:
    """A Llama without a tokenizer."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=32_000,
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        tie_word_embeddings=True,
        dtype=torch.bfloat16,
    )
    torch.set_default_dtype(torch.bfloat16)
    LlamaForCausalLM(config).save_pretrained(folder)


class Memory:
    """Prints what the process holds, in multiples of a model's weights."""

    def __init__(self) -> None:
        self.before, self.weights = self.read("RssAnon"), 1
        self.begin()

    def read(self, name: str) -> int:
        """Bytes, as the system says."""
        found = re.search(rf"{name}:\s+(\d+) kB", _STATUS.read_text(encoding="utf-8"))
        return int(found[1]) * 1024 if found else 0

    def begin(self) -> None:
        """Let the most be what is held now."""
        gc.collect()
        _CLEAR_REFS.write_text("5", encoding="ascii")

    def say(self, step: str) -> None:
        """One line."""
        held, most = ((self.read(name) - self.before) / self.weights for name in ("RssAnon", "VmHWM"))
        print(f"{step:<46} {held:>6.2f} {most:>6.2f}", flush=True)
        self.begin()


def hand_out(folder: Path) -> None:
    """A model for runs of several kinds, one after the other."""
    import torch

    from foretune.finetuning.adapters import adapt
    from foretune.finetuning.base import fresh_model, release, weight_bytes
    from foretune.types import Configuration

    memory, lend = Memory(), partial(fresh_model, folder, device="cpu", dtype=torch.float32)
    run = lend(changes_weights=False)
    memory.weights = weight_bytes(run)
    print(f"weights: {memory.weights / 1e9:.2f} GB in float32, twice those of the file")
    print(f"{'':<46} {'held':>6} {'most':>6}   times the weights")
    memory.say("read, for a run that leaves them alone")
    lora = {"method": "lora", "target_modules": "all", "rank": 16, "alpha_over_rank": 2.0, "dropout": 0.0}
    adapted = adapt(run, Configuration(lora), name=str(folder))
    memory.say("with an adapter")
    del adapted, run
    for number in ("second", "third"):
        run = lend(changes_weights=False)
        memory.say(f"handed to a {number} run")
    del run
    run = lend(changes_weights=True)
    memory.say("given up to a run that changes them")
    del run
    run = lend(changes_weights=False)
    memory.say("read anew for the next")
    del run
    release()
    memory.say("released")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--width", type=int, default=2048)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_model(Path(folder), given.layers, given.width)
        subprocess.run([sys.executable, __file__, "--inside", folder], check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        hand_out(Path(sys.argv[2]))
    else:
        main()
