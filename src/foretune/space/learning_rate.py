"""How the learning rate depends on the width of the base model: one rule, used for ranges, defaults and features."""

from __future__ import annotations

from foretune.errors import ConfigurationError


def learning_rate_reference(hidden_size: int) -> float:
    """The learning rate that a practitioner would give LoRA on a base model of this width.

    `5e-4 * 2000 / hidden_size`: 2.4e-4 for a width of 4096, close to the 2e-4 of the PEFT and TRL examples, and 5.2e-3
    for a width of 192. That Adam's best rate falls with the inverse of the width is the rule of the maximal update
    parametrization (Yang et al., arXiv 2203.03466); "LoRA Without Regret" (Schulman et al., 2025) found the best rate
    of LoRA ten times that of full finetuning, and nearly the same for all ranks.

    Args:
        hidden_size: width of the base model's residual stream.

    Raises:
        ConfigurationError: `hidden_size` is not positive.
    """
    if hidden_size < 1:
        raise ConfigurationError(
            f"hidden_size is {hidden_size}, expected a positive width; take `hidden_size` from the model's config.json"
        )
    return 5e-4 * 2000 / hidden_size


def learning_rate_ratio(hidden_size: int, of: int) -> float:
    """What a learning rate stated for width `of` is multiplied by to suit width `hidden_size`."""
    return learning_rate_reference(hidden_size) / learning_rate_reference(of)
