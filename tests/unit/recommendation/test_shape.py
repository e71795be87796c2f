from __future__ import annotations

import pytest

from foretune.metadata.shape import ModelShape
from foretune.recommendation.shape import shape_of_size

LLAMA_3B = ModelShape(28, 3072, 8192, 3072, 1024, 128256, 128256 * 3072.0, 3_212_749_824.0)


@pytest.mark.parametrize(
    ("billions", "layers", "width"),
    [(1.2, 16, 2048), (3.2, 28, 3072), (8.0, 32, 4096), (14.8, 40, 5120), (70.6, 80, 8192)],
)
def test_a_guess_by_size_is_near_the_real_shapes(billions, layers, width):
    """Llama 3.2 and 3.1, and Qwen3-14B."""
    shape = shape_of_size("some-model", billions)
    assert shape.parameters == billions * 1e9
    assert shape.layers * shape.width == pytest.approx(layers * width, rel=0.32)
    assert shape.matrices == pytest.approx(shape.parameters, rel=0.05)


def test_a_guess_for_a_mixture_has_the_shape_of_its_active_part():
    shape = shape_of_size("Qwen/Qwen3-30B-A3B", 30.0)
    assert shape.parameters == 30e9
    assert shape.matrices == pytest.approx(3e9, rel=0.05)


def test_modules_are_named_by_share_or_one_by_one():
    assert len(LLAMA_3B.modules("all")) == 7
    assert set(LLAMA_3B.modules("attention")) | set(LLAMA_3B.modules("mlp")) == set(LLAMA_3B.modules("all"))
    assert LLAMA_3B.modules("q_proj+v_proj") == {"q_proj": (3072, 3072), "v_proj": (3072, 1024)}
