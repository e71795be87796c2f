"""What is shipped for which size of base model."""

from __future__ import annotations

import math

import pytest

from foretune.metadata import read_meta_dataset
from foretune.metadata.digest import data_sha256
from foretune.recommendation.shape import shape_of_size
from foretune.session.shipped import LEAST_PARAMETERS, REAL, TINY, learned_from, shipped_surrogates
from foretune.surrogate import load_surrogates


@pytest.mark.parametrize(
    ("billions", "names"), [(0.004, (TINY,)), (0.036, (TINY,)), (0.135, (TINY, REAL)), (7.0, (TINY, REAL))]
)
def test_surrogates_have_learned_from_the_tables_of_their_size(billions: float, names: tuple[str, ...]):
    shape = shape_of_size("model", billions)
    assert learned_from(shape) == names
    digests = [data_sha256(read_meta_dataset(name)) for name in names]
    assert load_surrogates(shipped_surrogates(shape)).card["data_sha256"] == digests


def test_the_border_is_in_the_middle_between_the_sizes_of_both_tables():
    assert math.log10(LEAST_PARAMETERS) == pytest.approx((max(log_sizes(TINY)) + min(log_sizes(REAL))) / 2, abs=0.05)


def log_sizes(name: str) -> list[float]:
    table = read_meta_dataset(name)
    return [table.task(task).meta_features["model_log_parameters"] for task in table.task_ids]
