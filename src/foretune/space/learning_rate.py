"""How the learning rate depends on the width of the base model: one rule, used for ranges, defaults and features."""

from __future__ import annotations

from foretune.errors import ConfigurationError

EXPONENT = 0.781


def learning_rate_reference(hidden_size: int) -> float:
    """The learning rate that a practitioner would give LoRA on a base model of this width.

    `10 * 5e-5 * (2000 / hidden_size) ** 0.781`: 5e-5 for full finetuning, ten times as much for LoRA, less for wider
    models. Source: `get_lr` of thinking-machines-lab/tinker-cookbook, fitted there to Llama models of 1B parameters and
    more; the factor ten is also that of "LoRA Without Regret" (Schulman et al., 2025). It gives 2.9e-4 for a width of
    4096, close to the 2e-4 of the PEFT and TRL examples, and 3.1e-3 for a width of 192.

    Args:
        hidden_size: width of the base model's residual stream.

    Raises:
        ConfigurationError: `hidden_size` is not positive.
    """
    if hidden_size < 1:
        raise ConfigurationError(
            f"hidden_size is {hidden_size}, expected a positive width; take `hidden_size` from the model's config.json"
        )
    return 10 * 5e-5 * (2000 / hidden_size) ** EXPONENT


def learning_rate_ratio(hidden_size: int, of: int) -> float:
    """What a learning rate stated for width `of` is multiplied by to suit width `hidden_size`."""
    return learning_rate_reference(hidden_size) / learning_rate_reference(of)
