"""The rule of thumb for the learning rate."""

import pytest

from foretune.errors import ConfigurationError
from foretune.space import learning_rate_reference
from foretune.space.learning_rate import learning_rate_ratio


@pytest.mark.parametrize(("hidden_size", "rate"), [(2000, 5e-4), (4096, 2.44e-4), (192, 5.208e-3), (64, 1.5625e-2)])
def test_values_of_the_rule(hidden_size: int, rate: float) -> None:
    assert learning_rate_reference(hidden_size) == pytest.approx(rate, rel=2e-3)


def test_ratio_is_one_at_the_same_width_and_multiplies_along_a_chain() -> None:
    assert learning_rate_ratio(768, of=768) == 1.0
    assert learning_rate_ratio(768, of=192) * learning_rate_ratio(4096, of=768) == pytest.approx(
        learning_rate_ratio(4096, of=192)
    )


def test_a_width_of_nothing() -> None:
    with pytest.raises(ConfigurationError, match="hidden_size is 0, expected a positive width; take"):
        learning_rate_reference(0)
