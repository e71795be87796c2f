"""The random generators that training draws from."""

from __future__ import annotations

import torch


def generator_states(device: str) -> dict[str, torch.Tensor]:
    """The states of the random generators that a step draws from."""
    cuda = {"cuda": torch.cuda.get_rng_state(device)} if device.startswith("cuda") else {}
    return {"cpu": torch.get_rng_state(), **cuda}


def set_generators(device: str, states: dict[str, torch.Tensor]) -> None:
    """Undo `generator_states`."""
    torch.set_rng_state(states["cpu"])
    if "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
