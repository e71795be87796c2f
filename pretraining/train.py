"""Stage 2: pretrain the base model on the token shards (`python pretraining/train.py WORK_DIR --tokens 80e6`).

One process a core, gradients averaged over gloo (or `--device cuda --processes 1`); Muon for matrices, AdamW for
embeddings and norms; warm-up, then a linear decay to zero over the whole run. Killed and started again with the same
arguments, it goes on from its last checkpoint.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from loss import linear_cross_entropy
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import Phi3Config, Phi3ForCausalLM

# Without the instructions a product in bfloat16 takes four times as long as one in float32.
_BFLOAT16 = bool(torch.cpu.get_capabilities().get("avx512_bf16", False))


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the result of a run, beside the shards."""

    hidden: int
    layers: int
    intermediate: int
    heads: int
    tokens: int
    batch: int
    context: int
    muon_lr: float
    adamw_lr: float
    seed: int = 0

    @property
    def steps(self) -> int:
        return self.tokens // (self.batch * self.context)


def build_model(recipe: Recipe, vocabulary: int) -> Phi3ForCausalLM:
    config = Phi3Config(
        vocab_size=vocabulary,
        hidden_size=recipe.hidden,
        intermediate_size=recipe.intermediate,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=1024,
        original_max_position_embeddings=1024,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=0,
        eos_token_id=4,
        attn_implementation="sdpa",
    )
    torch.manual_seed(recipe.seed)
    return Phi3ForCausalLM(config)


