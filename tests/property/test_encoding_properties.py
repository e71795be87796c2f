"""Properties of search spaces and encoders that hold for every configuration."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foretune.space import Encoder, load_space, shipped_spaces
from foretune.space.column import Ruler
from foretune.types import Configuration

SPACES = {name: load_space(name) for name in shipped_spaces()}
POOLS = {name: space.sample(200, np.random.default_rng(0)) for name, space in SPACES.items()}
ENCODERS = {name: Encoder.of(space) for name, space in SPACES.items()}
steady = settings(deadline=None, derandomize=True, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
names = st.sampled_from(sorted(SPACES))
pairs = names.flatmap(lambda name: st.tuples(st.just(name), st.sampled_from(POOLS[name]), st.sampled_from(POOLS[name])))


@steady
@given(pairs)
def test_two_configurations_have_equal_rows_only_if_they_are_equal(
    pair: tuple[str, Configuration, Configuration],
) -> None:
    name, first, second = pair
    rows = ENCODERS[name].encode([first, second])
    assert np.array_equal(rows[0], rows[1]) == (first == second)


@pytest.mark.parametrize("name", sorted(SPACES))
def test_rows_are_finite_about_one_wide_and_no_column_is_constant(name: str) -> None:
    rows = ENCODERS[name].encode(POOLS[name])
    assert np.isfinite(rows).all()
    assert rows.min() >= -0.25
    assert rows.max() <= 1.0
    assert (np.ptp(rows, axis=0) >= 0.8).all()


@steady
@given(pairs, st.integers(64, 8192))
def test_json_brings_back_an_equal_encoder(pair: tuple[str, Configuration, Configuration], hidden_size: int) -> None:
    name, configuration, _ = pair
    encoder = ENCODERS[name].at(hidden_size)
    read = Encoder.from_json(encoder.to_json())
    assert read == encoder
    np.testing.assert_array_equal(read.encode([configuration]), encoder.encode([configuration]))


@steady
@given(pairs, st.randoms(use_true_random=False))
def test_the_order_of_values_does_not_matter(pair: tuple[str, Configuration, Configuration], random: object) -> None:
    name, configuration, _ = pair
    items = list(configuration.values.items())
    random.shuffle(items)  # type: ignore[attr-defined]
    shuffled = Configuration(dict(items))
    assert shuffled == configuration
    np.testing.assert_array_equal(ENCODERS[name].encode([shuffled]), ENCODERS[name].encode([configuration]))


@steady
@given(
    st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=6, unique=True).map(sorted),
    st.booleans(),
    st.floats(1e-3, 1e3),
    st.floats(1e-3, 1e3),
)
def test_a_ruler_keeps_order_and_its_marks_lie_at_equal_distances(
    marks: list[float], log: bool, first: float, second: float
) -> None:
    ruler = Ruler(tuple(marks), log)
    low, high = sorted((first, second))
    assert ruler.position(low) <= ruler.position(high)
    positions = [ruler.position(mark) for mark in marks]
    np.testing.assert_allclose(positions, np.linspace(0, 1, len(marks)), atol=1e-9)


@settings(steady, max_examples=15)
@given(names, st.integers(0, 2**32 - 1), st.integers(32, 16384))
def test_samples_of_a_scaled_space_belong_to_it(name: str, seed: int, hidden_size: int) -> None:
    space = SPACES[name].at(hidden_size)
    for configuration in [space.default(), *space.sample(3, np.random.default_rng(seed))]:
        space.check(configuration)
        assert np.isfinite(ENCODERS[name].at(hidden_size).encode([configuration])).all()
