"""Average ranks, and what tests cannot tell apart."""

import numpy as np
import pytest

from foretune.benchmark.ranking import groups_of, holm, p_values, ranking_of, told_apart


def by_task(values):
    return {f"task {at}": float(value) for at, value in enumerate(values)}


def test_p_values_are_corrected_as_holm_does():
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.9, 0.6])).tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("pairs", "groups"),
    [
        ([], ((0, 3),)),
        ([(0, 3)], ((0, 2), (1, 3))),
        ([(0, 1), (0, 2), (0, 3), (1, 3), (2, 3)], ((1, 2),)),
        ([(0, 1), (1, 2), (2, 3)], ()),
        ([(0, 2), (0, 3), (1, 3)], ((0, 1), (1, 2), (2, 3))),
    ],
)
def test_groups_are_the_longest_runs_without_a_pair_that_is_told_apart(pairs, groups):
    apart = np.zeros((4, 4), dtype=bool)
    for one, other in pairs:
        apart[one, other] = apart[other, one] = True
    assert groups_of(apart) == groups


def test_a_test_needs_differences_of_one_sign_on_enough_tasks():
    base = np.linspace(0.1, 1.0, 10)
    worse, mixed = base + np.linspace(0.1, 0.2, 10), base + 0.1 * (-1.0) ** np.arange(10)
    assert told_apart(np.stack([base, worse, mixed]))[0].tolist() == [False, True, False]
    assert not told_apart(np.stack([base, worse])[:, :5]).any(), "five tasks alone give p = 0.0625"
    assert not told_apart(np.stack([base, base])).any()


def test_methods_are_in_the_order_of_their_ranks_with_ties_shared():
    base = np.linspace(0.1, 1.0, 10)
    far = base + np.linspace(1.0, 2.0, 10)
    found = ranking_of("3runs", {"far": by_task(far), "one": by_task(base), "other": by_task(base)})
    assert found.methods == ("one", "other", "far")
    assert found.ranks == (1.5, 1.5, 3.0)
    assert found.regrets == pytest.approx((0.55, 0.55, 2.05))
    assert found.groups == ((0, 1),)
    assert found.beside_first == 1


def test_one_method_has_no_group():
    found = ranking_of("1runs", {"one": by_task([0.5, 0.25])})
    assert (found.ranks, found.groups, found.beside_first) == ((1.0,), (), 0)


def test_a_method_is_tested_against_each_of_the_others():
    base = np.linspace(0.1, 1.0, 10)
    found = p_values(base, np.stack([base + np.linspace(0.1, 0.2, 10), base]))
    assert found.tolist() == pytest.approx([2 * 2 / 2**10, 1.0])