class Stream:
    """Endless shuffled windows over the shards; the step number alone decides a batch: a resumed run sees the same."""

    def __init__(self, work: Path, recipe: Recipe, device: str) -> None:
        self.tokens = np.concatenate([np.load(work / f"{name}.npy", mmap_mode="r") for name in ("books", "tech_docs")])
        self.device = device
        self.recipe = recipe

    def batch(self, step: int, rank: int, world: int) -> Tensor:
        """(rows, context + 1) int64; every fourth step trades rows for twice the context."""
        context = self.recipe.context * (2 if step % 4 == 3 else 1)
        windows = len(self.tokens) // (self.recipe.context * 2)
        rows = self.recipe.batch * self.recipe.context // (context * world)
        start = step * self.recipe.batch * self.recipe.context
        pieces = []
        for row in range(rows):
            at = start + (rank * rows + row) * context
            epoch, position = divmod(at // (self.recipe.context * 2), windows)
            order = self._order(epoch, windows)
            begin = int(order[position]) * self.recipe.context * 2 + at % (self.recipe.context * 2)
            piece = self.tokens[begin : begin + context + 1]
            pieces.append(np.pad(piece, (0, context + 1 - len(piece))))
        return torch.from_numpy(np.stack(pieces).astype(np.int64)).to(self.device)

    def _order(self, epoch: int, windows: int) -> np.ndarray:
        if getattr(self, "_epoch", None) != epoch:
            self._epoch, self._permutation = (
                epoch,
                np.random.default_rng((self.recipe.seed, epoch)).permutation(windows),
            )
        return self._permutation


def build_optimizers(model: nn.Module, recipe: Recipe) -> list[torch.optim.Optimizer]:
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n and "lm_head" not in n]
    chosen = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in chosen]
    return [
        torch.optim.Muon(matrices, lr=recipe.muon_lr, momentum=0.95, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=recipe.adamw_lr, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
    ]


def lr_share(step: int, steps: int, warmup: int = 100) -> float:
    return min(1.0, (step + 1) / warmup) * max(0.0, 1.0 - step / steps)


def average_gradients(model: nn.Module, world: int) -> None:
    if world == 1:
        return
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([g.flatten() for g in gradients])
    dist.all_reduce(flat)
    flat /= world
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


@torch.no_grad()
def bits_per_character(model: Phi3ForCausalLM, work: Path, limit: int | None = None, context: int = 512) -> float:
    """Held-out books, in windows of `context` tokens without overlap."""
    figures = json.loads((work / "corpus.json").read_text())["validation"]
    tokens = np.load(work / "validation.npy")[: limit or None].astype(np.int64)
    rows = (len(tokens) - 1) // context
    inputs = torch.from_numpy(tokens[: rows * context].reshape(rows, context))
    targets = torch.from_numpy(tokens[1 : rows * context + 1].reshape(rows, context))
    total = 0.0
    device = next(model.parameters()).device
    for part, target in zip(inputs.to(device).split(16), targets.to(device).split(16), strict=True):
        logits = model(input_ids=part).logits
        total += nn.functional.cross_entropy(logits.flatten(0, 1).float(), target.flatten(), reduction="sum").item()
    characters = figures["characters"] * rows * context / figures["tokens"]
    return total / math.log(2) / characters


def save_checkpoint(path: Path, model: nn.Module, optimizers: list[torch.optim.Optimizer], step: int) -> None:
    state = {f"model.{n}": p.detach() for n, p in model.named_parameters()}
    for i, optimizer in enumerate(optimizers):
        for key, entry in optimizer.state_dict()["state"].items():
            state |= {f"optimizer.{i}.{key}.{name}": value for name, value in entry.items()}
    save_file({k: v.contiguous() for k, v in state.items()}, path.with_suffix(".part"), metadata={"step": str(step)})
    path.with_suffix(".part").replace(path)


def load_checkpoint(path: Path, model: nn.Module, optimizers: list[torch.optim.Optimizer]) -> int:
    from safetensors import safe_open

    state = load_file(path)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(state[f"model.{name}"])
    for i, optimizer in enumerate(optimizers):
        whole = optimizer.state_dict()
        whole["state"] = {}
        for name, value in state.items():
            if name.startswith(f"optimizer.{i}."):
                key, entry = name.split(".")[2:]
                whole["state"].setdefault(int(key), {})[entry] = value
        optimizer.load_state_dict(whole)
    with safe_open(path, framework="pt") as file:
        return int(file.metadata()["step"])


def train_step(model, optimizers, stream: Stream, recipe: Recipe, step: int, rank: int, world: int) -> float:
    share = lr_share(step, recipe.steps)
    for optimizer, base in zip(optimizers, (recipe.muon_lr, recipe.adamw_lr), strict=True):
        for group in optimizer.param_groups:
            group["lr"] = base * share
    batch = stream.batch(step, rank, world)
    on_cpu = batch.device.type == "cpu"
    reduced = _BFLOAT16 or not on_cpu
    with torch.autocast(batch.device.type, dtype=torch.bfloat16, enabled=reduced):
        hidden = model.model(input_ids=batch[:, :-1]).last_hidden_state
    hidden = hidden.to(torch.bfloat16 if reduced else torch.float32).flatten(0, 1)
    # A CPU's cache holds the logits of 512 tokens; an accelerator waits for every launch.
    loss = linear_cross_entropy(hidden, model.lm_head.weight, batch[:, 1:].flatten(), chunk=512 if on_cpu else 16_384)
    loss.backward()
    average_gradients(model, world)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return loss.item()


def train(rank: int, world: int, work: Path, run: Path, recipe: Recipe, device: str) -> None:
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": os.environ.get("MASTER_PORT", "29517")}
    if world > 1:
        dist.init_process_group("gloo", rank=rank, world_size=world)
    vocabulary = json.loads((work / "tokenizer.json").read_text())["model"]["vocab"]
    model = build_model(recipe, len(vocabulary)).to(device)
    optimizers = build_optimizers(model, recipe)
    checkpoint = run / "checkpoint.safetensors"
    step = load_checkpoint(checkpoint, model, optimizers) if checkpoint.exists() else 0
    stream, began, average = Stream(work, recipe, device), time.time(), float("nan")
    first = step
    while step < recipe.steps:
        loss = train_step(model, optimizers, stream, recipe, step, rank, world)
        step += 1
        average = loss if math.isnan(average) else 0.98 * average + 0.02 * loss
        if rank == 0 and step % 50 == 0:
            speed = (step - first) * recipe.batch * recipe.context / (time.time() - began)
            line = {"step": step, "of": recipe.steps, "loss": round(average, 4), "tokens_per_second": round(speed)}
            if step % 1000 == 0 or step == recipe.steps:
                line["bits_per_character"] = round(bits_per_character(model, work, limit=120_000), 4)
            print(json.dumps(line), flush=True)
        if rank == 0 and (step % 250 == 0 or step == recipe.steps):
            save_checkpoint(checkpoint, model, optimizers, step)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path, help="folder that corpus.py wrote")
    parser.add_argument("run", type=Path, help="folder for this run's checkpoint")
    for name, default in (
        ("hidden", 192),
        ("layers", 3),
        ("intermediate", 384),
        ("heads", 6),
        ("batch", 24),
        ("context", 256),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--tokens", type=float, default=80e6)
    parser.add_argument("--muon-lr", type=float, default=6e-3)
    parser.add_argument("--adamw-lr", type=float, default=6e-3)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    args = vars(parser.parse_args())
    work, run, processes, device = (args.pop(name) for name in ("work", "run", "processes", "device"))
    recipe = Recipe(**args | {"tokens": int(args["tokens"])})
    run.mkdir(parents=True, exist_ok=True)
    (run / "recipe.json").write_text(json.dumps(recipe.__dict__, indent=1))
    if processes == 1:
        train(0, 1, work, run, recipe, device)
    else:
        torch.multiprocessing.spawn(train, args=(processes, work, run, recipe, device), nprocs=processes)


if __name__ == "__main__":
    main()
